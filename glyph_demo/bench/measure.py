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

from glyph_demo.errors import EngineError

if TYPE_CHECKING:
    import torch

    from glyph_demo.engines.local.engine import LocalEngine

Report = Callable[[dict[str, Any]], None]  # is told a benchmark's result so far

PAGE = (842, 595)  # height and width in pixels of a page as Glyph was trained on them

_SIDE = {"cpu": 2048, "cuda": 8192}  # rows and columns of the matrices that `matrix_rate` multiplies
_PRODUCTS = {"cpu": 1, "cuda": 50}  # in one measurement, of which the best of three counts
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


def how_it_ran(engine: LocalEngine) -> dict[str, Any]:
    """What a result says of the engine beside its figures: its runtimes, and its notices in English."""
    return {"runtimes": engine.runtimes, "notices": [notice.en for notice in engine.notices]}


def as_asked(engine: LocalEngine) -> None:
    """Raises EngineError `bench_fell_back` where a plainer runtime runs than the settings ask for: its figures would be
    taken for those of the other."""
    fallen = engine.fallen_back
    if fallen:
        en, zh = " ".join(said.en for said in fallen), "".join(said.zh for said in fallen)
        raise EngineError(
            "bench_fell_back",
            f"Not measured: {en} Mend that, or name a plainer runtime in inference.decode or inference.vision.",
            f"未测量：{zh}请先解决，或在 inference.decode、inference.vision 中指定更普通的方式。",
        )


def copy_bandwidth(device: torch.device) -> float:
    """Bytes read and written per second of wall time, in the best of some large copies within the device's memory."""
    import torch

    source = torch.ones(_COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _soonest(lambda: target.copy_(source), device)


def _soonest(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds of wall time of the best of some runs."""
    best = float("inf")
    for _ in range(_COPIES):
        now(device)
        began = time.perf_counter()
        work()
        now(device)
        best = min(best, time.perf_counter() - began)
    return best


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
    return _PRODUCTS[device.type] * 2 * m * k * n / min(timed(multiply, device)[0] for _ in range(3))


def read_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Bytes of a matrix, larger than caches, that a product with one vector reads per second of wall time."""
    import torch

    width = 4096
    matrix = torch.ones(_COPIED[device.type] // width // dtype.itemsize, width, dtype=dtype, device=device)
    vector = torch.ones(1, width, dtype=dtype, device=device)
    return matrix.nbytes / _soonest(lambda: torch.nn.functional.linear(vector, matrix), device)


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
