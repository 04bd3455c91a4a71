"""The process that the app runs in: what is set before anything heavy is loaded, and memory given back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2
_COLLECT_AFTER = 5000  # objects


def prepare() -> None:
    """Have threads of a matrix product that wait for each other sleep, threads of answers share their free memory, and
    Python look for garbage less often.

    Spinning, threads take the time of those that they wait for: a decode step beside other work took 852 ms instead of
    112 (docs/performance.md). And glibc gives each thread free memory of its own, up to 8 times the cores: under 500
    requests of 8 clients the process grew from 645 to 756 MB, with two pools from 509 to 555 MB and not after 200.
    Looking through all objects, of which libraries make 500,000, holds every thread up for 100 to 370 ms: 12 times in
    the first 20 seconds after a first start, and twice if only every 5,000th new object begins a look instead of every
    700th. What is set in the environment stays."""
    gc.set_threshold(_COLLECT_AFTER)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Have glibc return what was freed; it keeps much of what networks take for a moment."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
