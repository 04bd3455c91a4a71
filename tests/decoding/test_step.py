"""The step that decoding takes, in all its forms, is transformers' forward; on a CPU the static form runs as it will be
captured, only without a graph."""

import copy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, GraniteConfig, GraniteForCausalLM, LlamaForCausalLM
from transformers.models.llama import modeling_llama

from glyph_demo.decoding import pieces, step
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import TOLERANCE, Decoder, text
from glyph_demo.decoding.loop import prefill
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.decoding.products import use_plain_products
from glyph_demo.decoding.sampling import Sampling
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.models.precision import Precision, activations, adapt
from tests.decoding.test_scripts import STOP_IDS, Script
from tests.decoding.tiny import NEVER, Oracle, RecordingDecoder, tiny_llama


class RunningAhead(RecordingDecoder):
    """As on CUDA: static shapes, and the next step under way while a token is read."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__(model, "graph")
        assert self.notice is None
        self.ahead = True


@pytest.fixture(scope="session", params=["glm4v", "qwen3_vl"])
def folder(request, checkpoint_of):
    return checkpoint_of("deep", request.param)


def loaded(folder: Path, precision: Precision) -> Any:
    auto: Any = AutoModelForImageTextToText
    model = auto.from_pretrained(folder, dtype=activations(precision)).eval()
    adapt(model, precision, torch.device("cpu"))
    return model


def filled(decoder: Decoder, entries: int) -> KVArena:
    arena = decoder.arena()
    prefill(decoder, arena, text([i % 90 for i in range(entries)]))
    return arena


@pytest.mark.parametrize("runtime", ["eager", "graph"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_step_is_transformers_forward(folder, precision, runtime):
    decoder = Decoder(loaded(folder, precision))
    assert decoder.prepare_step(runtime) is None
    for count in (1, 2, 8, 9, 12):
        assert_step_is_forward(decoder, count)


def assert_step_is_forward(decoder: Decoder, count: int) -> None:
    arena = filled(decoder, 50)
    before, ids = arena.mark(), list(range(20, 20 + count))
    got = decoder.step(arena, ids)
    assert arena.mark() == (51, 51)
    kept = [(layer.keys[:, :, 50 : 50 + count].clone(), layer.values.clone()) for layer in arena.layers]
    arena.rollback(before)
    segment = text(ids)
    expected = decoder.logits(decoder.extend(arena, decoder.embed(segment), decoder.positions(segment) + 50))
    assert (got - expected).norm() <= TOLERANCE[decoder.dtype] * expected.norm()
    for layer, (keys, _) in zip(arena.layers, kept, strict=True):
        there = layer.keys[:, :, 50 : 50 + count]
        assert (keys - there).float().norm() <= TOLERANCE[decoder.dtype] * there.float().norm()


@pytest.mark.parametrize("seed", range(5))
def test_running_ahead_over_static_shapes_answers_like_computing_from_nothing(seed, model, oracle):
    Script(seed, RunningAhead(model), oracle).run()


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(1.2, 40, 0.9, 1.3, seed=5)], ids=["greedy", "sampled"])
@pytest.mark.parametrize("quoting", [False, True])
def test_running_ahead_changes_no_token(model, sampling, quoting):
    def answer(decoder: Decoder) -> list[int]:
        prefix = CachedPrefix(decoder, decoder.arena(), [text(range(40))], STOP_IDS)
        how = Answering(60, sampling, penalised=frozenset({7, 8}))
        said = list(prefix.complete([5, 6], how))
        if quoting:
            how = Answering(60, sampling, penalised=frozenset({7, 8}), draft=Suffixes(said))
            assert list(prefix.complete([5, 6], how)) == said
            assert prefix.completion.speculation.accepted > 0
        return [*said, *prefix.complete([5, 6, *said, 2, 9], how)]

    assert answer(RunningAhead(model)) == answer(RecordingDecoder(model))


def test_a_stop_id_found_late_is_taken_back(model):
    decoder = RunningAhead(model)
    free = CachedPrefix(decoder, decoder.arena(), [text(range(20))], NEVER)
    said = list(free.complete([5], Answering(6)))
    stop = next(i for i in range(1, 6) if said[i] not in said[:i])
    stopping = CachedPrefix(decoder, decoder.arena(), [text(range(20))], frozenset({said[stop]}))
    assert list(stopping.complete([5], Answering(6))) == said[:stop]
    assert stopping._arena.length == 20 + 1 + stop
    assert stopping.completion.reason == "stop"


def test_closing_an_answer_computes_at_most_the_step_under_way(model):
    decoder = RunningAhead(model)
    prefix = CachedPrefix(decoder, decoder.arena(), [text(range(20))], NEVER)
    tokens = prefix.complete([5], Answering(50))
    said = [next(tokens) for _ in range(4)]
    computed = decoder.computed
    tokens.close()
    assert decoder.computed == computed == 20 + 1 + 4
    assert prefix.completion.ids == tuple(said)


def test_what_stands_beyond_the_length_does_not_matter(model):
    decoder = RunningAhead(model)
    arena = filled(decoder, 5)
    before = arena.mark()
    clean = decoder.step(arena, [7])
    for layer in arena.layers:
        layer.keys[:, :, 6:] = layer.values[:, :, 6:] = 1e4
    arena.rollback(before)
    assert torch.equal(decoder.step(arena, [7]), clean)


def test_graphs_go_with_the_memory_that_they_are_of(model):
    decoder = RunningAhead(model)
    arena = filled(decoder, 14)
    decoder.step(arena, [7])
    first = arena.graphs[1]
    decoder.step(arena, [7])
    assert arena.graphs[1] is first
    decoder.step(arena, [7])  # the 17th entry needs a larger arena
    assert arena.graphs[1] is not first
    arena.free()
    assert not arena.graphs


def compiled(decoder: Decoder) -> int:
    """How many graphs are compiled until the decoder decodes by them."""
    from torch._dynamo.utils import counters

    torch._dynamo.reset()  # whatever other tests compiled of the same functions
    counters.clear()
    assert decoder.prepare_step("compiled") is None
    assert decoder._step._pieces is not pieces.PLAIN
    return int(counters["stats"]["unique_graphs"])


def test_one_compilation_of_a_width_serves_all_layers_and_answers_beside_each_other():
    from torch._dynamo.utils import counters

    decoder = Decoder(tiny_llama(9, 3))
    assert compiled(decoder) == 3 * len(step.WIDTHS)
    counts = (1, 5, 2, 12, 3)
    arenas = [filled(decoder, entries) for entries in (30, 5, 64, 17, 40)]
    rows = [(arena, torch.arange(20, 20 + count)) for arena, count in zip(arenas, counts, strict=True)]
    for arena, ids in rows:
        arena.reserve(arena.length + len(ids))
    assert [[len(ids) for _, ids in few] for few in step._groups(rows, 8)] == [[1, 5, 2], [12], [3]]
    together = decoder._together(rows)
    assert counters["stats"]["unique_graphs"] == 3 * len(step.WIDTHS)
    for (arena, ids), logits in zip(rows, together, strict=True):
        segment = text(ids.tolist())
        kept = [layer.keys[:, :, arena.length : arena.length + len(ids)].clone() for layer in arena.layers]
        expected = decoder.logits(
            decoder.extend(arena, decoder.embed(segment), decoder.positions(segment) + arena.position)
        )
        assert (logits - expected).norm() <= TOLERANCE[decoder.dtype] * expected.norm()
        for layer, keys in zip(arena.layers, kept, strict=True):
            torch.testing.assert_close(layer.keys[:, :, arena.length - len(ids) : arena.length], keys)


def test_every_width_that_answers_bring_to_a_shared_step_was_met_before(monkeypatch):
    met, attending = [], step.Step._attending

    def noted(self, arena, at):
        met.append(len(at))
        return attending(self, arena, at)

    monkeypatch.setattr(step.Step, "_attending", noted)
    compiled(Decoder(tiny_llama(9, 3)))
    assert set(met) == set(range(1, step.WIDTHS[-1] + 1))


def doubled(rows: torch.Tensor) -> torch.Tensor:
    return 2 * rows


def test_each_step_is_compiled_for_itself_and_never_run_uncompiled_in_silence():
    with torch._dynamo.config.patch(recompile_limit=1):
        first, second = (pieces._compiled(doubled, None, False) for _ in range(2))
        assert first(torch.ones(2)).tolist() == [2, 2]
        assert second(torch.ones(3)).tolist() == [2, 2, 2]
        with pytest.raises(Exception, match="fullgraph"):
            second(torch.ones(4))


@pytest.mark.long
@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8"])
def test_what_a_precision_changes_in_a_model_can_be_compiled(folder, precision):
    # In fp16 the first layer's input is of another dtype than those of the others.
    assert compiled(Decoder(loaded(folder, precision))) <= 2 * 2 * len(step.WIDTHS)


def prefilling(decoder: Decoder, made: pieces.Pieces) -> Decoder:
    """A decoder that prefills by these pieces, as on CUDA."""
    assert decoder.prepare_step("graph") is None
    decoder._step._prefilling = made
    assert decoder.prepare_prefill() is None
    assert decoder._prefilling is not None
    return decoder


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("int8", [False, True])
def test_prefill_by_pieces_is_the_models_own_forward(folder, precision, int8):
    own, ours = Decoder(loaded(folder, precision), int8), Decoder(loaded(folder, precision), int8)
    prefilling(ours, pieces.PLAIN)
    hidden, arenas = [], []
    for decoder in (own, ours):
        decoder.chunk = 24
        arenas.append(filled(decoder, 49))  # two forwards of several tokens, and one of one
        hidden.append(prefill(decoder, arenas[-1], text(range(30))).float())
    assert (arenas[0].length, arenas[0].position) == (arenas[1].length, arenas[1].position) == (79, 79)
    assert (hidden[0] - hidden[1]).norm() <= own.tolerance * hidden[0].norm()
    if not int8:
        for one, other in zip(*(arena.parts(0, 79) for arena in arenas), strict=True):
            assert (one - other).float().norm() <= own.tolerance * one.float().norm()


def test_prefill_by_pieces_is_compiled_once_for_any_number_of_tokens():
    from torch._dynamo.utils import counters

    model = tiny_llama(9, 3)
    decoder = Decoder(model)
    use_plain_products(model.get_decoder(), model.get_output_embeddings())
    torch._dynamo.reset()
    counters.clear()
    prefilling(decoder, pieces.compiled(dynamic=True))
    assert counters["stats"]["unique_graphs"] == len(pieces.PLAIN)
    for count in (2, 31, 130):
        filled(decoder, count)
    assert counters["stats"]["unique_graphs"] == len(pieces.PLAIN)


def test_prefill_that_gives_other_numbers_or_fails_is_not_taken():
    def wrong(*given: Any) -> torch.Tensor:
        return pieces.PLAIN.finish(*given) + 0.1

    def failing(*given: Any) -> torch.Tensor:
        raise RuntimeError("no compiler")

    for finish, why in ((wrong, "results differ by"), (failing, "RuntimeError")):
        decoder = Decoder(tiny_llama(9, 3))
        assert decoder.prepare_step("graph") is None
        decoder._step._prefilling = pieces.PLAIN._replace(finish=finish)
        message = decoder.prepare_prefill()
        assert message is not None
        assert why in message.en
        assert decoder._prefilling is None
        filled(decoder, 20)


def test_states_come_from_one_weight_of_which_the_models_are_views(model, folder):
    use_plain_products(model.get_decoder(), model.get_output_embeddings())  # the others cannot be copied
    for body in (copy.deepcopy(model).get_decoder(), loaded(folder, "fp32").get_decoder()):
        layer, hidden = body.layers[0], torch.randn(1, 1, body.config.hidden_size)
        places = torch.zeros(3, 1, 1, dtype=torch.int64)
        alone = body.rotary_emb.__module__.endswith("llama")
        cos, sin = body.rotary_emb(hidden, position_ids=places[0] + 3 if alone else places + 3)
        rotate = sys.modules[type(body).__module__].apply_rotary_pos_emb
        for part in ("q_proj", "k_proj", "v_proj"):
            if getattr(layer.self_attn, part).bias is not None:
                getattr(layer.self_attn, part).bias.data.normal_()
        with torch.inference_mode():
            expected = pieces._project(layer, rotate, hidden, cos, sin)
            joined = pieces.join(layer.self_attn)
            assert layer.self_attn.q_proj.weight.data_ptr() == joined[0].data_ptr()
            for again in (
                pieces._project(layer, rotate, hidden, cos, sin),
                pieces._project(layer, rotate, hidden, cos, sin, joined),
            ):
                for one, other in zip(again, expected, strict=True):
                    assert one.shape == other.shape
                    assert (one - other).abs().max() < 1e-5


def test_a_step_that_gives_other_numbers_is_not_taken(monkeypatch):
    original = step.attend_static
    monkeypatch.setattr(step, "attend_static", lambda *given: original(*given) + 0.1)
    decoder = Decoder(tiny_llama(9, 3))
    message = decoder.prepare_step("graph")
    assert "'eager'" in message.en
    assert "“eager”" in message.zh
    assert "results differ by" in message.en
    assert not decoder._step._static


def rescaled(self: Any, hidden_states: torch.Tensor, **given: Any) -> torch.Tensor:
    """A Llama layer's forward as a later version of transformers may have it."""
    return original_forward(self, hidden_states * 1.25, **given)


original_forward = modeling_llama.LlamaDecoderLayer.forward


def with_another_forward(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(modeling_llama.LlamaDecoderLayer, "forward", rescaled)
    return tiny_llama(9, 3)


def with_a_function_of_another_name(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, modeling_llama.__name__, types.ModuleType("renamed"))
    return tiny_llama(9, 3)


def with_scales_that_a_step_does_not_know(monkeypatch: pytest.MonkeyPatch) -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
    return GraniteForCausalLM(GraniteConfig(**sizes, **heads, residual_multiplier=0.5)).eval()


@pytest.mark.parametrize(
    "changed", [with_another_forward, with_a_function_of_another_name, with_scales_that_a_step_does_not_know]
)
def test_a_layer_other_than_the_step_s_is_run_by_transformers(changed, monkeypatch):
    model = changed(monkeypatch)
    decoder = RecordingDecoder(model)
    assert "'transformers'" in decoder.notice.en
    assert "“transformers”" in decoder.notice.zh
    prefix = CachedPrefix(decoder, decoder.arena(), [text(range(20))], NEVER)
    assert list(prefix.complete([5], Answering(6))) == Oracle(model).answer([*range(20), 5], NEVER, 6)[0]
