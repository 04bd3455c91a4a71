"""What one browser window holds: a DocumentSession with its conversations, the run over many documents, what the page
view and the status line show, and the language."""

from __future__ import annotations

import contextlib
import filecmp
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import file_pages, view_of
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange, Transcript
from glyph_demo.engines.events import Region
from glyph_demo.errors import GlyphError, Language, Message
from glyph_demo.scratch import kept_copy
from glyph_demo.windows.errors import answer_running
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.history import History, SavedDocument, SavedWindow
from glyph_demo.windows.others import ask_others
from glyph_demo.windows.table_run import TableRun
from glyph_demo.windows.turns import InTurn

PAGES_CHANGED = Message(
    "The pages have changed since this answer. Ask again to see the place.",
    "回答之后页面已重新绘制。请重新提问以查看位置。",
)
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
class Window:
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
    renamed: str = ""  # id of the document that is being given another name
    searched: str = ""  # words that the list of documents is searched for
    earlier: dict[str, int] = field(default_factory=dict)  # turns shown beyond the last few, by document id
    first_turn: int = 0  # number of the first turn that the page shows
    shows_original: bool = False  # whether the page view shows the file's page, where it can be drawn
    followed: int = 0  # number of the handler that follows the reading; earlier ones end
    load_stopped: threading.Event | None = None  # set to stop the load of the engine that was chosen here
    shows_stop: bool = False  # whether this page shows a button to stop it, or did
    shows_loading: bool = False  # whether this page still has to hear that the engine is loaded
    failures: dict[str, GlyphError] = field(default_factory=dict)  # those already shown, by document id
    asked: Exchange | None = None  # the last that was asked in this run of the app
    opening: InTurn = field(default_factory=InTurn)  # held while a page's files are opened
    watched_at: float = 0.0  # when a page last showed the answer that `finish` goes on with
    _wanted: QuotedLine | None = None  # shown once the document in front is read
    _next: list[str] = field(default_factory=list)  # the question that waits for the answer before it
    _taking_turns: threading.Lock = field(default_factory=threading.Lock)
    _idle: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._idle.set()
        self.table_run = TableRun(self.history.folder(self.identifier) / "many")

    @property
    def reading(self) -> Reading | None:
        return self.session.current

    @property
    def busy(self) -> bool:
        """Whether something is being opened, read, answered, compared or asked of many documents."""
        return self.opening.taken or self.answering or self.session.busy or self.table_run.running

    @property
    def first_page(self) -> int:
        """The number of the first page that was read of the document in front."""
        return next((page.number for page in list(reading.pages)), 1) if (reading := self.reading) else 1

    def focus_on(self, exchange: Exchange, line: int) -> None:
        """Focus on line `line` of those that an answer rests on. Where the pages have been drawn in another way since,
        it is looked for on them; if it is not found there, a notice says so, and the file's page is shown."""
        self._focus_on(exchange.regions[line], PageFocus.of(exchange, line))

    def focus_on_claim(self, at: int, number: int) -> bool:
        """Focus on the place of a part of answer `at` that the document has. False, and nothing, if there is none."""
        if not 0 <= at < len(self.transcript) or not 0 <= number < len(self.transcript[at].claims):
            return False
        place = self.transcript[at].claims[number].place
        if place is None:
            return False
        self._focus_on(place, PageFocus.on(place, (place,)))
        return True

    def _focus_on(self, region: Region, focus: PageFocus) -> None:
        self.focus = focus
        reading, view = self.reading, self.view
        document = reading.document if reading else None
        if reading is None or document is None or view is None or region.digest in ("", view.digest):
            return
        if moved := reading.find(region.text):
            self.focus = replace(PageFocus.on(moved[0], (moved[0],)), file_page=focus.file_page)
            return
        self.notice = (PAGES_CHANGED, "hint")
        if focus.file_page and all(mark.number != focus.file_page for mark in file_pages(document, view)):
            self.turn_to_original(focus.file_page)
            self.focus = replace(self.focus, chosen=focus.chosen)

    def forget_marks(self) -> None:
        """Show the page in focus without the places of an answer."""
        self.focus = replace(self.focus, regions=(), chosen=None, heat=())

    def turn_to(self, page: int) -> bool:
        """Focus on a page that the model saw. False, and nothing, if there is none of this number."""
        if (reading := self.reading) is None or all(known.number != page for known in list(reading.pages)):
            return False
        self.focus = replace(self.focus, page=page, file_page=0, chosen=None)
        return True

    def turn_to_original(self, number: int) -> bool:
        """Focus on a page of the file. False, and nothing, if there is none of this number that can be drawn."""
        if (reading := self.reading) is None:
            return False
        document, originals, views = reading.document, reading.originals, list(reading.pages)
        if document is None or originals is None or not views or not 1 <= number <= originals.total:
            return False
        page = view_of(document, views, number).number
        self.focus = replace(self.focus, page=page, file_page=number, chosen=None)
        return True

    def find(self, words: str, step: int) -> tuple[int, int]:
        """Focus on the place of these words that is `step` places after the one in focus, or on the first. Returns its
        number, from 1, and how many places there are; zeros, and nothing, if there are none."""
        places = reading.find(words) if (reading := self.reading) else []
        if not places:
            return 0, 0
        chosen = self.focus.chosen
        at = (places.index(chosen) + step) % len(places) if chosen in places else 0
        self.focus = PageFocus.on(places[at], tuple(places))
        return at + 1, len(places)

    @property
    def view(self) -> PageView | None:
        """The page in focus, of those that the model saw, else the first."""
        pages = list(reading.pages) if (reading := self.reading) else []
        return next((page for page in pages if page.number == self.focus.page), pages[0] if pages else None)

    @property
    def file_page(self) -> int:
        """The number of the file's page in focus; 0 in a file without pages."""
        document, view = reading.document if (reading := self.reading) else None, self.view
        if document is None or view is None:
            return 0
        pages = file_pages(document, view)
        return (self.focus.file_page or pages[0].number) if pages else 0

    def draw_original(self) -> None:
        """Draw the file's page in focus and find the places on it, if that is not done. Raises GlyphErrors only."""
        if (reading := self.reading) and (originals := reading.originals) and (number := self.file_page):
            originals.draw(number, self.focus.regions, list(reading.pages))

    @property
    def transcript(self) -> list[Exchange]:
        """What is shown of the conversation about the document in front, see Transcript."""
        reading = self.reading  # which another thread may close at this moment
        return reading.transcript.shown if reading else []

    def open(self, path: Path, name: str, samples: tuple[str, ...] = (), pages: str | None = None) -> str:
        """Open our own copy of a file, which is kept with the conversation. Returns the document's id."""
        self.stop()
        copy = self.history.adopt(self.identifier, path)
        identifier = self.session.open(copy, name, pages=pages)
        self.samples[identifier] = samples
        self.notice, self.refused = None, ()
        self.focus, self._wanted = PageFocus(), None
        self.save()
        return identifier

    def select(self, identifier: str, *, pages: str | None = None) -> None:
        self.stop()
        self.session.select(identifier, pages=pages)
        self.notice, self.focus, self._wanted = None, self._last_focus(), None
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
        self._wanted = quote
        self.show_wanted()

    def show_wanted(self) -> None:
        """Focus on the line that `show_quote` is to show, if the document in front is read."""
        quote, reading = self._wanted, self.reading
        if quote is None or reading is None or reading.state != "ready":
            return
        self._wanted = None
        self.focus = PageFocus.of_quote(quote, reading)

    def ask(self, question: str, at: int | None = None, everyone: bool = False) -> Generator[Exchange, None, None]:
        """Ask about the document in front, and after it, with `everyone`, about each other that is open; with `at`, in
        place of exchange `at` and all after it. Yields the exchange each time it has grown. Closing it, or `stop`,
        stops the engine within a step. While the document is being read, the pages read so far may answer;
        `show_renewed` tells when all have. Raises GlyphError, `busy` while another answer is being written."""
        with self._taking_turns:
            if self.answering:
                raise answer_running()
            self._stopping.clear()
            self._idle.clear()
        self.asked = exchange = Exchange(question.strip())
        begun, everyone = False, everyone and len(self.session.documents) > 1
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
                with contextlib.closing(ask_others(self.session, exchange, self.language)) as rows:
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
        self._next = []
        if stopped := self._stopping.is_set():
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
            in_front = identifier == self.session.current_id
            self.session.remove(identifier)
            if in_front:  # the one before it takes its place
                self.focus = self._last_focus()
        self.samples.pop(identifier, None)
        self.failures.pop(identifier, None)
        self.save()

    def save(self) -> None:
        """Save the window for a reload of its page or a restart of the app. The document in front is kept a day
        longer."""
        documents, current = self.session.documents, self.reading
        if current is not None:
            self.history.use(current.path)
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
                self.focus = self._last_focus()

    def _last_focus(self) -> PageFocus:
        """The focus on what the last answer about the document in front rests on."""
        return next((PageFocus.of(exchange) for exchange in reversed(self.transcript) if exchange.regions), PageFocus())
