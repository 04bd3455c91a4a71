"""What a 24 GB card is held to, and how each figure is found in a part's result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]


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


def _failed(result: Result) -> float:
    """A part that was stopped has not passed the checks that it did not come to."""
    return float(
        sum(check["passed"] is False for check in result["checks"].values()) + (0 if "passed" in result else 1)
    )


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
    Target("exactness", "checks that fail", _failed, 0.0, most=True),
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
