"""All benchmarks of a machine with a CUDA GPU, in less than ten minutes:

    python -m benchmarks.gpu --out DIR [--model random:glyph] [--only PART …] [--quick]

Each part runs in its own process with its own time limit: one that fails or hangs does not affect the others, and its
memory is freed. After each part `DIR/PART.json` and `DIR/summary.json`, with the targets reached, are written.
`--quick` runs everything at a tiny size, on any machine, as a check."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from glyph_demo.bench.measure import tell
from glyph_demo.errors import GlyphError
from glyph_demo.settings import Settings, load_settings

TOTAL = 585  # seconds for all parts
PAGES_32K = 52  # of 632 tokens
_TINY = (280, 196)  # height and width in pixels of a page in --quick

Result = dict[str, Any]
Work = Callable[[Settings, bool], Result]


def _machine(settings: Settings, quick: bool) -> Result:
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


def _benchmark(
    name: str, quick: dict[str, Any], full: dict[str, Any] | None = None
) -> Callable[[Settings, bool], Result]:
    """A part that runs `benchmarks.NAME` with the arguments of either size."""

    def work(settings: Settings, small: bool) -> Result:
        result: Result = import_module(f"benchmarks.{name}").run(settings, **(quick if small else full or {}))
        return result

    return work


_decode = _benchmark("decode", {"contexts": (256, 512), "tokens": 6})
_prefill = _benchmark("prefill", {"lengths": (128, 256)})
_encode = _benchmark("encode", {"rounds": 1, "pages": 1, "size": _TINY})
_document = _benchmark("document", {"pages": 1, "size": _TINY, "turns": 3, "tokens": 4})
_long_document = _benchmark(
    "document", {"pages": 2, "size": _TINY, "turns": 1, "tokens": 4}, {"pages": PAGES_32K, "turns": 2}
)


def _ladder(settings: Settings, quick: bool) -> Result:
    from glyph_demo.bench.ladder import Scale, run

    return run(settings, scale=Scale(200, (196, 280), 4, 1) if quick else None)


@dataclass(frozen=True)
class Measurement:
    """`limit` is in seconds; `memory` is the size in GB of the card on which it must fit, 0 for any."""

    name: str
    work: Work
    limit: int
    precision: str = "auto"
    memory: int = 0


PARTS = (
    Measurement("machine", _machine, 60),
    Measurement("decode", _decode, 150),
    Measurement("prefill", _prefill, 90),
    Measurement("encode", _encode, 150),
    Measurement("document-fp16", _document, 90, "fp16"),
    Measurement("ladder", _ladder, 240),
    Measurement("long-fp16-24gb", _long_document, 90, "fp16", 24),
    Measurement("long-int8-16gb", _long_document, 120, "int8", 16),
    Measurement("long-int4-12gb", _long_document, 120, "int4", 12),
    Measurement("document-bf16", _document, 90, "bf16"),
)


@dataclass(frozen=True)
class Target:
    """A lower bound for `figure` of a part's result, or an upper bound if `most`."""

    part: str
    what: str
    figure: Callable[[Result], float]
    bound: float
    most: bool = False

    def check(self, results: dict[str, Result]) -> Result:
        found: Result = {
            "part": self.part,
            "what": self.what,
            "target": f"{'<=' if self.most else '>='} {self.bound:g}",
        }
        try:
            figure = self.figure(results[self.part])
        except (KeyError, IndexError, StopIteration, TypeError, ValueError):
            return {**found, "figure": None, "passed": None}
        return {**found, "figure": figure, "passed": figure <= self.bound if self.most else figure >= self.bound}


def _at(result: Result, context: int) -> float:
    contexts = [result, *result["more_contexts"]]
    return float(next(found["share"] for found in contexts if found["context"] == context))


def _prefill_share(result: Result) -> float:
    return float(next(found["matrix_share"] for found in result["lengths"] if found["tokens"] == 16384))


def _vision_share(result: Result) -> float:
    return max(
        found["matrix_share"]
        for name, found in result["runtimes"].items()
        if "matrix_share" in found and not name.startswith("transformers")
    )


def _later(result: Result) -> float:
    if result["pages"] < 22:
        raise ValueError("not 50,000 characters")
    return float(max(turn["first_token"] for turn in result["turns"][1:]))


def _gain(result: Result) -> float:
    if not result["scale"]["full"]:
        raise ValueError("not the full case")
    return float(max(gain["first"] for gain in result["gain"].values() if gain))


