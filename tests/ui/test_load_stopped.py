"""A load that takes long is stopped in the picker, and the engine before is in use again."""

import threading
import time
from types import SimpleNamespace

import pytest

from glyph_demo.engines import loading
from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.errors import GlyphError
from glyph_demo.settings import load_settings
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from tests.ui.handling import final, opened, write


@pytest.fixture
def on(components, examples):
    settings = load_settings(flags={"engine": "pocket"})
    windows = Windows(LoadingEngine(settings), settings, LoadingEngine)
    yield Handlers(windows, components, examples)
    windows.close_all()
    windows.switch.engine.close()


def chosen(on, checkpoint):
    """The updates of using a folder's model, once its load has begun."""
    updates = on.picker.act("tab", "folder", str(checkpoint), "", "", "", "auto", SimpleNamespace(act="use"))
    next(updates)
    return updates


def stop(on, visit="tab"):
    return list(on.download.on_offer(visit, SimpleNamespace(act="stop")))


def test_stop_ends_the_load_and_the_engine_before_answers(on, slow, checkpoint, tmp_path):
    opened(on, write(tmp_path))
    updates = chosen(on, checkpoint)
    assert "data-act='stop'" in next(updates)[on.ui.outcome]
    assert slow.waiting.wait(120)
    stop(on)
    assert "Stopping the load" in next(updates)[on.ui.outcome]
    slow.go_on.set()
    last = list(updates)
    assert "Loading was stopped. The engine before is in use again." in final(last, on.ui.outcome)
    assert "hint" in final(last, on.ui.outcome)
    assert "data-act='stop'" not in final(last, on.ui.outcome)
    assert on.windows.switch.engine.name == on.windows.settings.engine == "pocket"
    assert on.windows.switch.loading is None
    reading = on.windows.get("tab").reading
    reading.wait()
    assert reading.state == "ready"


def test_a_stop_before_the_load_begins_keeps_the_engine(on, slow, checkpoint):
    engine = on.windows.switch.engine
    with on.windows.switch._changing:  # another change goes on
        updates = chosen(on, checkpoint)
        stop(on)
    assert "Loading was stopped" in final(list(updates), on.ui.outcome)
    assert on.windows.switch.engine is engine
    assert not slow.waiting.is_set()


def test_another_window_stops_nothing(on, slow, checkpoint):
    updates = chosen(on, checkpoint)
    next(updates)
    assert slow.waiting.wait(120)
    stop(on, "another tab")
    slow.go_on.set()
    assert "The engine is loaded" in final(list(updates), on.ui.outcome)
    stop(on)  # too late
    assert on.windows.switch.engine.name == "local"
    assert on.windows.switch.failure is None


def test_a_page_that_goes_while_a_model_loads_is_not_waited_for(on, slow, checkpoint):
    updates = chosen(on, checkpoint)
    next(updates)
    assert slow.waiting.wait(120)
    updates.close()  # Gradio does so where it serves all pages
    assert on.windows.switch.loading is not None
    slow.go_on.set()


def test_the_app_ends_while_a_model_loads_and_no_other_is_loaded_any_more(on, slow, checkpoint, monkeypatch):
    updates = chosen(on, checkpoint)
    next(updates)
    assert slow.waiting.wait(120)
    monkeypatch.setattr(loading, "create_engine", lambda *given: pytest.fail("another one is made"))
    ending = threading.Thread(target=on.windows.switch.close)
    ending.start()
    while not on.windows.switch._over:
        time.sleep(0.01)
    slow.go_on.set()
    ending.join(120)
    assert "The engine was closed while it was loaded" in final(list(updates), on.ui.outcome)
    assert on.windows.switch.engine.name == "local"


