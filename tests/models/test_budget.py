"""The formulas of `budget` against what tensors count: the model has Glyph's shapes and holds nothing."""

from dataclasses import replace

import pytest
import torch
from transformers import Glm4vForConditionalGeneration, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

from glyph_demo.decoding import attention, decoder, probe
from glyph_demo.decoding.decoder import Decoder
from glyph_demo.decoding.step import WIDTHS
from glyph_demo.models import budget, random
from glyph_demo.models.budget import GLYPH
from glyph_demo.models.glm4v import preprocessing_of
from glyph_demo.models.memory import kv_bytes, read_bytes, weight_bytes, work_bytes
from glyph_demo.models.precision import activations, adapt
from glyph_demo.models.qwen3vl import QWEN3VL, load_preprocessing
from glyph_demo.models.vision import Vision
from glyph_demo.rendering.style import STYLES
from tests.peaks import META, peak

PAGE = (60, 42)  # patches of a page of 595x842
TALL = (312, 78)  # of the largest page, 24,336


@pytest.fixture(scope="module", params=["fp16", "bf16"])
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def model(precision):
    """Two layers and a block: what a forward holds does not depend on how many there are."""
    config, _ = random._config("random:glyph")
    config.text_config.num_hidden_layers, config.vision_config.depth = 2, 1
    with torch.device("meta"):
        made = Glm4vForConditionalGeneration._from_config(config, dtype=activations(precision)).eval()
    adapt(made, precision, META)
    return made


def test_glyph_is_the_model_that_it_is_said_to_be():
    shape = random.random_shape("random:glyph")
    assert shape.parameters == GLYPH.parameters
    assert GLYPH.text.items() <= shape.text.items()
    assert GLYPH.vision.items() <= shape.vision.items()
    assert (kv_bytes(GLYPH.text, "fp16"), 2 * shape.parameters) == (
        40_960,
        weight_bytes(shape.parameters, shape.text, "fp16"),
    )
    assert budget.EVIDENCE_WEIGHTS == probe.WEIGHTS


# What `budget` does not need of Qwen3-VL's published configs: depth and intermediate size of the tower, and whether
# embeddings are tied.
TOWERS = {"2B": (24, 4096, True), "4B": (24, 4096, True), "8B": (27, 4304, False)}


@pytest.mark.parametrize("size", TOWERS)
def test_qwen3vl_is_the_model_that_it_is_said_to_be(size, checkpoint_of):
    shape, (depth, intermediate, tied) = budget.SHAPES[f"Qwen/Qwen3-VL-{size}-Instruct"], TOWERS[size]
    vision = {**shape.vision, "depth": depth, "intermediate_size": intermediate, "num_heads": 16}
    config = Qwen3VLConfig(text_config=dict(shape.text), vision_config=vision, tie_word_embeddings=tied)
    with torch.device("meta"):
        made = Qwen3VLForConditionalGeneration(config)
    assert sum(weight.numel() for weight in made.parameters()) == shape.parameters
    assert weight_bytes(shape.parameters, shape.text, "fp16") == 2 * shape.parameters
    layers, heads = shape.text["num_hidden_layers"], shape.text["num_key_value_heads"]
    assert (
        kv_bytes(shape.text, "fp16") == 2 * 2 * layers * heads * made.model.language_model.layers[0].self_attn.head_dim
    )
    reader = load_preprocessing(checkpoint_of("wide", "qwen3_vl"))
    width, height = STYLES[QWEN3VL.page_style].page_pixels
    assert shape.page_tokens == reader.page_tokens(height, width) + 2
    assert shape.within(512).patches == 32 * 32


@pytest.mark.parametrize("pages", [[(70, 50)] * 2, [(256, 256)]], ids=["two", "largest"])
@pytest.mark.parametrize("size", ["2B", "8B"])
def test_a_tower_with_deep_features_holds_what_is_calculated(size, pages, precision):
    shape, (_, intermediate, _) = budget.SHAPES[f"Qwen/Qwen3-VL-{size}-Instruct"], TOWERS[size]
    vision = {**shape.vision, "depth": 4, "intermediate_size": intermediate, "num_heads": 16}
    vision["deepstack_visual_indexes"] = [0, 1, 2]
    config = Qwen3VLConfig(text_config={**shape.text, "num_hidden_layers": 1}, vision_config=vision)
    with torch.device("meta"):
        made = Qwen3VLForConditionalGeneration._from_config(config, dtype=activations(precision)).eval()
    adapt(made, precision, META)
    cut = [(torch.empty(high * wide, 1536, device=META), high, wide) for high, wide in pages]
    with peak() as counted:
        Vision(made.model.visual).read(cut)
    patches = sum(high * wide for high, wide in pages)
    calculated = budget.tower_bytes(shape.vision, precision, patches) - patches * budget._CUT
    assert counted.most == pytest.approx(calculated, rel=0.1)


