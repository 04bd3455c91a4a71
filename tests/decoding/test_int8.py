"""Keys and values in 8 bits: how exact they are, and that nothing that a conversation does changes them."""

import pytest
import torch
from transformers import Glm4vForConditionalGeneration

from benchmarks.exactness import distances, int8_error, logits_of
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import CHUNK, Decoder, text
from glyph_demo.decoding.layers import BLOCK, ArenaLayer, Int8Layer
from glyph_demo.decoding.loop import prefill
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.models.memory import kv_bytes
from glyph_demo.models.precision import activations, adapt
from tests.checkpoints import SHAPES
from tests.decoding.tiny import NEVER, RecordingDecoder, tiny_llama
from tests.decoding.tiny import SHAPES as HEADS

PAGES = (list(range(10, 80)), list(range(20, 60)))  # the second begins in a block of the first
SHORT = Answering(max_tokens=5)
LARGE = (3, 9)  # channels


def arena_of(dim: int = 16, dtype: torch.dtype = torch.float32, maximum: int = 1000) -> KVArena:
    return KVArena(2, 2, dim, maximum, dtype, int8=True)


def states(entries: int, dim: int = 16, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys, with large channels as of a projection with a bias, and values."""
    draw = torch.Generator().manual_seed(seed)
    key, value = torch.randn(2, 1, 2, entries, dim, generator=draw)
    key[..., list(LARGE)] += 20.0
    return key, value


def written(arena: KVArena, *parts: tuple[torch.Tensor, torch.Tensor]) -> Int8Layer:
    layer = arena.layers[0]
    for key, value in parts:
        arena.reserve(arena.length + key.shape[2])
        layer.update(key, value)
        arena.advance(key.shape[2], 0)
    return layer


def bits(layer: Int8Layer, entries: int) -> list[torch.Tensor]:
    held = (layer.keys, layer.values, layer.key_scales, layer.value_scales)
    return [*(tensor[:, :, :entries] for tensor in held), layer.reaches[:, :, : -(-entries // BLOCK)]]


def assert_same(some: list[torch.Tensor], others: list[torch.Tensor]) -> None:
    for one, other in zip(some, others, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_numbers_come_back_within_half_a_step_and_large_channels_cost_the_others_nothing():
    key, value = states(150)
    layer = written(arena_of(), (key, value))
    keys, values = layer.upto(150)
    assert ((values - value).abs() <= value.abs().amax(-1, keepdim=True) / 127 * 0.501).all()
    others = [channel for channel in range(16) if channel not in LARGE]
    assert (keys - key)[..., others].abs().max() <= 4.5 / 127 * 0.501  # as far as a normal distribution reaches here
    assert (keys - key)[..., LARGE].abs().max() <= 25 / 127 * 0.501
    assert keys.dtype == torch.float32


def test_a_key_beyond_the_reach_of_its_block_is_not_cut_off_and_leaves_the_others_as_they_are():
    key, value = states(40)
    layer = written(arena := arena_of(), (key, value))
    before = layer.upto(40)[0]
    farther = states(20, seed=1)[0] * 10
    keys, _ = written(arena, (farther, value[:, :, :20])).upto(60)
    assert ((keys[:, :, 40:] - farther).norm() / farther.norm()) < 0.01
    assert torch.equal(keys[:, :, :40], before)


def test_what_was_written_first_stays_as_it_is_and_steps_reach_as_far_as_the_block_before():
    key, value = states(2 * BLOCK)
    layer = written(arena := arena_of(), (key, value))
    before = [tensor.clone() for tensor in bits(layer, 2 * BLOCK)]
    arena.reserve(3 * BLOCK)
    more = states(3, seed=2)
    layer.put(torch.arange(2 * BLOCK, 2 * BLOCK + 3), *more)
    assert_same(bits(layer, 2 * BLOCK), before)
    torch.testing.assert_close(layer.reaches[:, :, 2], layer.upto(2 * BLOCK)[0][:, :, BLOCK:].abs().amax(2))
    by_forward = written(arena_of(), (key, value), more)  # too few tokens to tell a reach by
    assert_same(bits(by_forward, 2 * BLOCK + 3), bits(layer, 2 * BLOCK + 3))


def test_page_by_page_is_as_at_once_where_pages_end_with_blocks():
    key, value = states(3 * BLOCK)
    pages = [(key[:, :, part], value[:, :, part]) for part in (slice(0, BLOCK), slice(BLOCK, 3 * BLOCK))]
    assert_same(bits(written(arena_of(), *pages), 3 * BLOCK), bits(written(arena_of(), (key, value)), 3 * BLOCK))


@pytest.mark.parametrize("spoilt", [0, 1])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("by_step", [False, True])
def test_what_is_not_finite_is_not_hidden(spoilt, number, by_step):
    layer = written(arena := arena_of(), states(20))
    pair = states(1, seed=1)
    pair[spoilt][..., 5] = number
    arena.reserve(30)
    if by_step:
        layer.put(torch.tensor([20]), *pair)
    else:
        layer.update(*pair)
    assert not layer.upto(21)[spoilt][:, :, 20].isfinite().any()


@pytest.mark.parametrize(("dim", "dtype"), [(128, torch.float16), (8, torch.float32), (16, torch.bfloat16)])
def test_an_arena_counts_the_bytes_of_its_tensors(dim, dtype):
    asked = []

    def growth(extra):
        asked.append(extra)
        return torch.inference_mode()

    arena = KVArena(3, 2, dim, 1000, dtype, growth=growth, int8=True)
    arena.reserve(30)
    arena.reserve(700)
    held = [
        tensor
        for layer in arena.layers
        for tensor in (layer.keys, layer.values, layer.key_scales, layer.value_scales, layer.reaches)
    ]
    assert arena.nbytes == sum(tensor.nbytes for tensor in held) == sum(asked)
    arena.free()
    assert arena.nbytes == 0


def test_a_token_takes_little_more_than_half_and_the_budget_counts_the_same():
    plain, small = (kind.nbytes_of(BLOCK, 2, 128, 2) for kind in (ArenaLayer, Int8Layer))
    assert small / plain < 0.53
    glyph = {"num_hidden_layers": 40, "num_key_value_heads": 2, "hidden_size": 4096, "num_attention_heads": 32}
    assert kv_bytes(glyph, "fp16", int8=True) == 40 * small // BLOCK
    decoder = RecordingDecoder(tiny_llama(9, 3))
    decoder.int8 = True
    sizes = {"num_hidden_layers": 3, "num_key_value_heads": 3, "hidden_size": 72, "num_attention_heads": 9}
    assert decoder.bytes_per_entry >= kv_bytes(sizes, "fp32", int8=True)


@pytest.fixture(params=HEADS)
def decoder8(request):
    made = RecordingDecoder(tiny_llama(*HEADS[request.param]))
    made.int8 = True
    return made


def opened(decoder: Decoder) -> CachedPrefix:
    return CachedPrefix(decoder, decoder.arena(), [text(page) for page in PAGES], NEVER)


def test_memory_given_back_is_computed_again_with_the_same_answer(decoder8):
    prefix = opened(decoder8)
    first = list(prefix.complete([5, 6, 7], SHORT))
    before = [[tensor.clone() for tensor in bits(layer, 110)] for layer in prefix._arena.layers]
    assert prefix.release()
    assert prefix.nbytes == 0
    assert list(prefix.complete([5, 6, 7], SHORT)) == first
    for layer, held in zip(prefix._arena.layers, before, strict=True):
        assert_same(bits(layer, 110), held)


def test_conversations_that_take_turns_in_little_memory_answer_as_alone(decoder8):
    prompts = {0: [[5, 6], [5, 7]], 1: [[8, 9], [8, 9]]}
    alone = {}
    for number, asked in prompts.items():
        prefix = CachedPrefix(decoder8, decoder8.arena(), [text(PAGES[number])], NEVER)
        alone[number] = [list(prefix.complete(ids, SHORT)) for ids in asked]
    pool = PrefixPool(decoder8, 128 * decoder8.bytes_per_entry)
    prefixes = {number: pool.open([text(PAGES[number])], NEVER) for number in prompts}
    for turn in range(2):
        for number, asked in prompts.items():
            assert list(prefixes[number].complete(asked[turn], SHORT)) == alone[number][turn]
            assert 0 < pool.nbytes <= pool.budget
    assert not all(prefix.nbytes for prefix in prefixes.values())  # one had to give its memory


def test_growth_undoing_and_stopping_change_no_answer(decoder8):
    roomy = opened(decoder8)
    roomy._arena.reserve(300)
    expected = list(roomy.complete([5, 6, 7], Answering(60)))
    prefix = opened(decoder8)
    assert list(prefix.complete([5, 6, 7], Answering(60))) == expected  # grows on the way
    list(prefix.complete([5, 8, 8, 8, 8], SHORT))
    tokens = prefix.complete([5, 6, 7], Answering(60))
    assert [next(tokens) for _ in range(3)] == expected[:3]
    tokens.close()
    assert list(prefix.complete([5, 6, 7], Answering(60))) == expected


def test_steps_of_all_kinds_and_together_are_the_forward_over_8_bits(decoder8):
    assert decoder8.prepare_step("graph") is None  # compares them
    assert isinstance(decoder8.arena().layers[0], Int8Layer)
    arenas = [decoder8.arena() for _ in range(2)]
    for arena, page in zip(arenas, PAGES, strict=True):
        prefill(decoder8, arena, text(page))
        arena.reserve(arena.length + 12)
    for counts in ((1, 1), (3, 2), (12, 5)):
        rows = [(arena, torch.arange(20, 20 + count)) for arena, count in zip(arenas, counts, strict=True)]
        together = decoder8._together(rows)
        for (arena, ids), logits in zip(rows, together, strict=True):
            mark = arena.mark()
            segment = text(ids.tolist())
            at = decoder8.positions(segment) + arena.position
            expected = decoder8.logits(decoder8.extend(arena, decoder8.embed(segment), at))
            assert (logits - expected).norm() <= 1e-2 * expected.norm()  # a key on the edge of two steps may turn
            arena.rollback(mark)


def biased(folder, precision, bias):
    """A checkpoint whose keys have a few large channels: `bias` is about so many of their standard deviations."""
    model = Glm4vForConditionalGeneration.from_pretrained(folder, dtype=activations(precision)).eval()
    draw = torch.Generator().manual_seed(1)
    for layer in model.model.language_model.layers:
        keys, queries = layer.self_attn.k_proj.bias.data, layer.self_attn.q_proj.bias.data
        few = torch.randperm(len(keys), generator=draw)[: max(1, len(keys) // 16)]
        keys[few] = bias * torch.randn(len(few), generator=draw).sign().to(keys.dtype)
        queries += 0.5 * torch.randn(len(queries), generator=draw).to(queries.dtype)
    adapt(model, precision, torch.device("cpu"))
    made = Decoder(model)
    made.prepare_step("eager")
    return made


@pytest.mark.slow
@pytest.mark.parametrize("bias", [0.02, 5.0, 20.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_8_bits_change_what_a_model_with_qkv_bias_says_little_more_than_bfloat16(
    shape, bias, checkpoint_of, monkeypatch
):
    monkeypatch.setitem(CHUNK, "cpu", 512)
    folder, tokens = checkpoint_of(shape), 32
    exact, rounded = (biased(folder, precision, bias) for precision in ("fp32", "bf16"))
    prompts = [torch.randint(0, 256, (n,), generator=torch.Generator().manual_seed(n)).tolist() for n in (50, 300, 700)]
    found = int8_error(exact, prompts, tokens)
    said = []
    for prompt in prompts:
        arena = exact.arena()
        prefix = CachedPrefix(exact, arena, [], NEVER)
        said.append(list(prefix.complete(prompt, Answering(tokens))))
    pairs = list(zip(prompts, said, strict=True))
    bf16 = distances(*(torch.cat([logits_of(each, *pair) for pair in pairs]) for each in (exact, rounded)))
    print(f"{shape} {bias}: int8 {found}, bf16 {bf16}")
    assert found["mean"] <= 1.2 * bf16["mean"]  # weights that bfloat16 holds lose nothing in it
    assert found["same_tokens"] >= bf16["same_tokens"] - 0.1
