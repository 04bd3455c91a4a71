"""The machine's figures, with a fake NVML in the place of the driver."""

import sys
from types import SimpleNamespace

import psutil
import pytest

from glyph_demo.gpu import HISTORY, Monitor

GIB = 2**30


class FakeNvml:
    """The part of pynvml that the monitor uses. Each card is a dict; a missing figure is one it does not support."""

    class NVMLError(Exception):
        pass

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = "sm", "mem", 0

    def __init__(self, *cards):
        self.cards = list(cards)
        self.starts = self.memory_asked = 0
        self.driver = True

    def nvmlInit(self):
        if not self.driver:
            raise self.NVMLError("driver not loaded")
        self.starts += 1

    def nvmlShutdown(self):
        pass

    def nvmlDeviceGetCount(self):
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.cards[index]

    def nvmlDeviceGetName(self, card):
        return card["name"].encode()

    def nvmlDeviceGetMemoryInfo(self, card):
        self.memory_asked += 1
        if card.get("lost"):
            raise self.NVMLError("GPU is lost")
        return SimpleNamespace(used=card["used"], total=card["total"])

    def _figure(self, card, name):
        if name not in card:
            raise self.NVMLError("not supported")
        return card[name]

    def nvmlDeviceGetUtilizationRates(self, card):
        return SimpleNamespace(gpu=self._figure(card, "load"))

    def nvmlDeviceGetClockInfo(self, card, kind):
        return self._figure(card, kind)

    def nvmlDeviceGetMaxClockInfo(self, card, kind):
        return self._figure(card, f"max_{kind}")

    def __getattr__(self, name):
        """A function for a figure that has no other argument of meaning."""
        if name not in FIGURES:
            raise AttributeError(name)
        return lambda card, *sensor: self._figure(card, FIGURES[name])


FIGURES = {
    "nvmlDeviceGetCurrentClocksThrottleReasons": "reasons",
    "nvmlDeviceGetUUID": "uuid",
    "nvmlDeviceGetPowerUsage": "milliwatts",
    "nvmlDeviceGetEnforcedPowerLimit": "limit",
    "nvmlDeviceGetTemperature": "celsius",
}


def busy_card(**changes):
    return {
        "name": "NVIDIA RTX 4090 D",
        "used": 13 * GIB,
        "total": 24 * GIB,
        "load": 87,
        "reasons": 0,
        "uuid": "GPU-11111111-2222-3333-4444-555555555555",
        "milliwatts": 301_500,
        "limit": 425_000,
        "sm": 2520,
        "max_sm": 3105,
        "mem": 10501,
        "celsius": 71,
        **changes,
    }


def install(monkeypatch, nvml):
    monkeypatch.setitem(sys.modules, "pynvml", nvml)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_card_tells_memory_load_power_clocks_and_temperature(monkeypatch):
    install(monkeypatch, FakeNvml(busy_card()))
    (sample,) = Monitor().look()
    (card,) = sample.cards
    assert (card.name, card.memory_used, card.memory_total) == ("NVIDIA RTX 4090 D", 13 * GIB, 24 * GIB)
    assert (card.load, card.power, card.power_limit) == (0.87, 301.5, 425.0)
    assert (card.clock, card.clock_max, card.memory_clock, card.temperature) == (2520, 3105, 10501, 71)
    assert (card.throttled, card.allocated, sample.lost) == ((), None, ())


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        (0x01, ()),  # idle
        (0x02, ()),  # clocks that somebody set
        (0x04, ("power",)),
        (0x08 | 0x40, ("hardware", "heat")),
        (0x20 | 0x40, ("heat",)),
        (0x80 | 0x01, ("brake",)),
    ],
)
def test_reasons_for_throttling_come_as_words(monkeypatch, reasons, words):
    install(monkeypatch, FakeNvml(busy_card(reasons=reasons)))
    assert Monitor().look()[-1].cards[0].throttled == words


def test_what_a_card_does_not_support_is_left_out(monkeypatch):
    install(monkeypatch, FakeNvml({"name": "Old", "used": 1, "total": 2}))
    (card,) = Monitor().look()[-1].cards
    assert (card.load, card.power, card.clock, card.temperature, card.throttled) == (None, None, None, None, ())


def test_torch_bytes_are_those_of_the_card_with_the_same_uuid(monkeypatch):
    """CUDA_VISIBLE_DEVICES renumbers cards for torch, and not for NVML."""
    other = busy_card(uuid="GPU-99999999-0000-0000-0000-000000000000")
    install(monkeypatch, FakeNvml(other, busy_card()))
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda i: SimpleNamespace(uuid="11111111-2222-3333-4444-555555555555"),
        memory_allocated=lambda i: 11 * GIB,
        memory_reserved=lambda i: 12 * GIB,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    first, second = Monitor().look()[-1].cards
    assert (first.allocated, first.reserved) == (None, None)
    assert (second.allocated, second.reserved) == (11 * GIB, 12 * GIB)


def test_a_card_that_is_lost_midway_is_named_and_found_again(monkeypatch):
    nvml, clock = FakeNvml(busy_card(name="A"), busy_card(name="B")), Clock()
    install(monkeypatch, nvml)
    monitor = Monitor(clock)
    assert [card.name for card in monitor.look()[-1].cards] == ["A", "B"]
    nvml.cards[0]["lost"] = True
    clock.now += 1
    sample = monitor.look()[-1]
    assert ([card.name for card in sample.cards], sample.lost) == (["B"], ("A",))
    del nvml.cards[0]["lost"]
    clock.now += 1
    sample = monitor.look()[-1]
    assert ([card.name for card in sample.cards], sample.lost) == (["A", "B"], ())


def test_a_card_whose_driver_goes_with_it_stays_lost_until_both_are_back(monkeypatch):
    nvml, clock = FakeNvml(busy_card(name="A")), Clock()
    install(monkeypatch, nvml)
    monitor = Monitor(clock)
    assert [card.name for card in monitor.look()[-1].cards] == ["A"]
    nvml.cards[0]["lost"], nvml.driver = True, False
    for _ in range(3):
        clock.now += 1
        sample = monitor.look()[-1]
        assert (sample.cards, sample.lost) == ((), ("A",))
    del nvml.cards[0]["lost"]
    nvml.driver = True
    clock.now += 1
    sample = monitor.look()[-1]
    assert ([card.name for card in sample.cards], sample.lost) == (["A"], ())


@pytest.mark.parametrize("driver", ["no library", "no driver", "no card"])
def test_without_a_card_processor_and_memory_are_told(monkeypatch, driver):
    nvml = FakeNvml()
    nvml.driver = driver == "no card"
    install(monkeypatch, None if driver == "no library" else nvml)
    sample = Monitor().look()[-1]
    assert sample.cards == ()
    assert 0 <= sample.processor <= 1
    assert 0 < sample.own < sample.memory_used < sample.memory_total == psutil.virtual_memory().total


def test_however_many_windows_look_there_is_one_sample_a_second_and_a_minute_of_them(monkeypatch):
    nvml, clock = FakeNvml(busy_card()), Clock()
    install(monkeypatch, nvml)
    monitor = Monitor(clock)
    for _ in range(5):
        monitor.look()
    assert nvml.memory_asked == 1
    for _ in range(HISTORY + 20):
        clock.now += 1
        monitor.look()
    assert nvml.memory_asked == HISTORY + 21
    assert nvml.starts == 1
    assert len(monitor.look()) == HISTORY
    clock.now += 45  # nobody looked; what is older than a minute is gone
    assert len(monitor.look()) == 16  # 15 before and the one of now
