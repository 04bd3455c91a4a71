"""What NVML reports about this machine's NVIDIA cards, now and over the last minute, and the load of the processor.
Without a card or a driver the list of cards is empty."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Memory in bytes; `cuda` is the newest CUDA version that the driver supports, such as "13.0"."""

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
    """The cards that NVML sees, in its order; an empty list if NVML does not work."""
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
    except Exception:  # NVML has its own errors, and the import may fail
        return []


def short_name(card: str) -> str:
    """A card's name without its maker's."""
    return card.removeprefix("NVIDIA ").removeprefix("GeForce ")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class Card:
    """One card at one moment. Memory in bytes, `load` 0 to 1, power in watts, clocks in MHz, temperature in °C; None
    for what the card does not report. `throttled` names the reasons for lowered clocks, see THROTTLING. `allocated` and
    `reserved` are torch's bytes in this process; None if it does not use the card."""

    name: str
    memory_used: int
    memory_total: int
    load: float | None = None
    power: float | None = None
    power_limit: float | None = None
    clock: int | None = None
    clock_max: int | None = None
    memory_clock: int | None = None
    temperature: int | None = None
    throttled: tuple[str, ...] = ()
    allocated: int | None = None
    reserved: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The machine at `time` (seconds of time.monotonic). `processor` is the load of all cores, 0 to 1; memory is in
    bytes, `own` is that of this process. `lost` names the cards that have stopped answering."""

    time: float
    cards: tuple[Card, ...]
    lost: tuple[str, ...]
    processor: float
    memory_used: int
    memory_total: int
    own: int


# Reasons for lower clocks under load, by their bit (nvml.h, nvmlClocksThrottleReason*). Left out: idle cards, and
# clocks set by the user or an application.
THROTTLING = {0x04: "power", 0x08: "hardware", 0x20: "heat", 0x40: "heat", 0x80: "brake"}
HISTORY = 60  # samples
INTERVAL = 1.0  # seconds between two samples, no matter how many windows ask


class Monitor:
    """Samples of the machine, taken by `look` at most once a second. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[Sample] = deque(maxlen=HISTORY)
        self._nvml: Any = None
        self._handles: dict[int, tuple[Any, str]] = {}  # handle and name of each card, by its number
        self._absent = False

    def look(self) -> tuple[Sample, ...]:
        """The samples of the last minute, oldest first; the last is at most a second old. Never empty."""
        with self._lock:
            now = self._clock()
            if not self._samples or now - self._samples[-1].time >= INTERVAL:
                self._samples.append(self._sample(now))
            return tuple(sample for sample in self._samples if now - sample.time < HISTORY * INTERVAL)

    def _sample(self, now: float) -> Sample:
        import psutil

        cards, lost = self._cards()
        memory, own = psutil.virtual_memory(), psutil.Process().memory_info().rss
        used = memory.total - memory.available
        return Sample(now, cards, lost, psutil.cpu_percent() / 100, used, memory.total, own)

    def _cards(self) -> tuple[tuple[Card, ...], tuple[str, ...]]:
        if not self._connect():
            return (), tuple(name for _, name in self._handles.values())
        cards, lost = [], []
        for handle, name in self._handles.values():
            lost.append(name)
            with contextlib.suppress(self._nvml.NVMLError):  # fallen off the bus, or its driver was reset
                cards.append(_card(self._nvml, handle, name))
                lost.pop()
        if lost:
            self._disconnect()  # the card may be back the next time
        return tuple(cards), tuple(lost)

    def _connect(self) -> bool:
        if self._absent or self._nvml is not None:
            return not self._absent
        try:
            import pynvml

            pynvml.nvmlInit()
            for index in range(pynvml.nvmlDeviceGetCount()):
                with contextlib.suppress(pynvml.NVMLError):
                    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                    self._handles[index] = handle, _text(pynvml.nvmlDeviceGetName(handle))
            self._nvml = pynvml
        except Exception:  # no library, no driver, no card
            self._absent = not self._handles
        return self._nvml is not None

    def _disconnect(self) -> None:
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()
        self._nvml = None


def _card(nvml: Any, handle: Any, name: str) -> Card:
    """Raises NVMLError for a card that does not report its memory."""
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)

    def asked(function: str, *arguments: Any) -> Any:
        try:
            return getattr(nvml, function)(handle, *arguments)
        except nvml.NVMLError:
            return None

    def scaled(value: float | None, by: float) -> float | None:
        return None if value is None else value / by

    load = asked("nvmlDeviceGetUtilizationRates")
    reasons = asked("nvmlDeviceGetCurrentClocksThrottleReasons") or 0
    uuid = asked("nvmlDeviceGetUUID")
    allocated, reserved = _torch_bytes("" if uuid is None else _text(uuid))
    return Card(
        name,
        memory.used,
        memory.total,
        scaled(None if load is None else load.gpu, 100),
        scaled(asked("nvmlDeviceGetPowerUsage"), 1000),
        scaled(asked("nvmlDeviceGetEnforcedPowerLimit"), 1000),
        asked("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
        asked("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
        asked("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
        asked("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        tuple(dict.fromkeys(word for bit, word in THROTTLING.items() if reasons & bit)),
        allocated,
        reserved,
    )


def _torch_bytes(uuid: str) -> tuple[int | None, int | None]:
    """Bytes that torch has allocated and reserved on the card with this UUID. Does not import or initialise torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None, None
    for index in range(torch.cuda.device_count()):
        if str(torch.cuda.get_device_properties(index).uuid) in uuid:
            return torch.cuda.memory_allocated(index), torch.cuda.memory_reserved(index)
    return None, None
