"""The machine's tab, from samples as an NVML gives them."""

import re
from dataclasses import replace

import numpy as np

from glyph_demo.gpu import Card, Sample
from glyph_demo.kv_files import KVFiles
from glyph_demo.settings import load_settings
from glyph_demo.store import FeatureStore, PageFeatures
from glyph_demo.ui.app import window_app
from glyph_demo.ui.tabs import machine
from glyph_demo.ui.tabs.charts import history, timing_bar
from glyph_demo.windows.collection import Windows
from tests.fakes import FakeEngine
from tests.kv_links import write

GIB = 2**30
CARD = Card("RTX 4090 D", 13 * GIB, 24 * GIB, 0.87, 301.5, 425.0, 2520, 3105, 10501, 71)


def sample(time, *cards, lost=()):
    return Sample(time, cards, lost, 0.25, 8 * GIB, 32 * GIB, 2 * GIB)


def test_a_card_shows_memory_load_power_against_its_limit_clocks_and_temperature():
    shown = machine.machine([sample(0, CARD)], "en")
    for figure in ("13.0 / 24.0 GiB", "87%", "302 / 425 W", "2520 / 3105 MHz", "10501 MHz", "71 °C"):
        assert figure in shown
    assert "reserved" not in shown
    assert "role='alert'" not in shown
    held = replace(CARD, allocated=11 * GIB, reserved=12 * GIB)
    assert "held by tensors 11.0 GiB · reserved by this app 12.0 GiB" in machine.machine([sample(0, held)], "en")


def test_a_card_that_throttles_or_is_lost_gives_a_warning():
    hot = replace(CARD, throttled=("power", "heat"))
    english = machine.machine([sample(0, CARD), sample(1, hot)], "en")
    assert re.search(r"role='alert'.*RTX 4090 D is slowed down: power limit reached, too hot\.", english)
    assert "达到功耗上限、温度过高" in machine.machine([sample(1, hot)], "zh")
    gone = machine.machine([sample(0, CARD), sample(1, lost=("RTX 4090 D",))], "en")
    assert "RTX 4090 D no longer answers" in gone
    assert "Processor" in gone


def test_a_machine_without_a_card_shows_processor_and_memory():
    shown = machine.machine([sample(0)], "en")
    for figure in ("No NVIDIA GPU; running on CPU", "25%", "8.0 / 32.0 GiB", "of which this app 2.0 GiB"):
        assert figure in shown


def test_a_minute_is_drawn_with_now_at_the_right():
    samples = [sample(t, replace(CARD, load=load)) for t, load in ((0, 0.0), (30, 0.5), (60, 1.0))]
    shown = machine.machine(samples, "en")
    assert "Load, last minute: 0% to 100%" in shown
    assert "points='0.0,48.0 120.0,24.0 240.0,0.0'" in shown


def test_a_card_of_another_minute_is_not_drawn_as_this_one():
    """While one card is lost, the next takes its place in the list."""
    other = replace(CARD, name="A100", memory_used=GIB)
    shown = machine.machine([sample(0, other, CARD), sample(1, CARD, lost=("A100",))], "en")
    assert "Card memory, last minute: 54% to 54%" in shown


def test_what_a_card_calls_itself_is_text():
    assert "<b>" not in machine.machine([sample(0, replace(CARD, name="<b>", throttled=("heat",)))], "en")
    assert "<b>" not in machine.machine([sample(0, lost=("<b>",))], "en")
    assert "<q>" not in history([(0, 1)], 60, "'<q>") + timing_bar([("decode", "<q>", 1.0)], 1.0)


def test_the_tab_asks_once_a_second_beside_the_queue_and_not_as_an_api():
    app = window_app(Windows(FakeEngine(), load_settings()))
    timers = {block._id: block for block in app.blocks.values() if block.get_block_name() == "timer"}
    ticks = [f for f in app.fns.values() if f.targets and f.targets[0][0] in timers]
    assert [timer.value for timer in timers.values()] == [1.0]
    (tick,) = ticks
    assert (tick.queue, tick.api_visibility, tick.show_progress) == (False, "private", "hidden")
    assert "glyph-machine" in tick.fn("en")


def test_what_is_kept_is_shown_with_its_budget_and_can_be_removed(tmp_path):
    store = FeatureStore(tmp_path / "features", 4 << 20, 8 << 20, kv=KVFiles(tmp_path / "kv", 16 << 20))
    store.put("a1", PageFeatures({"x": np.zeros(2 << 20, np.uint8)}))
    assert write(store.kv, 1, size=3 << 20)
    shown = machine.kept(store, "en")
    for row in (
        "Pages as read · kept in memory</dt><dd>2 / 4 MiB",
        "Pages as read · kept on disk</dt><dd>2 / 8 MiB",
        "Documents and conversations as computed · kept on disk</dt><dd>3 / 16 MiB",
    ):
        assert row in shown
    assert machine.forget_all(store, "en").count("<dd>0 /") == 3
    assert store.get("a1") is None
    assert not list(tmp_path.rglob("*.features")) + list(tmp_path.rglob("*.kv"))


def test_without_a_place_for_keys_and_values_none_is_shown():
    assert "computed ·" not in machine.kept(FeatureStore(None, 4 << 20, 0), "en")
