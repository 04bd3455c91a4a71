"""DocumentSession: the stateful object every front end wraps. Several documents, one at a time in front, questions in
turns, everything expensive done once."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from glyph_demo.conversation.errors import as_user_error, no_question
from glyph_demo.conversation.reading import Reading
from glyph_demo.engines.base import AskOptions, Engine, Event, Evidence, Progress, Token, Turn
from glyph_demo.errors import DocumentError, GlyphError
from glyph_demo.scratch import scratch_folder
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore


def open_store(settings: Settings) -> FeatureStore:
    """The feature store the settings ask for; one serves all sessions of a process."""
    budgets = settings.store.memory_mb, settings.store.disk_mb, settings.store.device_mb
    return FeatureStore(settings.cache_path / "features", *(megabytes * 2**20 for megabytes in budgets))


class DocumentSession:
    """Documents are named by ids that `open` hands out and stay known until `close`. At most
    `settings.store.open_documents` of them hold pages and engine state; one that was closed to make room is read
    again, from the store, when it is returned to. Its turns are kept."""

    def __init__(self, engine: Engine, settings: Settings, store: FeatureStore | None = None) -> None:
        self.engine = engine
        self.settings = settings
        self.store = store or open_store(settings)
        self.current_id: str | None = None
        self._folder = scratch_folder()
        self._readings: OrderedDict[str, Reading] = OrderedDict()  # least recently used first
        self._ids = itertools.count(1)
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._asking = threading.Lock()

    @property
    def current(self) -> Reading | None:
        return self._readings[self.current_id] if self.current_id else None

    @property
    def documents(self) -> dict[str, Reading]:
        """All documents of the session by id, in the order they were opened."""
        return dict(sorted(self._readings.items(), key=lambda item: int(item[0])))

    @property
    def busy(self) -> bool:
        """Whether a document is being read or a question answered."""
        reading = any(reading.state in ("waiting", "reading") for reading in list(self._readings.values()))
        return reading or self._asking.locked()

    def open(
        self, path: str | Path, name: str | None = None, *, page_images: bool | None = None, pages: str | None = None
    ) -> str:
        """Start reading a file in the background and put it in front. Returns its id at once; `current.events()`
        tells how far it is and raises what went wrong. `page_images` and `pages` override the settings of these
        names."""
        settings = self.settings
        if page_images is not None:
            settings = replace(settings, documents=replace(settings.documents, page_images=page_images))
        if pages is not None:
            settings = replace(settings, documents=replace(settings.documents, pages=pages))
        identifier = str(next(self._ids))
        self._start(identifier, Path(path), name or Path(path).name, settings, [])
        return identifier

    def restore(self, path: Path, name: str, turns: list[Turn], *, page_images: bool, pages: str) -> str:
        """Know a document of an earlier run again, with its turns. It is read when it is selected. Returns its id."""
        documents = replace(self.settings.documents, page_images=page_images, pages=pages)
        settings = replace(self.settings, documents=documents)
        identifier = str(next(self._ids))
        self._readings[identifier] = Reading(
            name, path, settings, self.engine, self.store, self._folder, state="closed", turns=turns
        )
        return identifier

    def select(self, identifier: str) -> Reading:
        """Put a document in front again, reading it anew if it was closed to make room."""
        reading = self._readings[identifier]
        if reading.state in ("closed", "failed"):
            return self._start(identifier, reading.path, reading.name, reading.settings, reading.turns)
        self._readings.move_to_end(identifier)
        self.current_id = identifier
        return reading

    def remove(self, identifier: str) -> None:
        """Forget a document; its features stay in the store."""
        self._readings.pop(identifier).cancel()
        if self.current_id == identifier:
            self.current_id = next(reversed(self._readings), None)

    def configure(self, settings: Settings, engine: Engine | None = None) -> bool:
        """Take new settings, and another engine if one is given. True if they change what pages look like or who reads
        them, so that the document in front is being read again and the others will be when they are returned to."""
        previous, self.settings = self.settings, settings
        other_pages = previous.rendering != settings.rendering or engine is not None
        self.engine = engine or self.engine
        for reading in self._readings.values():
            if other_pages:
                reading.cancel()
            # How a file was opened, such as as page images, stays with it.
            reading.settings = replace(settings, documents=reading.settings.documents)
        if other_pages and self.current_id:
            current = self._readings[self.current_id]
            self._start(self.current_id, current.path, current.name, current.settings, current.turns)
        return other_pages

    def ask(self, question: str, options: AskOptions | None = None) -> Iterator[Event]:
        """Ask the document in front. Waits, yielding Progress, while it is still being read. Closing the iterator
        stops the engine; what was answered until then stays as the turn's answer."""
        reading = self._in_front()
        return self._ask(reading, _asked(question), options or self.options())

    def ask_as_text(
        self, question: str, options: AskOptions | None = None, history: Sequence[Turn] = ()
    ) -> Iterator[Event]:
        """Ask the same of the pages' text, given to the same language model as tokens: what reading pages saves. No
        turn is kept; `history` are turns to go before. Raises EngineError `no_text_way` where the engine has no such
        way."""
        reading = self._in_front()
        return self._ask(reading, _asked(question), options or self.options(), history)

    def ask_aside(self, question: str, reuse: bool = True) -> Iterator[Event]:
        """Ask as the next question of the conversation would be asked, and keep no turn of it. Without `reuse` every
        page is read and the whole prompt computed once more, with nothing that was kept."""
        reading = self._in_front()
        options = self.options(reuse_kv=reuse)
        return self._ask(reading, _asked(question), options, aside=True)

    def retry(self) -> Iterator[Event]:
        """Ask the last question again in place of its turn."""
        reading = self._in_front()
        return self.edit(len(reading.turns) - 1, reading.turns[-1].question) if reading.turns else iter(())

    def undo(self) -> Turn | None:
        """Take the last turn back."""
        turns = self._in_front().turns
        return turns.pop() if turns else None

    def edit(self, index: int, question: str) -> Iterator[Event]:
        """Replace turn `index` (from 0) by another question; later turns are dropped."""
        turns = self._in_front().turns
        del turns[index:]
        return self.ask(question)

    def rest(self) -> None:
        """Let go of the engine: every document is closed, turns are kept. Returns once no page is being read."""
        readings = list(self._readings.values())
        for reading in readings:
            reading.cancel()
        for reading in readings:
            while reading.state == "reading":
                time.sleep(0.02)

    def close(self) -> None:
        for reading in self._readings.values():
            reading.cancel()
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._readings.clear()
        self.current_id = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, identifier: str, path: Path, name: str, settings: Settings, turns: list[Turn]) -> Reading:
        folder = Path(tempfile.mkdtemp(prefix=f"{identifier}-", dir=self._folder))
        reading = Reading(name, path, settings, self.engine, self.store, folder, turns=turns)
        self._readings[identifier] = reading
        self._readings.move_to_end(identifier)
        self.current_id = identifier
        self._make_room()
        self._reader.submit(reading.run)
        return reading

    def _make_room(self) -> None:
        held = [r for r in self._readings.values() if r.state not in ("closed", "failed")]
        for reading in held[: -max(1, self.settings.store.open_documents)]:
            reading.cancel()

    def _in_front(self) -> Reading:
        if self.current is None:
            raise DocumentError("no_document", "Open a document first.", "请先打开一份文档。")
        return self.current

    def options(self, **changed: Any) -> AskOptions:
        """What the settings ask for, with some of it changed."""
        return replace(AskOptions.of(self.settings.inference), **changed)

    def _ask(
        self,
        reading: Reading,
        question: str,
        options: AskOptions,
        text_history: Sequence[Turn] | None = None,
        aside: bool = False,
    ) -> Iterator[Event]:
        """Over the document's pages and its own turns, or, where `text_history` is given, over its text and those; an
        answer over text or `aside` becomes no turn."""
        while not self._asking.acquire(timeout=0.2):
            yield Progress("prefill", 0)  # another question of this session is being answered
        pieces: list[str] = []
        try:
            yield from reading.events()
            if aside and not options.reuse_kv:
                yield from reading.encode_again()
            if reading.handle is None:
                raise DocumentError(
                    "document_closed", "This document was closed. Open it again.", "该文档已关闭，请重新打开。"
                )
            handle = reading.handle if text_history is None else reading.as_text()
            history = tuple(reading.turns if text_history is None else text_history)
            with contextlib.closing(handle.ask(question, history, options)) as events:  # type: ignore[type-var]
                for event in events:
                    if isinstance(event, Token):
                        pieces.append(event.text)
                    yield reading.placed(event) if isinstance(event, Evidence) else event
        except GlyphError:
            raise
        except Exception as error:
            raise as_user_error(error) from error
        finally:
            if pieces and text_history is None and not aside:
                reading.turns.append(Turn(question, "".join(pieces)))
            self._asking.release()


def _asked(question: str) -> str:
    question = question.strip()
    if not question:
        raise no_question()
    return question
