"""The comparison of vision runtimes runs to its end on a small model, and counts operations as torch does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.encode import flops, run
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.tower import FixedTower
from glyph_demo.models.vision import RUNTIMES
from glyph_demo.settings import Settings
from tests.checkpoints import SHAPES, make_checkpoint


def test_every_runtime_is_measured_or_says_why_not(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    settings = replace(Settings(), model=str(folder), cache_dir=str(tmp_path))
    result = run(settings, rounds=1, pages=2, size=(112, 140))
    assert result["patches"] == [8, 10]
    assert set(result["runtimes"]) == {"transformers", "transformers_eager", *RUNTIMES}
    for figures in result["runtimes"].values():
        assert "unavailable" in figures or figures["seconds_per_page"] > 0
    measured = {name: figures for name, figures in result["runtimes"].items() if "unavailable" not in figures}
    assert all(0 <= figures["matrix_share"] <= 1 for figures in measured.values())
    errors = {name: figures["error"] for name, figures in measured.items()}
    assert not {name: error for name, error in errors.items() if error >= (5e-2 if name == "mixed" else 1e-5)}
    assert result["runtimes"]["transformers"]["speedup"] == 1.0


@pytest.mark.parametrize("shape", SHAPES)
def test_operations_are_those_that_torch_counts(shape, tmp_path):
    model = load_vision_language_model(str(make_checkpoint(tmp_path / "model", shape)), tmp_path)
    high, wide = 6, 10
    tower = FixedTower(model.model.model.visual, high, wide)
    patches = torch.zeros(high * wide, tower.embed.in_features)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        tower(patches)
    assert flops(model.model.config.vision_config, high * wide) == counter.get_total_flops()


@pytest.mark.long
def test_onnx_runtime_is_faster_than_transformers_and_near_the_matrix_rate(tmp_path):
    pytest.importorskip("onnxscript")
    result = run(replace(Settings(), model="random:mid", cache_dir=str(tmp_path)))
    figures = result["runtimes"]["onnx"]
    assert figures["speedup"] >= 1.15  # 1.31 is all that float32 allows on the CPU this was measured on
    assert figures["speedup_over_eager_attention"] >= 1.5
    assert figures["matrix_share"] >= 0.8
    if "unavailable" not in result["runtimes"]["mixed"]:
        assert result["runtimes"]["mixed"]["speedup"] >= 1.5
