"""What the benchmarks share: clocks that wait for the device, and what the device can do at best.

Seconds are of CPU time on a CPU, where other work on the machine counts least, and of the clock on a CUDA device."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PAGE = (842, 595)  # height and width in pixels of a page as Glyph was trained on them
PAGE_TOKENS = 632  # of such a page: 630 visual ones and two markers

_SIDE = {"cpu": 2048, "cuda": 8192}  # of the square matrices whose product gives the device's rate
_PRODUCTS = {"cpu": 3, "cuda": 50}  # of them a measurement
_COPIED = {"cpu": 1 << 28, "cuda": 1 << 30}  # bytes; far over what caches hold
_COPIES = 5


def tell(line: str) -> None:
    """How far it is, on stderr."""
    print(line, file=sys.stderr, flush=True)


def unit(device: torch.device) -> str:
    return "seconds" if device.type == "cuda" else "CPU seconds"


def device_name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def now(device: torch.device) -> float:
    """The time, in the device's `unit`, when all it was given is done."""
    if device.type != "cuda":
        return time.process_time()
    import torch

    torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    """How long `work` took, on the device too, and what it returned."""
    began = now(device)
    result = work()
    return now(device) - began, result


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second of the clock, read and written, of the best of some large copies within the device's memory."""
    import torch

    source = torch.ones(_COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(_COPIES):
        now(device)
        began = time.perf_counter()
        target.copy_(source)
        now(device)
        best = min(best, time.perf_counter() - began)
    return 2 * source.nbytes / best


def matrix_rate(dtype: torch.dtype, device: torch.device, shape: tuple[int, int, int] | None = None) -> float:
    """Floating point operations a second of products (m, k) by (k, n) for `shape` (m, k, n); of large square ones
    without it. A multiplication and an addition each."""
    import torch

    m, k, n = shape or (_SIDE[device.type],) * 3
    first = torch.randn(m, k, device=device).to(dtype)
    second = torch.randn(n, k, device=device).to(dtype).T  # as a layer's weights lie
    result = torch.empty(m, n, dtype=dtype, device=device)

    def multiply() -> None:
        for _ in range(_PRODUCTS[device.type]):
            torch.mm(first, second, out=result)

    multiply()
    return _PRODUCTS[device.type] * 2 * m * k * n / timed(multiply, device)[0]


def forget_peak(device: torch.device) -> None:
    """Have `peak_memory` count from now, and give back what nobody holds any more."""
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.init()  # without it there are no statistics to reset
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):  # Linux has this, https://man7.org/linux/man-pages/man5/proc.5.html
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """The most bytes held at a time: reserved on the card by this process, or resident in host memory."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_reserved(device)
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    kilobytes = sys.platform != "darwin"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if kilobytes else 1)
