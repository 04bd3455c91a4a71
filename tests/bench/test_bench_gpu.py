"""The script for a GPU machine: every part is a process of its own, and what it found is held against the targets."""

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.gpu import PARTS, TARGETS, Target, main, measure


def figures(part: str) -> dict[str, Any]:
    return {
        "decode": {"context": 4096, "share": 0.9, "more_contexts": [{"context": 65536, "share": 0.6}]},
        "prefill": {"lengths": [{"tokens": 16384, "matrix_share": 0.5}]},
        "encode": {"runtimes": {"eager": {"matrix_share": 0.3}, "onnx": {"unavailable": "no"}, "transformers": {}}},
        "document-fp16": {"pages": 22, "turns": [{"first_token": 3.0}, {"first_token": 0.05}]},
        "ladder": {"scale": {"full": True}, "gain": {"pages": {"first": 9.0}, "whitepaper": None}},
    }.get(part, {"document_tokens": 32868, "peak_bytes": 15e9, "device_bytes": 17e9})


def test_figures_are_held_against_the_targets():
    checked = [target.check({part.name: figures(part.name) for part in PARTS}) for target in TARGETS]
    assert [check["passed"] for check in checked] == [True, False, True, False, True, True, True, False, False]
    assert checked[7]["figure"] == 17.0


@pytest.mark.parametrize("results", [{}, {"part": {"unavailable": "no"}}])
def test_a_figure_that_is_missing_is_neither_reached_nor_missed(results):
    target = Target("part", "what", lambda result: float(result["figure"]), 1.0)
    assert target.check(results)["passed"] is None


def test_a_part_that_fails_or_hangs_costs_itself_alone(checkpoint, tmp_path):
    by_name = {part.name: part for part in PARTS}
    parts = [by_name["long-int4-12gb"], replace(by_name["ladder"], limit=5), by_name["document-fp16"]]
    summary = measure(parts, str(checkpoint), True, tmp_path / "out")
    assert "NVIDIA" in summary["parts"]["long-int4-12gb"]
    assert "not done within" in summary["parts"]["ladder"]
    assert summary["parts"]["document-fp16"] == "measured"
    written = json.loads((tmp_path / "out" / "document-fp16.json").read_text())
    assert len(written["turns"]) == 3
    assert written["turns"][1]["cached"] > 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary


@pytest.mark.long
def test_all_of_it_runs_at_a_tiny_size(tmp_path):
    assert main(["--quick", "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    missing = {name for name, state in summary["parts"].items() if state != "measured"}
    assert missing == {"long-int4-12gb"}