@pytest.mark.parametrize("pages", [[PAGE] * 4, [PAGE] * 8, [TALL]], ids=["four", "eight", "tall"])
def test_the_vision_tower_holds_what_is_calculated_and_eight_pages_no_more_than_four(pages, model, precision):
    vision, sizes = Vision(model.model.visual), [high * wide for high, wide in pages]
    patches = [torch.empty(high * wide, 1176, device=META) for high, wide in pages]
    with peak() as counted:
        vision.read([(each, high, wide) for each, (high, wide) in zip(patches, pages, strict=True)])
    together = max(sum(sizes[:4]), sizes[0])
    expected = budget.tower_bytes(GLYPH.vision, precision, together) - together * budget._CUT
    kept = sum(sizes[4:]) // 4 * 4096 * 2  # embeddings of the first four, and patches in 16 bit of the others
    cut = sum(sizes[4:]) * 1176 * 2
    assert counted.most == pytest.approx(expected + kept + cut, rel=0.1)


def test_the_guard_of_float16_gives_the_same_in_parts(monkeypatch):
    from glyph_demo.models import precision as module

    with torch.device("cpu"):
        mlp = torch.nn.Module()
        mlp.gate_proj, mlp.up_proj, mlp.down_proj = (torch.nn.Linear(16, 16) for _ in range(3))
        mlp.act_fn = torch.nn.SiLU()
    safe, rows = module.SafeMlp(mlp), torch.randn(10, 16)
    whole = safe(rows)
    monkeypatch.setattr(module, "ROWS", 4)
    assert torch.allclose(safe(rows), whole, atol=1e-6)


def test_cutting_a_page_holds_what_is_calculated():
    preprocessing = preprocessing_of(Glm4vImageProcessorPil())
    cutting = replace(preprocessing, table=preprocessing.table.to(META))
    with peak() as counted:
        cutting.patches(torch.empty(312 * 14, 78 * 14, 3, dtype=torch.uint8, device=META))
    assert counted.most == pytest.approx(budget._CUT * 312 * 78, rel=0.05)


@pytest.mark.parametrize("tokens", [1024, 4096])
def test_a_prefill_holds_no_more_than_is_calculated(tokens, model, precision, monkeypatch):
    monkeypatch.setitem(decoder.CHUNK, "meta", 4096)
    monkeypatch.setattr(attention, "causal_lower_right", lambda queries, entries: None)  # CUDA's kernels take no mask
    own = Decoder(model)
    arena = own.arena()
    arena.reserve(tokens + 4096)
    arena.advance(4096, 4096)
    with peak() as counted:
        own.extend(
            arena, torch.empty(tokens, 4096, dtype=model.dtype, device=META), torch.zeros(3, tokens, dtype=torch.int64)
        )
    most = work_bytes(GLYPH.text, tokens)
    assert (0.6 if precision == "fp16" else 0.35) * most <= counted.most <= most


def test_a_prefill_over_8_bits_holds_a_layer_s_keys_and_values_besides(model, precision, monkeypatch):
    monkeypatch.setattr(attention, "causal_lower_right", lambda queries, entries: None)
    monkeypatch.setitem(decoder.CHUNK, "meta", 256)
    before, tokens = 130_560, 256
    own = Decoder(model, int8=True)
    arena = own.arena()
    arena.reserve(before + tokens)
    arena.advance(before, before)
    with peak() as counted:
        embeds = torch.empty(tokens, 4096, dtype=model.dtype, device=META)
        own.extend(arena, embeds, torch.zeros(3, tokens, dtype=torch.int64))
    assert arena.nbytes == arena.capacity * kv_bytes({**GLYPH.text, "num_hidden_layers": 2}, precision, int8=True)
    read = (before + tokens) * read_bytes(GLYPH.text, precision)
    most = counted.most - arena.nbytes  # which is written in place, and counted
    assert read <= most <= read + work_bytes(GLYPH.text, tokens)


@pytest.mark.parametrize(("size", "plain", "small"), [(0, 43_084, 79_402), (1024, 73_948, 131_072)])
def test_in_8_bits_the_whole_window_fits_24_gb_beside_16_bit_weights_where_pages_are_no_larger(size, plain, small):
    free = int(24.92e9)  # of a 24 GB card, see docs/scaling.md
    fits = [budget.tokens_that_fit(GLYPH.within(size, int8), "fp16", free) for int8 in (False, True)]
    assert fits == [plain, small]
    assert GLYPH.within(1024).patches > PAGE[0] * PAGE[1]  # a usual page is read as it is


def test_evidence_and_logits_hold_no_more_than_is_calculated(model, precision):
    parts = budget.transients(GLYPH, precision, 24 << 30)
    with peak() as counted:
        query = torch.empty(32, 64, 128, dtype=model.dtype, device=META)
        keys = torch.empty(2, 33_000, 128, dtype=model.dtype, device=META)
        made = counted.most
        probe.attention_sums(query, keys, 0.1, 32_768)
    assert 0.8 * parts["evidence"] <= counted.most - made <= parts["evidence"]
    with peak() as counted:
        Decoder.logits(_Head(model), torch.empty(WIDTHS[-1], 4096, dtype=model.dtype, device=META))
    assert counted.most == pytest.approx(parts["logits"] + 9 * 4096 * 2, rel=0.05)


class _Head:
    """What `Decoder.logits` needs of a decoder."""

    def __init__(self, model):
        import threading

        self.lock, self._head = threading.Lock(), model.get_output_embeddings()


def test_a_smaller_image_size_leaves_more_for_the_document():
    free = 24 << 30
    whole, small = (budget.tokens_that_fit(GLYPH.within(size), "fp16", free) for size in (0, 512))
    assert small > whole
    assert GLYPH.within(512).patches == 36**2
    assert GLYPH.within(0) == GLYPH