def _gigabytes(result: Result) -> float:
    """Memory in use on the whole card, or reserved by the process if that is more; in units of 10**9 bytes."""
    if result["document_tokens"] < 32_000:
        raise ValueError("not 32k tokens")
    return round(max(result["peak_bytes"], result["device_bytes"]) / 1e9, 2)


TARGETS = (
    Target("decode", "share of copy bandwidth at 4k", lambda r: _at(r, 4096), 0.80),
    Target("decode", "share of copy bandwidth at 64k", lambda r: _at(r, 65536), 0.70),
    Target("prefill", "share of matrix rate at 16k tokens", _prefill_share, 0.50),
    Target("encode", "vision's share of matrix rate", _vision_share, 0.45),
    Target("document-fp16", "seconds to a later question's first token, 22 pages", _later, 0.060, most=True),
    Target("ladder", "gain from top to bottom", _gain, 8.0),
    Target("long-fp16-24gb", "GB with 32k visual tokens in FP16", _gigabytes, 24.0, most=True),
    Target("long-int8-16gb", "GB with 32k visual tokens in int8", _gigabytes, 16.0, most=True),
    Target("long-int4-12gb", "GB with 32k visual tokens in int4", _gigabytes, 12.0, most=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    parser.add_argument("--model", help="folder, hub id or random:NAME (random:glyph; random:mid with --quick)")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], metavar="PART")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that everything runs")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    model = options.model or ("random:mid" if options.quick else "random:glyph")
    if options.part:
        part = next(part for part in PARTS if part.name == options.part)
        return _child(part, model, options.quick)
    if options.out is None:
        parser.error("--out DIR is missing")
    chosen = [part for part in PARTS if not options.only or part.name in options.only]
    summary = measure(chosen, model, options.quick, options.out)
    return 1 if any(target["passed"] is False for target in summary["targets"]) else 0


def measure(parts: Sequence[Measurement], model: str, quick: bool, out: Path) -> Result:
    """Run the parts one after another and write their results into the folder `out`. Returns the summary."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    results: dict[str, Result] = {}
    summary: Result = {}
    for part in parts:
        left = TOTAL - (time.monotonic() - began)
        tell(f"== {part.name} ({min(part.limit, left):.0f} s at most)")
        results[part.name] = result = _in_a_process(part, model, quick, min(part.limit, left))
        (out / f"{part.name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
        summary = {
            "model": model,
            "quick": quick,
            "seconds": round(time.monotonic() - began, 1),
            "parts": {name: result.get("unavailable", "measured") for name, result in results.items()},
            "targets": [target.check(results) for target in TARGETS],
        }
        (out / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    for name, state in summary.get("parts", {}).items():
        print(f"{name:16} {state}")
    for target in summary.get("targets", []):
        verdict = {None: "no figure", True: "PASS", False: "FAIL"}[target["passed"]]
        print(f"{verdict:9} {target['what']}: {target['figure']} ({target['target']})")
    return summary


def _in_a_process(part: Measurement, model: str, quick: bool, limit: float) -> Result:
    if limit < 5:
        return {"unavailable": "no time left"}
    command = [sys.executable, "-m", "benchmarks.gpu", "--part", part.name, "--model", model]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    }
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, "--quick"] if quick else command,
            stdout=subprocess.PIPE,
            timeout=limit,
            env=environment,
            check=False,
        )
        result: Result = json.loads(done.stdout.decode().strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        result = {"unavailable": f"not done within {limit:.0f} s"}
    except (ValueError, IndexError):
        result = {"unavailable": f"ended with status {done.returncode} and no result"}
    return {**result, "wall_seconds": round(time.monotonic() - began, 1)}


def _child(part: Measurement, model: str, quick: bool) -> int:
    """Run one part; its result is the last line on stdout."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        try:
            result = part.work(_settings(part, model), quick)
        except GlyphError as error:
            result = {"unavailable": error.text("en")}
        except Exception as error:  # the other parts go on whatever fails
            import traceback

            traceback.print_exc()
            result = {"unavailable": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(result), file=out, flush=True)
    return 0


def _settings(part: Measurement, model: str) -> Settings:
    flags: dict[str, Any] = {"model": model, "inference.precision": part.precision}
    if part.memory:
        flags["inference.memory_limit_gb"] = part.memory
    return load_settings(environment=os.environ, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
