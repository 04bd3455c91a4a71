"""How far each precision is from float32, and that float16 survives numbers that plain float16 does not."""

import copy
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from glyph_demo.errors import EngineError
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.memory import held_bytes, weight_bytes
from glyph_demo.models.precision import Precision, SafeDown, SafeNorm, activations, adapt, resolve
from glyph_demo.models.tower import FixedTower

needs_torchao = pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="needs torchao")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")

# Largest relative errors of (page features, logits), as norms, on weights drawn as widely as the small checkpoints';
# twice what was measured.
TOLERANCES: dict[Precision, tuple[float, float]] = {
    "fp32": (1e-6, 1e-6),
    "fp16": (4e-3, 1.3e-2),
    "bf16": (4e-2, 1e-1),
    "int8": (4e-2, 2.2e-1),
}
SIZES = (10, 6)  # patches down and across


@pytest.fixture(scope="session")
def folder(checkpoint_of):
    return checkpoint_of("deep")


@pytest.fixture(scope="module")
def reference(folder):
    return load(folder, torch.float32)


def load(folder: Path, dtype: torch.dtype) -> Any:
    return transformers.Glm4vForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()


def features(model: Any) -> torch.Tensor:
    """Of one page of noise."""
    high, wide = SIZES
    width = model.model.visual.patch_embed.proj.weight[0].numel()
    patches = torch.randn(high * wide, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return model.model.get_image_features(patches, torch.tensor([[1, high, wide]])).pooler_output[0].float()


def logits(model: Any) -> torch.Tensor:
    ids = torch.randint(0, 256, (1, 60), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return model(input_ids=ids).logits.float()


def error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


@pytest.mark.parametrize("precision", TOLERANCES)
def test_every_precision_is_as_near_to_float32_as_its_bits_allow(precision, folder, reference):
    if precision == "int8":
        pytest.importorskip("torchao")
    model = load(folder, activations(precision))
    adapt(model, precision, CPU)
    pages, text = error(features(model), features(reference)), error(logits(model), logits(reference))
    print(f"{precision}: features {pages:.1e}, logits {text:.1e}")
    assert pages <= TOLERANCES[precision][0]
    assert text <= TOLERANCES[precision][1]


def large(model: Any) -> Any:
    """The same function, but for rounding, with a residual stream and products in between that reach far over 65504:
    norms undo the scale."""
    model = copy.deepcopy(model)
    for layer in model.model.language_model.layers:
        layer.mlp.down_proj.weight.data *= 2.0
        layer.post_mlp_layernorm.weight.data *= 3e4
        layer.post_attention_layernorm.weight.data *= 64.0
    for block in model.model.visual.blocks:
        block.norm2.weight.data *= 64.0
        block.mlp.down_proj.weight.data *= 64.0
    return model


def test_float16_does_not_overflow_where_plain_float16_does(folder, reference):
    wide = large(reference)
    plain = copy.deepcopy(wide).half()
    assert not torch.isfinite(logits(plain)).all()
    assert not torch.isfinite(features(plain)).all()
    safe = copy.deepcopy(wide).half()
    adapt(safe, "fp16", CPU)
    assert error(logits(safe), logits(wide)) <= TOLERANCES["fp16"][1]
    assert error(features(safe), features(wide)) <= TOLERANCES["fp16"][0]


def test_a_model_made_safe_goes_on_in_bfloat16(folder, reference):
    model = load(folder, torch.float16)
    adapt(model, "fp16", CPU)
    model.to(torch.bfloat16)
    assert error(logits(model), logits(reference)) <= TOLERANCES["bf16"][1]
    assert error(features(model), features(reference)) <= TOLERANCES["bf16"][0]


def test_a_tower_of_one_page_size_is_as_safe(folder):
    model = load(folder, torch.float16)
    adapt(model, "fp16", CPU)
    high, wide = SIZES
    patches = torch.randn(high * wide, model.model.visual.patch_embed.proj.weight[0].numel()).half()
    with torch.inference_mode():
        ours = FixedTower(model.model.visual, high, wide)(patches)
        expected = model.model.visual(patches, grid_thw=torch.tensor([[1, high, wide]])).pooler_output
    assert ours.dtype == expected.dtype == torch.float16
    assert error(ours.float(), expected.float()) <= TOLERANCES["fp16"][0]


def test_loading_by_name_adapts_and_by_dtype_does_not(folder, tmp_path):
    named, plain = (
        load_vision_language_model(str(folder), tmp_path, precision=given) for given in ("fp16", torch.float16)
    )
    assert named.dtype == plain.dtype == torch.float16
    assert isinstance(named.model.model.language_model.norm, SafeNorm)
    assert not isinstance(plain.model.model.language_model.norm, SafeNorm)
    assert load_vision_language_model(str(folder), tmp_path).dtype == torch.float32


@needs_torchao
def test_int8_holds_the_text_layers_in_a_byte_a_number(folder, tmp_path):
    model = load_vision_language_model(str(folder), tmp_path, precision="int8")
    config = model.model.config.text_config.to_dict()
    parameters = sum(weight.numel() for weight in load(folder, torch.float32).parameters())
    held = sum(
        weight.qdata.nbytes if hasattr(weight, "qdata") else weight.nbytes for weight in model.model.parameters()
    )
    assert held == weight_bytes(parameters, config, "int8")
    with_scales = sum(held_bytes(weight) for weight in model.model.parameters())
    assert held < with_scales < sum(weight.nbytes for weight in model.model.parameters())
    assert torch.isfinite(logits(model.model)).all()


@pytest.mark.parametrize("size", [1.0, 1e4, 1e30])
def test_a_safe_down_projection_gives_what_float32_gives(size):
    generator = torch.Generator().manual_seed(0)
    linear = torch.nn.Linear(3000, 8, bias=False).half()
    hidden = size * torch.rand(5, 3000, generator=generator)
    with torch.inference_mode():
        linear.weight.normal_(0.0, 0.02, generator=generator)
        expected = torch.nn.functional.linear(hidden, linear.weight.float())
        ours = SafeDown(linear)(hidden)
        nothing = SafeDown(linear)(torch.zeros(1, 3000))
    assert error(ours / size, expected / size) <= 1e-2
    assert torch.equal(nothing, torch.zeros(1, 8))


def test_auto_is_float32_on_a_cpu_and_float16_on_cuda():
    assert (resolve("auto", CPU), resolve("auto", CUDA)) == ("fp32", "fp16")


def refusal(precision: Precision, device: torch.device) -> str:
    with pytest.raises(EngineError) as caught:
        resolve(precision, device)
    assert caught.value.code == "precision_unavailable"
    return caught.value.message.en


def test_a_precision_that_cannot_be_had_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)
    assert "pip install torchao" in refusal("int8", CPU)
    assert "pip install torchao" in refusal("int4", CUDA)


@needs_torchao
def test_int4_is_for_cuda_only():
    assert resolve("int4", CUDA) == "int4"
    assert "int8" in refusal("int4", CPU)
