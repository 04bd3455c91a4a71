"""The next page is made ready while the engine reads the one before it, and nothing else changes."""

import gc
import threading
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import EngineError, GlyphError
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, feature_key
from tests.checkpoints import make_checkpoint
from tests.fakes import FakeEngine

PAGES = 6
BROKEN = EngineError("broken", "The page is broken. Take another.", "页面已损坏。请换一页。")


class Patches:
    """What is ready of a page."""


class PreparingEngine(FakeEngine):
    """Encodes a page, all but the last, only when the page after it is ready, or cannot be made so."""

    def __init__(self):
        super().__init__()
        self.ready = []
        self.alive = weakref.WeakSet()
        self.most_alive = 0
        self.changed = threading.Condition()
        self.broken = -1  # index of a page that cannot be made ready

    def begin_encode(self, page):
        if page.index == self.broken:
            with self.changed:
                self.ready.append(page)
                self.changed.notify_all()
            raise BROKEN
        patches = Patches()
        with self.changed:
            self.ready.append(page)
            self.alive.add(patches)
            self.most_alive = max(self.most_alive, len(self.alive))
            self.changed.notify_all()

        def rest(patches=patches):
            with self.changed:
                assert page.index == PAGES - 1 or self.changed.wait_for(lambda: len(self.ready) > page.index + 1, 60)
            return self.encode(page)

        return rest


def write(folder, pages=PAGES):
    path = folder / "a.txt"
    path.write_text("\n\n".join(f"Paragraph {i} of a story. " * 30 for i in range(pages * 6)))
    return path


class Open:
    """Opens documents, and closes their sessions after the test."""

    def __init__(self):
        self.sessions = []

    def __call__(self, engine, path, store=None):
        settings = replace(Settings(), documents=replace(Settings().documents, pages=f"1-{PAGES}"))
        session = DocumentSession(engine, settings, store or FeatureStore(None, 1 << 26, 0))
        self.sessions.append(session)
        session.open(path)
        return session.current


@pytest.fixture
def start():
    made = Open()
    yield made
    for session in made.sessions:
        session.close()


@pytest.fixture
def read(start):
    def through(*what):
        reading = start(*what)
        reading.wait()
        return reading

    return through


def ahead():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_a_page_is_read_while_the_next_is_made_ready_and_no_further_one(read, tmp_path):
    engine = PreparingEngine()
    reading = read(engine, write(tmp_path))
    assert len(reading.pages) == PAGES
    assert engine.encoded == [page.digest for page in engine.ready] == [view.digest for view in reading.pages]
    assert engine.most_alive <= 3, "the one being read, the one ready, and one just done with"
    assert ahead() == []


def test_known_pages_are_not_made_ready(read, tmp_path):
    engine, store, path = PreparingEngine(), FeatureStore(None, 1 << 26, 0), write(tmp_path)
    read(engine, path, store)
    assert read(engine, path, store).pages_from_store == PAGES
    assert len(engine.ready) == PAGES


def test_a_page_that_comes_twice_is_read_once(read, tmp_path):
    engine, path = FakeEngine(), tmp_path / "a.txt"
    path.write_text("The same line of text.\n" * 400)
    reading = read(engine, path)
    assert len({view.digest for view in reading.pages}) == len(engine.encoded) < len(reading.pages)


@pytest.mark.parametrize("broken", [0, 3])
def test_a_page_that_cannot_be_made_ready_is_told_when_its_turn_comes(start, tmp_path, broken):
    engine = PreparingEngine()
    engine.broken = broken
    reading = start(engine, write(tmp_path))
    with pytest.raises(GlyphError, match="broken"):
        reading.wait()
    assert len(engine.encoded) == reading.encoded == broken
    assert ahead() == []


def test_a_cancel_midway_leaves_nothing_behind(start, tmp_path):
    engine = PreparingEngine()
    engine.page_seconds = 0.5
    start(engine, write(tmp_path))
    assert engine.encoding.wait(60)
    start.sessions[0].close()
    gc.collect()
    assert 0 < len(engine.encoded) < PAGES
    assert (list(engine.alive), ahead(), engine.open_handles) == ([], [], 0)


def test_features_are_those_of_pages_that_were_not_made_ready(read, tmp_path):
    settings = Settings(model=str(make_checkpoint(tmp_path / "model")), cache_dir=str(tmp_path))
    found = []
    for hidden in (False, True):
        engine, store = LocalEngine(settings), FeatureStore(None, 1 << 26, 0)
        if hidden:
            engine.begin_encode = partial(partial, engine.encode)
        reading = read(engine, write(tmp_path), store)
        features = [store.get(feature_key(view.digest, engine.identity)) for view in reading.pages]
        found.append([f.arrays["embeds"] for f in features if f is not None])
    assert len(found[0]) > 2
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
