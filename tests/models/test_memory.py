"""What a model takes and whether it fits, worked out before it is loaded."""

from typing import Any

import pytest
import torch

from glyph_demo.errors import EngineError
from glyph_demo.models import memory
from glyph_demo.models.budget import Shape
from glyph_demo.models.loader import _named
from glyph_demo.models.random import random_shape

GLYPH = 10_290_000_000
TEXT: dict[str, Any] = {
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "intermediate_size": 13696,
    "num_hidden_layers": 40,
    "max_position_embeddings": 131072,
}


def test_the_sizes_of_glyph_in_every_precision():
    sizes = {name: memory.weight_bytes(GLYPH, TEXT, name) / 1e9 for name in ("fp16", "int8", "int4")}
    assert sizes == pytest.approx({"fp16": 20.6, "int8": 12.4, "int4": 8.6}, abs=0.1)
    assert memory.kv_bytes(TEXT, "fp16") == 40_960


@pytest.mark.parametrize(("precision", "card"), [("fp16", 24e9), ("int8", 16e9), ("int4", 12e9)])
def test_glyph_has_room_for_documents_on_the_cards_it_is_meant_for(precision, card):
    plan = memory.plan(GLYPH, TEXT, precision, int(card))
    assert plan.fits
    assert plan.pages * memory.PAGE_TOKENS >= 32_000


def test_no_more_pages_are_promised_than_the_context_holds():
    assert memory.plan(GLYPH, TEXT, "fp16", int(140e9)).pages == 131072 // 632


def refusal(precision: str, free: float, others: tuple[str, ...]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        memory.check(GLYPH, TEXT, precision, int(free), others)
    assert caught.value.code == "model_too_large"
    return caught.value


def test_what_does_not_fit_is_refused_with_what_would():
    memory.check(GLYPH, TEXT, "fp16", int(24e9))
    error = refusal("fp16", 16e9, ("int8", "int4"))
    assert "20.6 GB" in error.message.en
    assert "16.0 GB are free" in error.message.en
    plan = memory.plan(GLYPH, TEXT, "int8", int(16e9))
    for said in (error.message.en, error.message.zh):
        assert "--precision int8" in said
        assert f" {plan.pages} " in said
    assert "int4" in refusal("fp16", 12e9, ("int8", "int4")).message.en
    assert "pocket" in refusal("fp16", 4e9, ("int8", "int4")).message.en


def test_a_prefill_takes_larger_steps_where_there_is_room():
    assert [memory.chunk(TEXT, int(free)) for free in (100e9, 10e9, 3e9, 0)] == [4096, 2048, 512, 512]


def test_random_weights_are_counted_without_being_made():
    shape = random_shape("random:glyph")
    assert shape.parameters == pytest.approx(GLYPH, rel=1e-3)
    assert memory.weight_bytes(shape.parameters, shape.text, "fp16") == 2 * shape.parameters


@pytest.mark.parametrize(
    ("flags", "parameters", "precision"),
    [
        ("fpu avx2 avx512f", 9 * 10**9, "fp32"),
        ("fpu avx512_bf16 sse", 2 * 10**9, "bf16"),
        ("fpu amx_bf16", 2 * 10**9, "bf16"),
        ("fpu amx_bf16", 4 * 10**8, "fp32"),
        (None, 9 * 10**9, "fp32"),
    ],
)
def test_a_processor_computes_a_large_model_in_bfloat16_where_it_has_the_products(
    monkeypatch, tmp_path, flags, parameters, precision
):
    told = tmp_path / "cpuinfo"
    if flags is not None:
        told.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(memory, "PROCESSOR", told)
    assert memory.on_processor(parameters) == precision
    shape = Shape(parameters, {}, {}, 0)
    assert _named("auto", shape, torch.device("cpu"), 0) == precision
    assert _named("fp32", shape, torch.device("cpu"), 0) == "fp32"
