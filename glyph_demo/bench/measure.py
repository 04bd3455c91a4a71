"""What the benchmarks share: clocks that wait for the device, and the best rates that the device reaches.

On a CPU seconds are of CPU time, which other work on the machine disturbs least; on a CUDA device, of wall time."""

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

Report = Callable[[dict[str, Any]], None]  # is told a benchmark's result so far

PAGE = (842, 595)  # height and width in pixels of a page as Glyph was trained on them

_SIDE = {"cpu": 2048, "cuda": 8192}  # rows and columns of the matrices that `matrix_rate` multiplies
_PRODUCTS = {"cpu": 3, "cuda": 50}  # in one measurement
_COPIED = {"cpu": 1 << 28, "cuda": 1 << 30}  # bytes; far more than caches hold
_COPIES = 5


def ignore(result: dict[str, Any]) -> None:
    """The Report of whoever waits for the end."""


def tell(line: str) -> None:
    """Print progress on stderr."""
    print(line, file=sys.stderr, flush=True)


def unit(device: torch.device) -> str:
    return "seconds" if device.type == "cuda" else "CPU seconds"


def device_name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def now(device: torch.device) -> float:
    """The time in the device's `unit`, once it has finished all work."""
    if device.type != "cuda":
        return time.process_time()
    import torch

    torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    """How long `work` took, including on the device, in its `unit`; and what it returned."""
    began = now(device)
    result = work()
    return now(device) - began, result


def copy_bandwidth(device: torch.device) -> float:
    """Bytes read and written per second of wall time, in the best of some large copies within the device's memory."""
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
    """Floating point operations per second of products (m, k) by (k, n) for `shape` (m, k, n), by default of large
    square ones. A multiplication and an addition count as two."""
    import torch

    m, k, n = shape or (_SIDE[device.type],) * 3
    first = torch.randn(m, k, device=device).to(dtype)
    second = torch.randn(n, k, device=device).to(dtype).T  # laid out like a layer's weights
    result = torch.empty(m, n, dtype=dtype, device=device)

    def multiply() -> None:
        for _ in range(_PRODUCTS[device.type]):
            torch.mm(first, second, out=result)

    multiply()
    return _PRODUCTS[device.type] * 2 * m * k * n / timed(multiply, device)[0]


def forget_peak(device: torch.device) -> None:
    """Free unused memory and restart `peak_memory`."""
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.init()  # needed before statistics can be reset
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):  # Linux only, https://man7.org/linux/man-pages/man5/proc.5.html
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """The most bytes at one time that this process had reserved on the card, or else resident in host memory."""
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
