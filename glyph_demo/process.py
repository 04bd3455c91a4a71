"""Settings of the process that must be made before heavy packages are imported, and memory given back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2
_COLLECT_AFTER = 5000  # objects


def prepare() -> None:
    """Make three settings. Environment variables that the user has set keep their values.

    OpenMP threads sleep while they wait. Spinning, they take the time of the threads that they wait for: a decode step
    beside other work took 852 ms instead of 112 (docs/performance.md).

    All threads share two malloc arenas. By default glibc gives threads up to 8 arenas a core: over 500 requests of 8
    clients the process grew from 645 to 756 MB; with two arenas from 509 to 555 MB, and not after request 200.

    Garbage collection starts after 5,000 new objects instead of 700. A full collection goes through the 500,000 objects
    of the libraries and stops every thread for 100 to 370 ms: 12 times in the first 20 seconds after a first start,
    now twice."""
    gc.set_threshold(_COLLECT_AFTER)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Have glibc return freed memory to the system. It keeps much of what a network needs only for a moment."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
