"""The decode benchmark runs to its end, on a small model, and all ways say the same."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.decode import run, weight_bytes
from glyph_demo.bench.measure import copy_bandwidth
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.settings import Settings
from tests.checkpoints import make_checkpoint


def test_all_ways_are_measured_and_drafts_change_forwards_only(tmp_path):
    folder = make_checkpoint(tmp_path / "model", std=0.02)
    result = run(replace(Settings(), model=str(folder), cache_dir=str(tmp_path)), contexts=(200, 300), tokens=40)
    assert result["same_tokens"]
    assert set(result["per_token"]) == {"plain", "quoting", "not_quoting", "transformers"}
    assert all(value > 0 for way in result["per_token"].values() for value in way.values())
    assert 0 <= result["share"] < 1  # next to nothing for a model as small as this
    (more,) = result["more_contexts"]
    assert more["context"] == 300
    assert more["bytes_per_token"] > result["bytes_per_token"]
    assert set(more["per_token"]) == {"plain"}
    quoting, other = result["speculation"]["quoting"], result["speculation"]["not_quoting"]
    assert 2 * quoting["forwards"] <= 40
    assert quoting["forwards"] + quoting["accepted"] >= 39
    assert other["forwards"] >= 36


def test_the_bytes_of_a_token_are_those_of_the_layers_and_the_head(tmp_path):
    model = load_vision_language_model(str(make_checkpoint(tmp_path / "model")), tmp_path).model
    # Wide: hidden 64, 4 and 2 heads of 16, ffn 96, 3 layers, 336 ids; four norms a layer and one behind them.
    layer = 64 * 64 * 2 + 2 * 64 * 32 + 64 + 2 * 32 + 3 * 64 * 96 + 4 * 64
    assert weight_bytes(model) == 4 * (3 * layer + 64 + 336 * 64)


def test_a_copy_is_timed():
    assert copy_bandwidth(torch.device("cpu")) > 1e8
