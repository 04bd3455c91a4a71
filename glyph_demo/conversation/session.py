"""DocumentSession, the stateful object behind every front end: several open documents, one of them current, and the
conversation about each. Everything expensive is done once."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from glyph_demo.conversation.errors import document_closed
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.transcript import Exchange, Transcript
from glyph_demo.engines.base import AskOptions, Engine, Turn
from glyph_demo.engines.events import Events, Progress
from glyph_demo.errors import DocumentError
from glyph_demo.kv_files import KVFiles
from glyph_demo.scratch import folder_in, scratch_folder
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore


def open_store(settings: Settings) -> FeatureStore:
    """The store that the settings describe. One serves all sessions of a process."""
    budgets = settings.store
    memory, disk, device, kept = (
        megabytes * 2**20 for megabytes in (budgets.memory_mb, budgets.disk_mb, budgets.device_mb, budgets.kv_mb)
    )
    kv = KVFiles(settings.cache_path / "kv", kept) if kept else None
    return FeatureStore(settings.cache_path / "features", memory, disk, device, kv)


class DocumentSession:
    """`open` returns a document's id, which is valid until `remove` or `close`. At most `settings.store.open_documents`
    documents hold pages and engine state. One that was closed to make room keeps its transcript, and `select` reads it
    again, from the store."""

    def __init__(self, engine: Engine, settings: Settings, store: FeatureStore | None = None) -> None:
        self.engine = engine
        self.settings = settings
        self.store = store or open_store(settings)
        self.current_id: str | None = None
        self.closed = False
        self._folder = scratch_folder()
        self._readings: OrderedDict[str, Reading] = OrderedDict()  # least recently used first
        self._ids = itertools.count(1)
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._asking = threading.Lock()
        self._changing = threading.RLock()  # held while documents, settings and the engine change

    @property
    def current(self) -> Reading | None:
        # Not `[]`: another thread may be removing it, or closing the session, at this moment.
        return self._readings.get(self.current_id) if self.current_id else None

    @property
    def documents(self) -> dict[str, Reading]:
        """All documents of the session by id, in the order they were opened."""
        return dict(sorted(list(self._readings.items()), key=lambda item: int(item[0])))

    @property
    def busy(self) -> bool:
        """Whether a document is being read or a question answered."""
        reading = any(reading.state in ("waiting", "reading") for reading in list(self._readings.values()))
        return reading or self._asking.locked()

    def open(self, path: str | Path, name: str | None = None, *, pages: str | None = None) -> str:
        """Start reading a file in the background and make it current. Returns its id at once; `current.events()` yields
        progress and raises what went wrong. `pages` overrides the setting of this name. Raises DocumentError
        `document_closed` once the session is closed, as by another tab that needed its place."""
        settings = self.settings if pages is None else with_pages(self.settings, pages)
        identifier = str(next(self._ids))
        self._start(identifier, Path(path), name or Path(path).name, settings, Transcript())
        return identifier

    def restore(self, path: Path, name: str, transcript: Transcript, *, pages: str) -> str:
        """Add a document of an earlier run with its conversation, and return its id. `select` reads it."""
        settings = with_pages(self.settings, pages)
        identifier = str(next(self._ids))
        folder = self._folder / identifier  # there is none until it is read; another one's would be removed with it
        with self._changing:
            self._readings[identifier] = Reading(
                name, path, settings, self.engine, self.store, folder, state="closed", transcript=transcript
            )
        return identifier

    def select(self, identifier: str, *, pages: str | None = None) -> Reading:
        """Make a document current, and read it again if it is closed or failed: these pages, if given. Raises
        DocumentError `document_closed` if there is none with this id any more."""
        with self._changing:
            reading = self._readings.get(identifier)
            if reading is None:
                raise document_closed()
            if reading.state in ("closed", "failed"):
                settings = reading.settings if pages is None else with_pages(reading.settings, pages)
                return self._start(identifier, reading.path, reading.name, settings, reading.transcript)
            self._readings.move_to_end(identifier)
            self.current_id = identifier
            return reading

    def read(self, identifier: str) -> None:
        """Read a document again if it is closed or failed, and leave the current one current. Raises DocumentError
        `document_closed` if there is none with this id any more."""
        with self._changing:
            reading, current = self._readings.get(identifier), self.current_id
            if reading is None:
                raise document_closed()
            if reading.state in ("closed", "failed"):
                self._start(
                    identifier, reading.path, reading.name, reading.settings, reading.transcript, beside=current
                )
                return
            self._readings.move_to_end(identifier)

    def remove(self, identifier: str) -> None:
        """Forget a document, if it is there; its features stay in the store."""
        with self._changing:
            if self.current_id == identifier:
                self.current_id = next((other for other in reversed(list(self._readings)) if other != identifier), None)
            removed = self._readings.pop(identifier, None)
        if removed is not None:
            removed.cancel()

    def configure(self, settings: Settings, engine: Engine | None = None) -> bool:
        """Take new settings, and another engine if one is given. Returns True if pages look different or another engine
        reads them: then the current document is being read again, and the others will be when they are selected."""
        with self._changing:
            previous, self.settings = self.settings, settings
            images = previous.documents.page_images, settings.documents.page_images
            other_pages = previous.rendering != settings.rendering or images[0] != images[1] or engine is not None
            self.engine = engine or self.engine
            for reading in list(self._readings.values()):
                if other_pages:
                    reading.cancel()
                reading.settings = with_pages(settings, reading.settings.documents.pages)  # those it was opened with
            if other_pages and not self.closed and self.current_id and (current := self.current):
                self._start(self.current_id, current.path, current.name, current.settings, current.transcript)
        return other_pages

    def ask(self, question: str, options: AskOptions | None = None, at: int | None = None) -> Events:
        """Ask the current document; with `at`, in place of exchange `at` (from 0) and all after it. Yields Progress
        while the document is still being read. Closing the generator stops the engine and keeps the answer so far.
        Raises GlyphErrors only."""
        return self.converse(Exchange(question.strip()), options, at)

    def converse(
        self, exchange: Exchange, options: AskOptions | None = None, at: int | None = None, *, early: bool = False
    ) -> Events:
        """`ask` the question of `exchange`, which records the answer as it comes. With `early` the pages read so far
        may answer, and the exchange in the transcript is replaced when all are read: see `Exchange.read_so_far`."""
        return self._alone(self._in_front().converse(exchange, options or self.options(), at, early=early))

    def ask_as_text(self, question: str, options: AskOptions | None = None, history: Sequence[Turn] = ()) -> Events:
        """Ask the same language model with the pages' text as tokens, to compare with reading pages. `history` holds
        the turns before. Nothing is recorded. Raises EngineError `no_text_way` from an engine that only reads pages."""
        reading = self._in_front()
        return self._alone(reading.ask(question.strip(), history, options or self.options(), as_text=True))

    def ask_aside(
        self,
        question: str,
        options: AskOptions | None = None,
        read_again: bool = False,
        history: Sequence[Turn] | None = None,
    ) -> Events:
        """Ask as the next question of the conversation, or behind the turns of `history`, and record nothing. With
        `read_again` every page is encoded before, without the store."""
        reading = self._in_front()
        turns = reading.transcript.turns() if history is None else history
        return self._alone(_aside(reading, question.strip(), turns, options or self.options(), read_again))

    def undo(self) -> Exchange | None:
        """Remove and return the last exchange about the current document; None if there is none."""
        return self._in_front().transcript.undo()

    def rest(self) -> None:
        """Release the engine: close every document but keep its transcript. Returns once no page is being read."""
        readings = list(self._readings.values())
        for reading in readings:
            reading.cancel()
        for reading in readings:
            while reading.state == "reading":
                time.sleep(0.02)

    def close(self) -> None:
        with self._changing:
            self.closed = True
        for reading in list(self._readings.values()):
            reading.cancel()
        self._reader.shutdown(wait=True, cancel_futures=True)
        with self._changing:
            self.current_id = None
            self._readings.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(
        self,
        identifier: str,
        path: Path,
        name: str,
        settings: Settings,
        transcript: Transcript,
        beside: str | None = None,
    ) -> Reading:
        """Read a document. It becomes the current one, unless it is to stand `beside` that: then both stay open."""
        with self._changing:
            if self.closed:
                raise document_closed()
            folder = folder_in(self._folder, f"{identifier}-")
            reading = Reading(name, path, settings, self.engine, self.store, folder, transcript=transcript)
            self._readings[identifier] = reading
            self._readings.move_to_end(identifier)
            self.current_id = beside or identifier
            if beside is not None and beside in self._readings:
                self._readings.move_to_end(beside)
            self._make_room(2 if beside else 1)
            self._reader.submit(reading.run)
        return reading

    def _make_room(self, least: int) -> None:
        held = [r for r in list(self._readings.values()) if r.state not in ("closed", "failed")]
        for reading in held[: -max(least, self.settings.store.open_documents)]:
            reading.cancel()

    def _in_front(self) -> Reading:
        current = self.current
        if current is None:
            raise DocumentError("no_document", "Open a document first.", "请先打开一份文档。")
        return current

    def options(self, **changed: Any) -> AskOptions:
        """The settings' options for a question, with the fields in `changed` replaced."""
        return replace(AskOptions.of(self.settings.inference), **changed)

    def _alone(self, events: Events) -> Events:
        """Yield `events` once no other question of this session is being answered; Progress until then."""
        while not self._asking.acquire(timeout=0.2):
            yield Progress("prefill", 0)
        try:
            with contextlib.closing(events):
                yield from events
        finally:
            self._asking.release()


def with_pages(settings: Settings, pages: str) -> Settings:
    """The settings, but for which pages of a document are read."""
    return replace(settings, documents=replace(settings.documents, pages=pages))


def _aside(reading: Reading, question: str, turns: Sequence[Turn], options: AskOptions, read_again: bool) -> Events:
    if read_again:
        yield from reading.read_again()
    with contextlib.closing(reading.ask(question, turns, options)) as events:
        yield from events
