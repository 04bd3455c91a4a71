"""How far a model is while it is downloaded and loaded, told in lines on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY = 0.5  # seconds between two lines on a terminal; elsewhere, where each stays, ten times that


class LoadLines:
    """Takes bytes done and bytes in all, of the download and then of loading, and writes `load 3.1/20.6 GB, 12 s left`.
    The time left is what the rest takes at the mean rate so far."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stderr
        self._clock = clock
        self._done, self._total = 0, -1
        self._began = self._told = 0.0

    def __call__(self, done: int, total: int | None) -> None:
        now = self._clock()
        if done < self._done or self._total < 0:  # the download is over, or this is the first word
            self._began, self._told = now, now - 10 * EVERY
        self._done, self._total = done, total or 0
        terminal = self._out.isatty()
        if done == total or now - self._told >= (EVERY if terminal else 10 * EVERY):
            self._told = now
            line = f"load {amount(done, total)}{self._left(now)}"
            print(f"\r{line:<40}" if terminal else line, file=self._out, end="" if terminal else "\n", flush=True)
            if terminal and done == total:
                print(file=self._out)

    def _left(self, now: float) -> str:
        elapsed = now - self._began
        if not 0 < self._done < self._total or elapsed <= 0:
            return ""
        return f", {(self._total - self._done) * elapsed / self._done:.0f} s left"


def amount(done: int, total: int | None) -> str:
    """`3.1/20.6 GB`, in the unit that suits the total; without one, what is done."""
    size = total or done
    unit, name = next(
        (unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")) if size >= unit or unit == 1
    )
    return f"{done / unit:.1f}/{total / unit:.1f} {name}" if total else f"{done / unit:.1f} {name}"
