"""The comparison of turns runs to its end, on a small model, and both sides say the same."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.turns import run
from glyph_demo.settings import Settings
from tests.checkpoints import make_checkpoint


def test_both_ways_are_measured_and_give_the_same_tokens(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    result = run(replace(Settings(), model=str(folder), cache_dir=str(tmp_path)), pages=2, tokens=5)
    assert result["same_tokens"]
    assert result["document_tokens"] == 2 * 632 + 4
    figures = {"turn1_first_token", "turn2_first_token", "decode_per_token"}
    assert figures <= set(result["quick_start"])
    assert figures <= set(result["ours"])
    assert all(value > 0 for side in ("quick_start", "ours") for value in result[side].values())
    assert result["ratio_turn2"] > 1
