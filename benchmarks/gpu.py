"""All benchmarks of a machine with a CUDA GPU, in calls of less than ten minutes:

    python -m benchmarks.gpu --out DIR [--call main|ladder|kv|precisions] [--model MODEL] [--only PART …] [--quick]

What is computed is checked first, then timed. Parts that want the same engine share a process, for on a slow CPU
loading takes longer than measuring; each has its own time limit, and one that hangs or kills the process costs itself
alone. `DIR/PART.json` is written as the figures come, so that a part that is stopped keeps those it has, and after each
process `DIR/summary.json`, with the targets reached. What was
compiled is in `DIR/compiled`; `--compiled` takes that of an earlier call. `--quick` runs everything at a tiny size, on
any machine, as a check."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu_targets import TARGETS, Result
from glyph_demo.bench.measure import Report, tell
from glyph_demo.errors import GlyphError
from glyph_demo.settings import Settings, load_settings

if TYPE_CHECKING:
    from glyph_demo.bench.engines import Engines

PAGES_32K = 52  # of 632 tokens
_STOPPED = 1  # the status of a process that its watchdog ends
_MARGIN = 15  # seconds in which a watchdog comes before the parent
LOAD = 90  # seconds that a process may take to start and to load its engine, before its first part
_TINY = (280, 196)  # height and width in pixels of a page in --quick

Work = Callable[[Settings, bool, Report, "Engines"], Result]


def _machine(settings: Settings, quick: bool, report: Report, engines: Engines) -> Result:
    import platform

    import torch
    import transformers

    from glyph_demo.bench.measure import copy_bandwidth, device_name, matrix_rate
    from glyph_demo.models.loader import default_device

    device = default_device()
    cuda = device.type == "cuda"
    dtypes = (torch.float32, torch.float16, torch.bfloat16) if cuda else (torch.float32,)
    return {
        "device": device_name(device),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "cuda": torch.version.cuda,
        "memory": torch.cuda.get_device_properties(device).total_memory if cuda else None,
        "copy_bandwidth": round(copy_bandwidth(device)),
        "matrix_gflop_per_second": {str(dtype): round(matrix_rate(dtype, device) / 1e9) for dtype in dtypes},
    }


def _benchmark(name: str, quick: dict[str, Any], full: dict[str, Any] | None = None) -> Work:
    """A part that runs `benchmarks.NAME` with the arguments of either size."""

    def work(settings: Settings, small: bool, report: Report, engines: Engines) -> Result:
        arguments = quick if small else full or {}
        run = import_module(f"benchmarks.{name}").run
        result: Result = run(settings, **arguments, report=report, engines=engines)
        return result

    return work


_exactness = _benchmark("exactness", {"tokens": 6, "captures": 4})
_decode = _benchmark("decode", {"contexts": (256, 512), "tokens": 6})
_prefill = _benchmark("prefill", {"lengths": (128, 256)})
_encode = _benchmark("encode", {"rounds": 1, "pages": 1, "size": _TINY})
_document = _benchmark("document", {"pages": 1, "size": _TINY, "turns": 3, "tokens": 4})
_long_document = _benchmark(
    "document", {"pages": 2, "size": _TINY, "turns": 1, "tokens": 4}, {"pages": PAGES_32K, "turns": 2}
)


def _ladder(settings: Settings, quick: bool, report: Report, engines: Engines) -> Result:
    from glyph_demo.bench.ladder import Scale, report_rung, run

    rungs: list[Result] = []

    def rung(found: Result) -> None:
        report_rung(found)
        rungs.append(found)
        report({"rungs": rungs})

    return run(settings, rung, Scale(200, (196, 280), 4, 1) if quick else None)


@dataclass(frozen=True)
class Measurement:
    """`limit` is in seconds, beside LOAD; `memory` is the size in GB of the card on which it must fit, 0 for any;
    `model` is the part's own, if it has one; `kv` is what keys and values are kept in."""

    name: str
    work: Work
    limit: int
    precision: str = "auto"
    memory: int = 0
    model: str = ""
    kv: str = "auto"

    @property
    def engine(self) -> tuple[Any, ...]:
        """What an engine is loaded by."""
        return self.model, self.precision, self.memory, self.kv


# The parts of each call and their limits: with LOAD for each process less than the ten minutes that a machine may be
# lent for.
CALLS = {
    "main": (
        Measurement("exactness", _exactness, 100, "fp16", model="random:mid"),
        Measurement("machine", _machine, 15, "fp16"),
        Measurement("decode", _decode, 50, "fp16"),
        Measurement("prefill", _prefill, 20, "fp16"),
        Measurement("document-fp16", _document, 30, "fp16"),
        Measurement("encode", _encode, 60, "fp16"),
        Measurement("long-fp16-24gb", _long_document, 40, "fp16", 24),
    ),
    "ladder": (Measurement("ladder", _ladder, 110),),
    "kv": (Measurement("decode-int8-kv", _decode, 60, kv="int8"),),
    "precisions": (
        Measurement("long-int8-16gb", _long_document, 105, "int8", 16),
        Measurement("long-int4-12gb", _long_document, 105, "int4", 12),
        Measurement("document-bf16", _document, 105, "bf16"),
    ),
}
PARTS = tuple(part for parts in CALLS.values() for part in parts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="where the results go")
    parser.add_argument("--call", choices=CALLS, default="main", help="which parts: main, unless said")
    parser.add_argument("--model", help="folder, hub id or random:NAME (random:glyph; random:mid with --quick)")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], metavar="PART")
    parser.add_argument("--compiled", type=Path, metavar="DIR", help="what an earlier call compiled")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that everything runs")
    parser.add_argument("--parts", nargs="+", help=argparse.SUPPRESS)  # NAME=LIMIT: those of one process
    options = parser.parse_args(arguments)
    model = options.model or ("random:mid" if options.quick else "random:glyph")
    if options.parts:
        limits = dict(part.split("=") for part in options.parts)
        parts = [replace(part, limit=int(limits[part.name])) for part in PARTS if part.name in limits]
        return _child(parts, model, options.quick, options.out)
    if options.compiled:
        shutil.copytree(options.compiled, options.out / "compiled", dirs_exist_ok=True)
    chosen = [part for part in PARTS if part.name in options.only] if options.only else CALLS[options.call]
    summary = measure(chosen, model, options.quick, options.out)
    return 1 if any(target["passed"] is False for target in summary["targets"]) else 0


