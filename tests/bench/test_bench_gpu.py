"""The script for a GPU machine: no part costs another one, and the figures are held against the targets."""

import json
import subprocess
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu import CALLS, PARTS, _child, main, measure
from benchmarks.gpu_targets import TARGETS, Target


def figures(part: str) -> dict[str, Any]:
    return {
        "exactness": {"passed": True, "checks": {"kernels": {"passed": None}, "growth": {"passed": True}}},
        "decode": {"context": 4096, "share": 0.9, "more_contexts": [{"context": 65536, "share": 0.6}]},
        "prefill": {"lengths": [{"tokens": 16384, "matrix_share": 0.5}]},
        "encode": {"runtimes": {"eager": {"matrix_share": 0.3}, "onnx": {"unavailable": "no"}, "transformers": {}}},
        "document-fp16": {"pages": 22, "turns": [{"first_token": 3.0}, {"first_token": 0.05}]},
        "ladder": {"scale": {"full": True}, "gain": {"pages": {"first": 9.0}, "whitepaper": None}},
    }.get(part, {"document_tokens": 32868, "peak_bytes": 15e9, "device_bytes": 17e9})


def test_figures_are_held_against_the_targets():
    checked = [target.check({part.name: figures(part.name) for part in PARTS}) for target in TARGETS]
    assert [check["passed"] for check in checked] == [True, True, False, True, False, True, True, True, False, False]
    assert checked[8]["figure"] == 17.0


@pytest.mark.parametrize("results", [{}, {"part": {"unavailable": "no"}}])
def test_a_figure_that_is_missing_is_neither_reached_nor_missed(results):
    target = Target("part", "what", lambda result: float(result["figure"]), 1.0)
    assert target.check(results)["passed"] is None


@pytest.mark.long
def test_a_part_that_fails_or_hangs_costs_itself_alone(checkpoint, tmp_path):
    by_name = {part.name: part for part in PARTS}
    parts = [by_name["long-int4-12gb"], replace(by_name["ladder"], limit=5 - gpu.LOAD), by_name["document-fp16"]]
    summary = measure(parts, str(checkpoint), True, tmp_path / "out")
    assert "NVIDIA" in summary["parts"]["long-int4-12gb"]
    assert "stopped at its limit" in summary["parts"]["ladder"]
    assert summary["parts"]["document-fp16"] == "measured"
    written = json.loads((tmp_path / "out" / "document-fp16.json").read_text())
    assert len(written["turns"]) == 3
    assert written["turns"][1]["cached"] > 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary


def test_what_a_part_found_before_it_failed_is_kept(tmp_path):
    def work(settings, quick, report, engines):
        report({"first": 1})
        report({"second": 2})
        raise ValueError("broken")

    assert _child([replace(PARTS[0], work=work), PARTS[1]], "random:mid", True, tmp_path) == 2
    assert not (tmp_path / f"{PARTS[1].name}.json").exists(), "a new process is to take it"
    written = json.loads((tmp_path / f"{PARTS[0].name}.json").read_text())
    assert written.pop("wall_seconds") >= 0
    assert written == {"first": 1, "second": 2, "unavailable": "ValueError: broken"}


def test_parts_that_want_the_same_engine_share_it_and_others_do_not(checkpoint, tmp_path):
    seen = []

    def work(settings, quick, report, engines):
        seen.append(engines.of(settings))
        return {}

    parts = [replace(PARTS[0], name=name, precision="fp32", work=work) for name in ("a", "b")]
    _child([*parts, replace(parts[0], name="c", kv="int8")], str(checkpoint), True, tmp_path)
    assert seen[0] is seen[1]
    assert seen[2] is not seen[1]


def test_a_process_that_a_part_ends_is_followed_by_one_for_the_rest(tmp_path, monkeypatch):
    started = []

    def process(command, **options):
        started.append([part.split("=")[0] for part in command[4 : command.index("--model")]])
        for name in started[-1]:
            done = name != PARTS[1].name
            (tmp_path / f"{name}.json").write_text(json.dumps({"wall_seconds": 1} if done else {"first": 1}))
            if not done:
                return subprocess.CompletedProcess(command, 1)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(gpu.subprocess, "run", process)
    parts = [replace(part, model="", precision="fp32", memory=0, kv="auto") for part in PARTS[:3]]
    summary = measure(parts, "random:mid", True, tmp_path)
    assert started == [[part.name for part in parts], [parts[2].name]]
    assert [summary["parts"][part.name] for part in parts][::2] == ["measured"] * 2
    assert json.loads((tmp_path / f"{parts[1].name}.json").read_text())["first"] == 1
    assert "stopped at its limit" in summary["parts"][parts[1].name]


@pytest.mark.long
def test_a_part_that_is_stopped_keeps_the_figures_it_has(tmp_path):
    """On a CPU the exactness part has the kernels' check, which there is none of, long before it is done."""
    part = replace(next(part for part in PARTS if part.name == "exactness"), limit=60 - gpu.LOAD)
    summary = measure([part], "random:mid", False, tmp_path)
    written = json.loads((tmp_path / "exactness.json").read_text())
    assert "stopped at its limit" in summary["parts"]["exactness"]
    assert written["checks"]["kernels"]["passed"] is None
    assert "passed" not in written
    assert next(t for t in summary["targets"] if t["part"] == "exactness")["passed"] is False


@pytest.mark.parametrize(("call", "seconds"), [("main", 585), ("ladder", 200), ("kv", 150), ("precisions", 585)])
def test_the_limits_of_a_call_add_up(call, seconds):
    processes = [list(parts) for _, parts in groupby(CALLS[call], lambda part: part.engine)]
    assert len(processes) * gpu.LOAD + sum(part.limit for part in CALLS[call]) <= seconds


def test_each_part_is_of_one_call():
    assert len({part.name for part in PARTS}) == len(PARTS)


@pytest.mark.long
@pytest.mark.parametrize("call", CALLS)
def test_all_of_it_runs_at_a_tiny_size(call, tmp_path):
    assert main(["--quick", "--call", call, "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    missing = {name for name, state in summary["parts"].items() if state != "measured"}
    assert missing <= {"long-int4-12gb"}
