"""What one browser window holds: a DocumentSession, what was said about each document, and the language. Windows are
looked up by id; the one not used for longest is closed first."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.session import DocumentSession, open_store
from glyph_demo.engines import create_engine
from glyph_demo.engines.base import Engine, Finished, Heat, Region, Turn
from glyph_demo.errors import GlyphError, Language, Message
from glyph_demo.settings import Inference, Settings, usable
from glyph_demo.store import FeatureStore
from glyph_demo.windows.choice import Choice
from glyph_demo.windows.engine_switch import SharedEngine
from glyph_demo.windows.errors import answer_running, too_many_windows
from glyph_demo.windows.history import Exchange, History, SavedDocument, SavedWindow
from glyph_demo.windows.table_run import Batch
from glyph_demo.windows.uploads import Uploads
from glyph_demo.windows.visit import Visit

MAX_WINDOWS = 4  # a single user's tabs and devices; each holds up to `store.open_documents` documents
MOST_WINDOWS = 16  # while more than MAX_WINDOWS have something to do
PATIENCE = 10.0  # seconds that a stopped answer may take to wind up before the window goes on without it


@dataclass(frozen=True, slots=True)
class Refused:
    """An upload that can be read in another way: as page images (`pages` is 0), or its first `pages` pages."""

    path: Path
    name: str
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Spot:
    """What the page view shows: a page (0 is the first), the places marked on it, and the one of them looked at."""

    page: int = 0
    regions: tuple[Region, ...] = ()
    chosen: Region | None = None
    heat: tuple[Heat, ...] = ()

    @classmethod
    def of(cls, exchange: Exchange, line: int = 0) -> Spot:
        """Where an answer looked, at one of the lines it rests on."""
        region = exchange.regions[line]
        return cls(region.page, exchange.regions, region, exchange.heat)


@dataclass(eq=False)
class Window:
    session: DocumentSession
    identifier: str
    history: History
    visitor: str = ""  # the browser that shows it, see ui/door.py
    pages_open: int = 0  # in browsers; a reload opens the next before the last is known to have gone
    language: Language = "en"
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)  # sample questions by document id
    notice: tuple[Message, Literal["error", "hint"]] | None = None  # what the status line says
    refused: tuple[Refused, ...] = ()
    spot: Spot = Spot()
    followed: int = 0  # how often the reading of documents was followed; only the last follower goes on
    shows_loading: bool = False  # whether the status line says how far the engine is
    failures: dict[str, GlyphError] = field(default_factory=dict)  # that were told, by document id
    _transcripts: dict[str, list[Exchange]] = field(default_factory=dict)
    _answering: threading.Lock = field(default_factory=threading.Lock)
    _idle: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._idle.set()
        self.batch = Batch(self.history.folder(self.identifier) / "many")

    @property
    def reading(self) -> Reading | None:
        return self.session.current

    @property
    def busy(self) -> bool:
        """Whether something is being read, answered, compared or asked of many documents."""
        return self._answering.locked() or self.session.busy or self.batch.running

    @property
    def first_page(self) -> int:
        """Number of the document's first page that was read."""
        return self.reading.pages[0].number if self.reading and self.reading.pages else 1

    @property
    def transcript(self) -> list[Exchange]:
        """What was said about the document in front."""
        return self._transcripts.setdefault(self.session.current_id, []) if self.session.current_id else []

    def open(
        self,
        path: Path,
        name: str,
        samples: tuple[str, ...] = (),
        page_images: bool | None = None,
        pages: str | None = None,
    ) -> str:
        """Open a file from a copy of our own, which is kept with the conversation. Returns the document's id."""
        self.stop()
        copy = self.history.adopt(self.identifier, path)
        identifier = self.session.open(copy, name, page_images=page_images, pages=pages)
        self.samples[identifier] = samples
        self.notice, self.refused = None, ()
        self.spot = Spot()
        self.save()
        return identifier

    def select(self, identifier: str) -> None:
        self.stop()
        self.session.select(identifier)
        self.notice, self.spot = None, self._last_spot()
        self.save()

    def ask(self, question: str, at: int | None = None) -> Iterator[Exchange]:
        """Ask the document in front, in place of exchange `at` and all after it. Yields the exchange whenever it has
        grown. Closing the iterator or calling `stop` stops the engine within one of its steps. An exchange that brought
        no answer is dropped again. Raises GlyphError, `busy` while another answer is being written."""
        if not self._answering.acquire(blocking=False):
            raise answer_running()
        self._stopping.clear()
        self._idle.clear()
        transcript = self.transcript
        exchange = Exchange(question.strip(), running=True)
        reading = self.reading
        read_before = reading.read_anew if reading else 0
        try:
            del transcript[len(transcript) if at is None else at :]
            events = self.session.edit(sum(bool(e.answer) for e in transcript), question)
            transcript.append(exchange)
            with contextlib.closing(events):  # type: ignore[type-var]
                for event in events:
                    exchange.take(event)
                    if isinstance(event, Finished) and reading is not None:
                        pages = len(reading.pages)
                        exchange.reused = (max(0, pages - (reading.read_anew - read_before)), pages)
                    if self._stopping.is_set():
                        break
                    yield exchange
        finally:
            exchange.running = False
            if exchange in transcript and not exchange.answer and exchange.finished is None:
                transcript.remove(exchange)
            self._answering.release()
            self._idle.set()
            self.save()

    def undo(self) -> str:
        """Take the last exchange back and return its question; an empty one if nothing was said."""
        self.stop()
        if not self.transcript:
            return ""
        exchange = self.transcript.pop()
        if exchange.answer:
            self.session.undo()
        self.save()
        return exchange.question

    def clear(self) -> None:
        self.stop()
        while self.transcript:
            self.undo()

    def stop(self) -> None:
        """Stop the answer that is being written, if any, and return once its engine has let go."""
        self._stopping.set()
        if self.reading is not None:
            self.reading.wake()
        self._idle.wait(PATIENCE)

    def rest(self) -> None:
        """Let go of the engine."""
        self.stop()
        self.batch.close()
        self.session.rest()

    def close(self) -> None:
        self.batch.close()
        self.session.close()

    def complain(self, message: Message) -> None:
        """Have the status line say what is wrong, after what is wrong with another of the files sent together."""
        if self.notice is not None and self.notice[1] == "error":
            message = Message(f"{self.notice[0].en} {message.en}", f"{self.notice[0].zh} {message.zh}")
        self.notice = (message, "error")

    def forget(self, identifier: str) -> None:
        """Remove a document, what was said about it and, unless it may be read in another way, our copy of it."""
        if identifier in self.session.documents:
            path = self.session.documents[identifier].path
            if all(refused.path != path for refused in self.refused):
                self.history.drop(path)
            self.session.remove(identifier)
        self._transcripts.pop(identifier, None)
        self.samples.pop(identifier, None)
        self.failures.pop(identifier, None)
        self.save()

    def save(self) -> None:
        """Keep the window for a reload of its page and a restart of the app, and the document in front a day more."""
        documents = self.session.documents
        if self.reading is not None:
            self.history.use(self.reading.path)
        kept = [
            SavedDocument(
                name=reading.name,
                file=reading.path.name,
                page_images=reading.settings.documents.page_images,
                pages=reading.settings.documents.pages,
                samples=self.samples.get(identifier, ()),
                exchanges=[e for e in self._transcripts.get(identifier, ()) if not e.running],
            )
            for identifier, reading in documents.items()
            if self.history.holds(reading.path) and reading.path.exists()
        ]
        current = self.reading
        front = next((i for i, saved in enumerate(kept) if current and saved.file == current.path.name), None)
        self.history.save(self.identifier, SavedWindow(language=self.language, front=front, documents=kept))

    def restore(self, saved: SavedWindow) -> None:
        """Take up what was kept. The document that was in front is read again, from the store."""
        self.language = saved.language
        for index, document in enumerate(saved.documents):
            path = self.history.folder(self.identifier) / document.file
            if not path.exists():
                continue
            turns = [Turn(e.question, e.answer) for e in document.exchanges if e.answer]
            identifier = self.session.restore(
                path, document.name, turns, page_images=document.page_images, pages=document.pages
            )
            self.samples[identifier] = document.samples
            self._transcripts[identifier] = document.exchanges
            if index == saved.front:
                self.session.select(identifier)
                self.spot = self._last_spot()

    def _last_spot(self) -> Spot:
        """What the last answer about the document in front rests on."""
        return next((Spot.of(exchange) for exchange in reversed(self.transcript) if exchange.regions), Spot())