def measure(parts: Sequence[Measurement], model: str, quick: bool, out: Path) -> Result:
    """Run the parts one after another and write their results into the folder `out`. Returns the summary."""
    out.mkdir(parents=True, exist_ok=True)
    for part in parts:
        _file(out, part.name).unlink(missing_ok=True)
    began = time.monotonic()
    results: dict[str, Result] = {}
    summary: Result = {}
    left = list(parts)
    while left:
        alike = list(takewhile(lambda part: part.engine == left[0].engine, left))
        for part, result in _in_a_process(alike, model, quick, out):
            results[part.name] = result
            _write(out, part.name, result)
            left.remove(part)
        summary = {
            "model": model,
            "quick": quick,
            "seconds": round(time.monotonic() - began, 1),
            "parts": {name: result.get("unavailable", "measured") for name, result in results.items()},
            "notices": {name: result["notices"] for name, result in results.items() if result.get("notices")},
            "targets": [target.check(results) for target in TARGETS],
        }
        _write(out, "summary", summary)
    for name, state in summary.get("parts", {}).items():
        print(f"{name:16} {state}")
        for notice in summary["notices"].get(name, ()):
            print(f"{'':16} notice: {notice}")
    for target in summary.get("targets", []):
        verdict = {None: "no figure", True: "PASS", False: "FAIL"}[target["passed"]]
        print(f"{verdict:9} {target['what']}: {target['figure']} ({target['target']})")
    return summary


def _in_a_process(parts: Sequence[Measurement], model: str, quick: bool, out: Path) -> list[tuple[Measurement, Result]]:
    """Those of the parts that one process came to, one at least, with what each wrote."""
    names = [f"{part.name}={part.limit}" for part in parts]
    command = [sys.executable, "-m", "benchmarks.gpu", "--parts", *names, "--model", model, "--out", str(out)]
    compiled = out.resolve() / "compiled"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "TORCHINDUCTOR_CACHE_DIR": str(compiled / "inductor"),
        "TRITON_CACHE_DIR": str(compiled / "triton"),
    }
    why = ""
    try:
        together = LOAD + sum(part.limit for part in parts) + _MARGIN
        done = subprocess.run(
            [*command, "--quick"] if quick else command, timeout=together, env=environment, check=False
        )
        if done.returncode:
            why = "stopped at its limit" if done.returncode == _STOPPED else f"ended with status {done.returncode}"
    except subprocess.TimeoutExpired:
        why = f"not done within {together} s"
    found = []
    for part in parts:
        try:
            result: Result = json.loads(_file(out, part.name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            break
        if "wall_seconds" not in result:
            result = {"unavailable": f"not done: {why}, {part.limit} s", **result}
        found.append((part, result))
    return found or [(parts[0], {"unavailable": why or "ended without a result"})]


def _child(parts: Sequence[Measurement], model: str, quick: bool, out: Path) -> int:
    """Run parts that want the same engine, and write the result so far of each whenever there is more of it. One that
    takes longer than its limit, or fails in a way that may have broken the device's context, ends the process."""
    from glyph_demo.bench.engines import Engines

    engines = Engines()
    for part in parts:
        tell(f"== {part.name} ({part.limit} s at most)")
        began = time.monotonic()
        last: Result = {}

        def report(result: Result, name: str = part.name, last: Result = last) -> None:
            last.update(result)
            _write(out, name, last)

        report({})
        broken = False
        faulthandler.dump_traceback_later(part.limit + (0 if engines.load else LOAD), exit=True)
        with contextlib.redirect_stdout(sys.stderr):
            try:
                report(part.work(_settings(part, model), quick, report, engines))
            except GlyphError as error:
                report({"unavailable": error.text("en")})
            except Exception as error:  # another process takes the parts that are left
                traceback.print_exc()
                report({"unavailable": f"{type(error).__name__}: {error}"[:500]})
                broken = True
        faulthandler.cancel_dump_traceback_later()
        report({"wall_seconds": round(time.monotonic() - began, 1)})
        if broken:
            return 2
    return 0


def _file(out: Path, name: str) -> Path:
    return out / f"{name}.json"


def _write(out: Path, name: str, result: Result) -> None:
    """Whole or not at all: the process may be stopped at any time."""
    beside = out / f"{name}.json.part"
    beside.write_text(json.dumps(result, indent=1), encoding="utf-8")
    beside.replace(_file(out, name))


def _settings(part: Measurement, model: str) -> Settings:
    flags: dict[str, Any] = {
        "model": part.model or model,
        "inference.precision": part.precision,
        "inference.kv": part.kv,
    }
    if part.memory:
        flags["inference.memory_limit_gb"] = part.memory
    return load_settings(environment=os.environ, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
