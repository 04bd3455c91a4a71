import socket
from pathlib import Path

import pytest

from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import load_settings
from glyph_demo.ui.mount import theme
from glyph_demo.ui.picker import engine_view
from glyph_demo.web.ports import free_port
from tests.fakes import FakeEngine

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_stepped_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) > port
    for host in ("203.0.113.1", "nowhere.invalid", "a\0b", "a..b"):  # no address of this machine, and no names
        with pytest.raises(EngineError, match="no_port"):
            free_port(host, 7860)


def test_port_0_is_any_that_is_free():
    assert free_port("127.0.0.1", 0) > 0


def test_an_engine_that_cannot_be_had_says_so_to_who_needs_it_and_not_to_who_opens_the_window():
    engine = LoadingEngine(load_settings(flags={"engine": "remote", "remote.urls": "nowhere"}))
    assert engine.name == "remote"
    with pytest.raises(EngineError, match="bad_setting"):
        engine.encode(Page(0, None))
    engine.close()


def test_whatever_goes_wrong_while_an_engine_is_loaded_is_an_error_that_people_can_read(monkeypatch):
    class Odd(FakeEngine):
        closed = False

        def open_document(self, features=(), source=None):
            raise RuntimeError("a driver too old")

        def close(self):
            self.closed = True

    made = Odd()
    monkeypatch.setattr("glyph_demo.engines.loading.create_engine", lambda settings, tell: made)
    engine = LoadingEngine(load_settings(flags={"engine": "pocket"}))
    with pytest.raises(EngineError, match="engine_failed"):
        _ = engine.identity
    assert made.closed
    engine.close()


def test_what_the_first_document_would_load_is_loaded_before_anybody_clicks(monkeypatch):
    class Watched(FakeEngine):
        opened = 0

        def open_document(self, features=(), source=None):
            self.opened += 1
            return super().open_document(features, source)

    made = Watched()
    monkeypatch.setattr("glyph_demo.engines.loading.create_engine", lambda settings, tell: made)
    engine = LoadingEngine(load_settings(flags={"engine": "pocket"}))
    assert engine.identity == made.identity  # waits until it is there
    engine.close()
    assert (made.opened, made.open_handles) == (1, 0)


def test_the_look_needs_nothing_from_the_network():
    sheets = "".join(theme()._stylesheets) + (ROOT / "glyph_demo/ui/style.css").read_text()
    assert "http" not in sheets
    assert "url(" not in sheets


@pytest.mark.slow
def test_the_window_says_how_many_pages_there_is_room_for_once_the_engine_knows():
    engine = LoadingEngine(load_settings(flags={"engine": "pocket"}))
    assert engine.identity
    assert engine.capacity() is None, "pocket counts none"
    engine._engine.result().capacity = lambda: 31
    assert engine.capacity() == 31
    assert "31 A4 pages" in engine_view(engine, "en")
    engine.close()
