"""What `doctor --models` says of cards and processors, on machines made up."""

import platform
import sys
from dataclasses import replace

import pytest

from glyph_demo import commands
from glyph_demo.bench import estimates
from glyph_demo.bench.estimates import Speed, brief, estimate, expected, model_rows
from glyph_demo.errors import Message
from glyph_demo.models import budget, memory
from glyph_demo.settings import load_settings
from tests.machines import machine

TROUBLE = Message("torch has no CUDA", "torch 没有 CUDA")
SPEED = Speed(1e12, 1e14)
QWEN = "Qwen/Qwen3-VL-{}-Instruct"


estimates_as_they_are = estimates.measure


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "PROCESSOR", tmp_path / "cpuinfo")
    monkeypatch.setattr(budget, "can_quantise", lambda: True)
    monkeypatch.setattr(estimates, "measure", lambda precision, on_card: SPEED)


@pytest.mark.parametrize(
    ("card", "model", "precision"),
    [
        (6, QWEN.format("2B"), "int4"),
        (8, QWEN.format("4B"), "int4"),
        (12, "zai-org/Glyph", "int4"),
        (16, "zai-org/Glyph", "int8"),
        (24, "zai-org/Glyph", "fp16"),
        (48, "zai-org/Glyph", "fp16"),
        (80, "zai-org/Glyph", "fp16"),
        (141, "zai-org/Glyph", "fp16"),
    ],
)
def test_each_card_has_a_model_to_take(card, model, precision):
    rows = model_rows(load_settings(), machine(card))
    assert [(row.model, row.precision) for row in rows if row.best] == [(model, precision)]
    for row in rows:
        assert (row.estimate is not None) == (row.pages > 0)
        assert row.weights > 0


def test_without_a_card_the_fastest_model_is_the_one_to_take():
    (best,) = [row for row in model_rows(load_settings(), machine(memory=16)) if row.best]
    assert best.model == QWEN.format("2B")


def test_more_room_has_more_pages_and_a_larger_model_takes_longer():
    rows = {(row.model, row.precision): row for row in model_rows(load_settings(), machine(48))}
    small, large = rows[QWEN.format("2B"), "fp16"], rows["zai-org/Glyph", "fp16"]
    assert small.weights < large.weights
    assert small.estimate.page < large.estimate.page
    assert small.estimate.tokens > large.estimate.tokens
    assert rows["zai-org/Glyph", "int4"].pages >= large.pages
    assert rows["zai-org/Glyph", "int4"].estimate.tokens > large.estimate.tokens


def test_where_torch_cannot_use_the_card_the_processor_counts():
    here = machine(24, trouble=TROUBLE)
    assert model_rows(load_settings(), here) == model_rows(load_settings(), machine())


def test_the_memory_that_a_model_may_take_is_kept_to():
    limited = load_settings(flags={"inference.memory_limit_gb": "12"})
    assert model_rows(limited, machine(24)) == model_rows(limited, machine(80))
    (best,) = [row for row in model_rows(limited, machine(80)) if row.best]
    assert (best.model, best.precision) == ("zai-org/Glyph", "int4")


def test_a_card_that_torch_cannot_use_is_told_with_why(monkeypatch, capsys):
    monkeypatch.setattr(commands, "resources", lambda settings: machine(24, trouble=TROUBLE))
    commands.doctor_models(load_settings(), "en", sys.stdout)
    assert TROUBLE.en in capsys.readouterr().out


def test_without_torchao_there_is_no_row_that_needs_it(monkeypatch):
    monkeypatch.setattr(budget, "can_quantise", lambda: False)
    assert {row.precision for row in model_rows(load_settings(), machine(24))} == {"fp16"}


def test_a_small_laptop_has_none_and_is_told_of_pocket(monkeypatch, capsys):
    monkeypatch.setattr(commands, "resources", lambda settings: machine(memory=3))
    report = commands.doctor_models(load_settings(), "en", None)
    assert report["best"] is None
    commands.doctor_models(load_settings(), "zh", sys.stdout)
    assert "pocket 不需要模型" in capsys.readouterr().out


def test_what_to_expect_of_a_known_model_that_fits():
    qwen = load_settings(flags={"model": QWEN.format("2B")})
    assert expected(qwen, machine(memory=16)) == estimate(budget.SHAPES[QWEN.format("2B")], "fp32", SPEED)
    memory.PROCESSOR.write_text("flags : avx2 avx512_bf16")
    assert expected(qwen, machine(memory=16)) == estimate(budget.SHAPES[QWEN.format("2B")], "bf16", SPEED)
    assert expected(qwen, machine(memory=3)) is None
    assert expected(load_settings(flags={"model": "of/nobody"}), machine()) is None
    assert expected(load_settings(), machine(24)) is None, "measuring takes memory from the model to come"
    assert expected(replace(qwen, inference=replace(qwen.inference, precision="int4")), machine(memory=16)) is None


@pytest.mark.parametrize(
    ("value", "said"), [(0.123, "0.12"), (5.55, "5.5"), (14.4, "14"), (123.4, "123"), (340.0, "340")]
)
def test_a_figure_has_two_digits_or_all_before_the_point(value, said):
    assert brief(value) == said


def test_the_processor_is_measured():
    found = estimates_as_they_are("fp32", on_card=False)
    assert found.read > 0
    assert found.products > 0


def test_an_estimate_is_the_work_over_the_rates():
    """Qwen3-VL-2B in 16 bit: 1.41 B weights of the text model's layers and 0.31 B of its head, 2 bytes each, and 8,192
    keys and values of 114,688 bytes."""
    found = estimate(budget.SHAPES[QWEN.format("2B")], "fp16", SPEED)
    assert found.tokens == pytest.approx(0.6e12 / (2 * 1.72e9 + 8192 * 114_688), rel=0.01)
    assert 0.08 < found.page < 0.2


@pytest.mark.parametrize(
    ("machine_is", "decode", "nbytes"),
    [("x86_64", "auto", 2), ("AMD64", "auto", 2), ("arm64", "auto", 4), ("x86_64", "compiled", 4)],
)
def test_an_x86_processor_reads_float32_weights_in_16_bits(machine_is, decode, nbytes, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: machine_is)
    found = estimate(budget.SHAPES[QWEN.format("2B")], "fp32", SPEED, decode)
    assert found.tokens == pytest.approx(0.6e12 / (nbytes * 1.72e9 + 8192 * 2 * 114_688), rel=0.01)