class Windows(SharedEngine):
    """All windows by id, sharing one engine and one store. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        make: Callable[[Settings], Engine] = create_engine,
        store: FeatureStore | None = None,
        rest: Callable[[], None] = lambda: None,
        choice: Choice | None = None,
        shared: Callable[[Inference], None] = lambda inference: None,
    ) -> None:
        """`make` makes another engine when one is asked for; before the one of now is closed, `rest` has whoever else
        uses it let go. `choice` keeps what people choose. `shared` hears how many answers may run at once."""
        super().__init__(engine, settings, make, rest, choice or Choice(settings), shared)
        self._store = store or open_store(settings)
        self.uploads = Uploads(settings.documents.max_file_mb)
        self._history = History(settings.cache_path / "windows")
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    def _all(self) -> list[Window]:
        return list(self._windows.values())

    def knows(self, identifier: str) -> bool:
        """Whether a window of this id is open or kept."""
        return identifier in self._windows or self._history.load(identifier) is not None

    def get(self, page: str | Visit, values: Mapping[str, Any] | None = None) -> Window:
        """The window of this id or page; a new one if it is unknown or was closed to make room, which none is that has
        something to do. Waits for a page that is just loading. `values` are settings of a new one, by dotted name.
        Raises LookupError, see Visit, and GlyphError `too_many_windows`."""
        identifier = page.wait() if isinstance(page, Visit) else page
        if isinstance(page, Visit):
            values = page.values
        closed: list[Window] = []
        with self._lock:
            window = self._windows.get(identifier)
            if window is None:
                closed = self._make_room()
                session = DocumentSession(self.engine, usable(self.settings, values or {}), self._store)
                if "inference.max_batch_size" in (values or {}):
                    self.share(session.settings.inference)
                window = self._windows[identifier] = Window(session, identifier, self._history)
                if (saved := self._history.load(identifier)) is not None:
                    window.restore(saved)
            self._windows.move_to_end(identifier)
        for old in closed:
            old.close()
        return window

    def _make_room(self) -> list[Window]:
        """Take windows out for another one to come; the caller closes them."""
        idle = [identifier for identifier, window in self._windows.items() if not window.busy]
        closed = [self._windows.pop(identifier) for identifier in idle[: max(0, len(self._windows) - MAX_WINDOWS + 1)]]
        if len(self._windows) >= MOST_WINDOWS:
            raise too_many_windows(MOST_WINDOWS)
        return closed

    def arrive(self, identifier: str, values: Mapping[str, Any] | None = None, visitor: str = "") -> Window:
        """The window of a page that `visitor` has just opened; `values` as in `get`."""
        self.sweep()
        window = self.get(identifier, values)
        window.visitor = visitor
        window.pages_open += 1
        return window

    def leave(self, page: Visit) -> None:
        """A page has gone. The last page of a window frees its memory; what is kept of it brings it back."""
        window = self._windows.get(page.window_id or "")
        if window is not None:
            window.pages_open -= 1
            if window.pages_open <= 0:
                self.close(window.identifier)

    def close(self, identifier: str) -> None:
        with self._lock:
            window = self._windows.pop(identifier, None)
        if window is not None:
            window.close()

    def sweep(self) -> None:
        """Remove what is kept of windows and has not been used for a day."""
        self._history.sweep()
        self.uploads.sweep()

    def picture(self, visitor: str, document: str, digest: str) -> Path | None:
        """The file with the picture of a page, for the browser whose window shows it; documents go by Reading.key."""
        for window in self._all():
            for reading in window.session.documents.values():
                if window.visitor == visitor and reading.key == document:
                    return next((page.image for page in reading.pages if page.digest == digest), None)
        return None

    def close_all(self) -> None:
        for identifier in list(self._windows):
            self.close(identifier)
        self.uploads.close()
