"""What one browser window holds: a DocumentSession with its conversations, the run over many documents, what the page
view and the status line show, and the language."""

from __future__ import annotations

import contextlib
import filecmp
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange, Transcript
from glyph_demo.engines.base import Engine
from glyph_demo.errors import GlyphError, Language, Message
from glyph_demo.scratch import kept_copy
from glyph_demo.windows.errors import answer_running
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.history import History, SavedDocument, SavedWindow
from glyph_demo.windows.others import ask_others, show_in_table
from glyph_demo.windows.page_look import PageLook
from glyph_demo.windows.table_run import TableRun
from glyph_demo.windows.turns import InTurn

PATIENCE = 10.0  # seconds that a stop waits at most for the answer to end
UNWATCHED = 30.0  # seconds that an answer goes on without a page that shows it


@dataclass(frozen=True, slots=True)
class Refused:
    """A file of which only the first `pages` pages can be read; `document` is its id, if it was kept."""

    path: Path
    name: str
    pages: int
    document: str


@dataclass(eq=False)
class Window(PageLook):
    session: DocumentSession
    identifier: str
    history: History
    visitor: str = ""  # the browser that shows it, see web/door.py
    pages_open: int = 0  # in the browser; a reload opens the next page before the last is known to have gone
    language: Language = "en"
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)  # sample questions by document id
    notice: tuple[Message, Literal["error", "hint"]] | None = None  # what the status line shows
    refused: tuple[Refused, ...] = ()
    focus: PageFocus = field(default_factory=PageFocus)
    beside: str = ""
    wanted: QuotedLine | None = None
    renamed: str = ""  # id of the document that is being given another name
    together: bool = False  # whether questions are for several documents
    left_out: set[str] = field(default_factory=set)  # ids of the documents that they are not for
    searched: str = ""  # words that the list of documents is searched for
    listed: str = ""  # the list of documents, as HTML
    list_number: int = 0  # of that list; a later one has a higher number
    listing: threading.Lock = field(default_factory=threading.Lock)  # held while they change
    earlier: dict[str, int] = field(default_factory=dict)  # turns shown beyond the last few, by document id
    first_turn: int = 0  # number of the first turn that the page shows
    shows_original: bool = False  # whether the page view shows the file's page, where it can be drawn
    comparing: bool = False  # whether a comparison goes on, or ended with the page that showed it
    followed: int = 0  # number of the handler that follows the reading; earlier ones end
    load_stopped: threading.Event | None = None  # set to stop the load of the engine that was chosen here
    offer_closed: bool = False  # whether this page has closed the offer of the full model
    shows_stop: bool = False  # whether this page shows a button to stop it, or did
    engine_shown: Engine | None = None  # the engine that this page names
    shows_loading: bool = False  # whether this page still has to hear that the engine is loaded
    picking: int = 0  # number of the choice that the picker shows; what was looked up for one before is not shown
    failures: dict[str, GlyphError] = field(default_factory=dict)  # those already shown, by document id
    asked: Exchange | None = None  # the last that was asked in this run of the app
    opening: InTurn = field(default_factory=InTurn)  # held while a page's files are opened
    watched_at: float = 0.0  # when a page last showed the answer that `finish` goes on with
    _next: list[str] = field(default_factory=list)  # the question that waits for the answer before it
    _taking_turns: threading.Lock = field(default_factory=threading.Lock)
    _idle: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._idle.set()
        self.table_run = TableRun(self.history.folder(self.identifier) / "many")

    @property
    def busy(self) -> bool:
        """Whether something is being opened, read, answered, compared or asked of many documents."""
        return self.opening.taken or self.answering or self.session.busy or self.table_run.running

    def open(self, path: Path, name: str, samples: tuple[str, ...] = (), pages: str | None = None) -> str:
        """Open our own copy of a file, which is kept with the conversation. Returns the document's id."""
        self.stop()
        copy = self.history.adopt(self.identifier, path)
        identifier = self.session.open(copy, name, pages=pages)
        self.samples[identifier] = samples
        self.notice, self.refused = None, ()
        self.look_at_front(PageFocus())
        self.save()
        return identifier

    def select(self, identifier: str, *, pages: str | None = None) -> None:
        self.stop()
        self.session.select(identifier, pages=pages)
        self.notice = None
        self.look_at_front(self.last_focus())
        self.save()

    def show_quote(self, name: str, path: Path, quote: QuotedLine) -> None:
        """Put the document with the content of this file in front, opened under this name if it is not open, and focus
        on a line that was quoted from it, at the latest when `show_wanted` is called."""
        for identifier, reading in self.session.documents.items():
            if reading.path.exists() and filecmp.cmp(reading.path, path, shallow=False):
                self.select(identifier)
                break
        else:
            self.open(kept_copy(path, self.history.folder(self.identifier)), name)
        self.wanted = quote
        self.show_wanted()

    def ask(self, question: str, at: int | None = None, everyone: bool = False) -> Generator[Exchange, None, None]:
        """Ask about the document in front, and after it, with `everyone`, about each other that is open and not
        `left_out`; with `at`, in place of exchange `at` and all after it. Yields the exchange each time it has grown.
        Closing it, or `stop`, stops the engine within a step. While the document is being read, the pages read so far
        may answer; `show_renewed` tells when all have. Raises GlyphError, `busy` while another answer is being
        written."""
        with self._taking_turns:
            if question.strip() in self._next:
                self._next = []
            if self.answering:
                raise answer_running()
            self._stopping.clear()
            self._idle.clear()
        self.asked = exchange = Exchange(question.strip())
        begun, others = False, self.session.documents.keys() - self.left_out - {self.session.current_id}
        everyone = everyone and bool(others)
        try:
            with contextlib.closing(self.session.converse(exchange, at=at, early=not everyone)) as events:
                for _ in events:
                    if exchange.answer and not begun:
                        begun = True
                        self.save()  # it has just taken its place in the transcript
                    if self._stopping.is_set():
                        break
                    yield exchange
            if everyone and (reading := self.reading) is not None and exchange.finished:
                exchange.document, exchange.running = reading.title, True
                with contextlib.closing(ask_others(self.session, exchange, self.language, self.left_out)) as rows:
                    for _ in rows:
                        if self._stopping.is_set():
                            break
                        yield exchange
        finally:
            exchange.running = False
            try:
                self.save()  # before whoever waits for the end of the answer closes the session
            finally:
                self._idle.set()

    def show_in_table(self, question: str, again: bool = False) -> None:
        """See `others.show_in_table`. What the table has taken over is saved as such."""
        if show_in_table(self.session, self.table_run, self.language, question, again):
            self.save()

    def finish(self, steps: Generator[Exchange, None, None]) -> None:
        """Go on with `steps` of `ask` on a thread, because the page that asked has gone: it may be loaded anew. Stops
        once no page has set `watched_at` for UNWATCHED seconds."""

        def work() -> None:
            with contextlib.closing(steps):
                try:
                    for _ in steps:
                        if time.monotonic() - self.watched_at > UNWATCHED:
                            return
                except GlyphError as error:
                    self.notice = (error.message, "error")

        self.watched_at = time.monotonic()
        threading.Thread(target=work, name="answer", daemon=True).start()

    @property
    def answering(self) -> bool:
        return not self._idle.is_set()

    @property
    def waits(self) -> bool:
        """Whether a question waits for its turn."""
        return bool(self._next)

    def asks(self, question: str) -> bool:
        """Whether this question is being answered, or waits for its turn."""
        last = self.transcript[-1:]
        return any(each.running and each.question == question for each in last) or question in self._next

    def wait_for_turn(self, question: str) -> bool:
        """Wait until the answer that is being written has ended. False if it was stopped, once its engine has let go,
        or if another question has taken this one's place."""
        if not self.answering:
            return True
        self._next = mine = [question]  # a new list: the same question may come again
        while self.answering and not self._stopping.is_set() and self._next is mine:
            self._idle.wait(0.2)
        if self._next is not mine:
            return False
        if stopped := self._stopping.is_set():
            self._next = []
            self._idle.wait(PATIENCE)
        return not stopped

    def show_renewed(self) -> bool:
        """Take the answers that have been given again from all pages for those to show. False if there is none since
        the last call, or while another answer is being written: call again."""
        reading = self.reading
        if self.answering or reading is None or not reading.renewed:
            return False
        renewed = [reading.renewed.pop(0) for _ in list(reading.renewed)]
        for old, new in renewed:
            if old.regions and old.regions != new.regions and self.focus.regions == old.regions:
                self.focus = PageFocus.of_answer(new)
        self.save()
        return True

    def undo(self) -> str:
        """Remove the last exchange. Returns its question; "" if there is none."""
        self.stop()
        exchange = self.session.undo() if self.reading else None
        self.save()
        return exchange.question if exchange else ""

    def clear(self) -> None:
        self.stop()
        if (reading := self.reading) is not None:
            reading.transcript.clear()
            self.save()

    def stop(self) -> None:
        """Stop the answer that is being written, if any, and return once its engine has let go."""
        self._stopping.set()
        if (reading := self.reading) is not None:
            reading.wake()
        self._idle.wait(PATIENCE)

    def rest(self) -> None:
        """Let go of the engine."""
        self.stop()
        self.table_run.close()
        self.session.rest()

    def close(self) -> None:
        self.stop()
        self.table_run.close()
        self.session.close()

    def complain(self, message: Message) -> None:
        """Show an error in the status line, after an error that it shows already."""
        if self.notice is not None and self.notice[1] == "error":
            message = Message(f"{self.notice[0].en} {message.en}", f"{self.notice[0].zh} {message.zh}")
        self.notice = (message, "error")

    def forget(self, identifier: str) -> None:
        """Remove a document with its conversation and, unless it may be read in another way, our copy of the file."""
        if (removed := self.session.documents.get(identifier)) is not None:
            if all(refused.path != removed.path for refused in self.refused):
                self.history.drop(removed.path)
            shown = identifier in (self.session.current_id, self.beside)
            self.session.remove(identifier)
            if shown:  # the one in front takes its place, or the one before it
                self.look_at_front(self.last_focus())
        self.samples.pop(identifier, None)
        self.failures.pop(identifier, None)
        self.save()

    def save(self) -> None:
        """Save the window for a reload of its page or a restart of the app. Its documents are kept a day longer."""
        documents, current = self.session.documents, self.reading
        for reading in documents.values():
            self.history.use(reading.path)
        kept = [
            SavedDocument(
                name=reading.name,
                file=reading.path.name,
                pages=reading.settings.documents.pages,
                samples=self.samples.get(identifier, ()),
                exchanges=reading.transcript.exchanges,
                title=reading.transcript.title,
            )
            for identifier, reading in documents.items()
            if self.history.holds(reading.path) and reading.path.exists()
        ]
        if self.session.closed:  # and perhaps emptied: what was saved before stays
            return
        front = next((i for i, saved in enumerate(kept) if current and saved.file == current.path.name), None)
        self.history.save(self.identifier, SavedWindow(language=self.language, front=front, documents=kept))

    def restore(self, saved: SavedWindow) -> None:
        """Bring back what was saved. The document that was in front is read again, from the store."""
        self.language = saved.language
        for index, document in enumerate(saved.documents):
            path = self.history.folder(self.identifier) / document.file
            if not path.exists():
                continue
            transcript = Transcript(document.exchanges, document.title)
            identifier = self.session.restore(path, document.name, transcript, pages=document.pages)
            self.samples[identifier] = document.samples
            if index == saved.front:
                self.session.select(identifier)
                self.focus = self.last_focus()