@pytest.mark.parametrize("stops", [False, True])
def test_a_page_that_is_loaded_anew_can_stop_the_load_and_hears_how_it_ended(on, slow, checkpoint, stops):
    before = chosen(on, checkpoint)
    next(before)
    assert slow.waiting.wait(120)
    after = on.shelf.follow_reading("tab")  # as a page begins
    assert "data-act='stop'" in next(after)[on.ui.outcome]
    if stops:
        stop(on)
    slow.go_on.set()
    last = list(after)
    said = "Loading was stopped" if stops else "The engine is loaded"
    assert said in final(last, on.ui.outcome)
    assert said in final(last, on.ui.status)
    assert on.windows.get("tab").load_stopped is None
    assert on.windows.switch.engine.name == ("pocket" if stops else "local")


@pytest.fixture
def made(on, monkeypatch):
    """The kinds of engines that are made, in order."""
    kinds, make = [], on.windows.switch._make
    monkeypatch.setattr(on.windows.switch, "_make", lambda settings: (kinds.append(settings.engine), make(settings))[1])
    return kinds


def another(on, visit="tab"):
    """The updates of choosing pocket while something else is loaded, once that waits for its turn."""
    updates = on.picker.act(visit, "pocket", "", "", "", "", "auto", SimpleNamespace(act="use"))
    next(updates)
    while not on.windows.switch._waiting:
        time.sleep(0.01)
    return updates


def test_another_choice_stops_the_load_of_the_one_before_and_nothing_is_loaded_in_between(on, slow, checkpoint, made):
    first = chosen(on, checkpoint)
    next(first)
    assert slow.waiting.wait(120)
    second = another(on)
    slow.go_on.set()
    assert "The engine is loaded" in final(list(second), on.ui.outcome)
    assert not any("Loading was stopped" in str(update) for update in first)
    assert made == ["local", "pocket"]


def test_another_choice_that_is_stopped_before_its_turn_leaves_the_engine_before_in_use(on, slow, checkpoint, made):
    first = chosen(on, checkpoint)
    next(first)
    assert slow.waiting.wait(120)
    second = another(on)
    stop(on)
    slow.go_on.set()
    assert "The engine before is in use again" in final(list(second), on.ui.outcome)
    assert made == ["local", "pocket"]
    assert on.windows.switch.engine.ready()
    assert on.windows.settings.engine == "pocket"


def test_who_stops_a_load_while_another_window_has_chosen_is_not_told_of_an_engine_that_is_not_there(
    on, slow, checkpoint
):
    first = chosen(on, checkpoint)
    next(first)
    assert slow.waiting.wait(120)
    second = another(on, "another tab")
    stop(on)
    slow.go_on.set()
    said = final(list(first), on.ui.outcome)
    assert "Loading was stopped." in said
    assert "in use again" not in said
    assert "The engine is loaded" in final(list(second), on.ui.outcome)


def test_the_way_back_to_the_engine_before_is_left_for_another_choice(on, slow, checkpoint, made):
    large, switch = load_settings(flags={"engine": "local", "model": str(checkpoint)}), on.windows.switch
    slow.go_on.set()
    switch.change_engine(large)
    slow.go_on.clear()
    slow.waiting.clear()
    made.clear()

    def choose_another():
        assert slow.waiting.wait(120)
        left.append(switch.engine)
        another(on).close()
        slow.go_on.set()

    left = []
    choosing = threading.Thread(target=choose_another)
    choosing.start()
    with pytest.raises(GlyphError):
        switch.change_engine(load_settings(flags={"engine": "local", "model": "/nowhere"}))
    choosing.join(120)
    while switch.loading is not None or on.windows.get("tab").load_stopped is not None:
        time.sleep(0.01)
    assert made == ["local", "local", "pocket"]
    with pytest.raises(GlyphError, match="load_stopped"):
        left[0].ready()
    assert switch.engine.name == "pocket"
    window = on.windows.get("tab")
    assert window.load_stopped is None
    assert window.notice[0].en.startswith("The engine is loaded")
    assert on.windows.switch.engine.name == "pocket"


def test_a_server_that_does_not_answer_leaves_no_load_to_stop(on):
    picked = ("server", "", "http://127.0.0.1:9", "", "", "auto")
    said = list(on.picker.act("tab", *picked, SimpleNamespace(act="use")))
    assert "glyph-notice error" in final(said, on.ui.outcome)
    assert on.windows.get("tab").load_stopped is None
