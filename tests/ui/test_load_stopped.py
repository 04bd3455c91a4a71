"""A load that takes long is stopped in the picker, and the engine before is in use again."""

import threading
from types import SimpleNamespace

import pytest

from glyph_demo.engines import loading
from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.settings import load_settings
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from tests.ui.handling import final, opened, use, write


@pytest.fixture
def on(components, examples):
    settings = load_settings(flags={"engine": "pocket"})
    windows = Windows(LoadingEngine(settings), settings, LoadingEngine)
    yield Handlers(windows, components, examples)
    windows.close_all()
    windows.switch.engine.close()


@pytest.fixture
def slow(monkeypatch):
    """Engines `local` wait at each report of their load, until `go_on` is set; `waiting` is set meanwhile."""
    waiting, go_on, create = threading.Event(), threading.Event(), loading.create_engine

    def slowly(settings, report):
        def told(*progress):
            waiting.set()
            assert go_on.wait(30)
            report(*progress)

        return create(settings, told if settings.engine == "local" else report)

    monkeypatch.setattr(loading, "create_engine", slowly)
    return SimpleNamespace(waiting=waiting, go_on=go_on)


def test_stop_ends_the_load_and_the_engine_before_answers(on, slow, checkpoint, tmp_path):
    opened(on, write(tmp_path))
    updates = on.picker.act("tab", "folder", str(checkpoint), "", "", "", "auto", SimpleNamespace(act="use"))
    first = next(updates)
    assert "data-act='stop'" in first[on.ui.picked]
    assert "data-act='use'" not in first[on.ui.picked]
    next(updates)  # the load has begun
    assert slow.waiting.wait(30)
    use(on, "folder", str(checkpoint), act="stop")
    slow.go_on.set()
    last = list(updates)
    assert "Loading was stopped. The engine before is in use again." in final(last, on.ui.outcome)
    assert "hint" in final(last, on.ui.outcome)
    assert "data-act='use'" in final(last, on.ui.picked)
    assert on.windows.switch.engine.name == on.windows.settings.engine == "pocket"
    assert on.windows.switch.loading is None
    window = on.windows.get("tab")
    window.reading.wait()
    assert window.reading.state == "ready"


def test_stop_comes_too_late_without_harm(on, slow, checkpoint):
    slow.go_on.set()
    use(on, "folder", str(checkpoint))
    use(on, "folder", str(checkpoint), act="stop")
    assert on.windows.switch.engine.name == "local"
    assert on.windows.switch.failure is None
