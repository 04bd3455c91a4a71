"""What NVML knows of the NVIDIA cards in this machine. Every answer is empty where there is no card or no driver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Memory in bytes; `cuda` is the newest CUDA version the driver serves, such as "13.0"."""

    name: str
    memory_total: int
    memory_free: int
    driver: str
    cuda: str


@contextlib.contextmanager
def _nvml() -> Iterator[Any]:
    import pynvml

    pynvml.nvmlInit()
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def gpus() -> list[Gpu]:
    """The cards NVML sees, in its order; an empty list where NVML cannot be asked."""
    try:
        with _nvml() as nvml:
            cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
            driver = _text(nvml.nvmlSystemGetDriverVersion())
            found = []
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                name = _text(nvml.nvmlDeviceGetName(handle))
                found.append(Gpu(name, memory.total, memory.free, driver, f"{cuda // 1000}.{cuda % 1000 // 10}"))
            return found
    except Exception:  # NVML raises its own errors, and the import fails where the library is missing
        return []


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
