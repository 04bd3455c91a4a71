"""One document on its way from upload to ready: extracted, rendered and encoded in the background, page by page."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from glyph_demo.conversation.ahead import prepare_ahead
from glyph_demo.conversation.checked.checking import Checker
from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.drawing import PageView, count_pictures, draw, unreadable
from glyph_demo.conversation.early import answer_again, answer_early, keep_answers
from glyph_demo.conversation.errors import as_user_error, document_closed, no_question, no_text
from glyph_demo.conversation.features import DocumentFeatures, FetchedFeatures
from glyph_demo.conversation.find import find
from glyph_demo.conversation.heat import locate_evidence
from glyph_demo.conversation.originals import Originals
from glyph_demo.conversation.overview import LazyOverview, overview_of
from glyph_demo.conversation.places import file_page
from glyph_demo.conversation.transcript import Exchange, Transcript
from glyph_demo.documents.extraction import extract, original_type
from glyph_demo.documents.model import Document
from glyph_demo.engines.base import AskOptions, Engine, OpenDocument, Overview, Turn
from glyph_demo.engines.events import Event, Events, Evidence, Finished, Notice, Progress, Region, Token
from glyph_demo.errors import GlyphError, Message
from glyph_demo.rendering import Page, decode_png
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, Tier

ReadingState = Literal["waiting", "reading", "ready", "failed", "closed"]


@dataclass(slots=True)
class ReadingTimings:
    """Seconds spent in each stage, summed over the pages. Stages overlap: the sum may exceed the time waited."""

    extract: float = 0.0
    render: float = 0.0
    encode: float = 0.0


@dataclass
class Reading:
    """A document and what is known of it so far. `run` reads it, once, on a thread of the caller's choice; everyone
    else watches through `events` and `wait`. If `document` is given, nothing is extracted from `path`. If `held`, pages
    are not prefilled before the first question, which says where in its words they are."""

    name: str
    path: Path
    settings: Settings
    engine: Engine
    store: FeatureStore
    folder: Path
    state: ReadingState = "waiting"
    document: Document | None = None
    originals: Originals | None = None  # for a file whose pages can be drawn
    held: bool = False
    error: GlyphError | None = None
    pages: list[PageView] = field(default_factory=list)
    transcript: Transcript = field(default_factory=Transcript)
    timings: ReadingTimings = field(default_factory=ReadingTimings)
    warnings: list[Message] = field(default_factory=list)
    total: int | None = None  # pages in all; None while that is not known
    encoded: int = 0  # pages whose features have come, from the store or the engine
    prefilled: int = 0  # pages the engine has taken into the document
    pages_from_store: int = 0
    compression: float | None = None  # text tokens per visual token
    renewed: list[tuple[Exchange, Exchange]] = field(default_factory=list)  # answers, and those from all pages instead
    handle: OpenDocument | None = None
    key: str = field(default_factory=partial(secrets.token_hex, 16))  # unguessable: browsers ask for its pages by it

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._progress = Progress("extract", 0, 1)
        self._cancelled = False
        self._over = False  # all pages read, or failed: from then on no answer is from the pages read so far
        self._text_handle: OpenDocument | None = None
        self._checker = Checker()
        self._features = DocumentFeatures(self.engine, self.store, self.folder)
        self._overview = LazyOverview(lambda: overview_of(self.handle, self.document, list(self.pages)))

    def run(self) -> None:
        """Read the whole document. The final state is `ready`, `failed` (see `error`) or `closed`. Raises nothing."""
        with self._changed:
            if self._cancelled:
                return
            self.state = "reading"
            self._changed.notify_all()
        try:
            as_text = self.settings.documents.as_text
            document = self._extract()
            self.engine.attach_store(self.store)
            reuse = self.settings.inference.reuse_cache
            # Without reuse the store keeps nothing, so the engine has to hold on to the features itself.
            source = self._features if reuse else None
            self.handle = None if as_text else self.engine.open_document(source=source)
            if self.handle:
                pages = self.pages  # `_release` takes them from the reading, not from who still answers
                self.handle.hint_file_pages(lambda page, box: file_page(document, pages[page - 1], box))
                if self.held:
                    self.handle.hold_pages()
            self._read_pages(document, self.handle, reuse)
            if self.handle and not self._cancelled:
                self.warnings.extend(unreadable(self.engine.unknown_characters(document.text)))
            if as_text and not self._cancelled:
                self.handle = self._open_text()
            elif self.handle and self.pages and not self._cancelled:
                self.handle.hint_text(document.text)
                self.compression = self.handle.compression(self._shown())
            self._end_early_answers()
            if self.handle and not self._cancelled:
                answer_again(self, AskOptions.of(self.settings.inference))
        except Exception as error:
            self._end_early_answers()
            if not self._cancelled:  # else the document is read again when it is returned to
                keep_answers(self)
                self.error = as_user_error(error)
        if self._cancelled:
            self._release()
        elif self.error:
            self._close_handle()
            self._set_state("failed")
        else:
            self._set_state("ready")

    def events(self) -> Generator[Progress, None, None]:
        """Yield progress until the document is ready, at least every 0.2 s. Raises `error` if reading fails."""
        seen: Progress | None = None
        while True:
            with self._changed:
                if self._latest() is seen and self.state in ("waiting", "reading"):
                    self._changed.wait(timeout=0.2)
                now, state = self._latest(), self.state
            if now is not seen:
                seen = now
                yield now
            elif state in ("waiting", "reading"):
                yield now  # a heartbeat: lets a front end close this iterator while nothing moves
            if state == "failed" and self.error is not None:
                raise self.error
            if state in ("ready", "closed"):
                return

    @property
    def title(self) -> str:
        """What people call the document; the name of its file decides how it is parsed."""
        return self.transcript.title or self.name

    def wake(self) -> None:
        """Have `events` yield at once."""
        with self._changed:
            self._changed.notify_all()

    @property
    def overview(self) -> Overview | None:
        """What the document is; None until it is ready, and for one without text. The first call of any thread works it
        out, which may take a second, or longer while the engine still computes; nobody who never calls waits for it."""
        return self._overview.get() if self.state == "ready" else None

    @property
    def overview_so_far(self) -> tuple[Overview | None, bool]:
        """`overview` if it is worked out, and whether there may be one later: then a thread has been given the work."""
        return self._overview.begin() if self.state == "ready" else (None, False)

    @property
    def read_anew(self) -> int:
        """Pages that the engine encoded because the store did not have them."""
        return self.encoded - self.pages_from_store

    def kept(self) -> Tier | Literal["nowhere"]:
        """The slowest store tier that reloading all pages would need."""
        return self._features.slowest_tier([page.digest for page in self.pages]) if self.state == "ready" else "nowhere"

    def ask(self, question: str, history: Sequence[Turn], options: AskOptions, *, as_text: bool = False) -> Events:
        """Answer a question that follows the turns of `history`. Yields Progress while the document is still being
        read. With `as_text` the engine gets the pages' text as tokens instead. Raises GlyphErrors only: `no_question`,
        `document_closed`, those of reading and, with `as_text`, of `Engine.open_text`."""
        if not question.strip():
            raise no_question()
        try:
            yield from self.events()
            if self.handle is None:
                raise document_closed()
            if as_text and self._text_handle is None:
                self._text_handle = self._open_text()
            yield from self.answered(question, history, options, as_text=as_text)
        except GlyphError:
            raise
        except Exception as error:
            raise as_user_error(error) from error

    def answered(self, question: str, history: Sequence[Turn], options: AskOptions, *, as_text: bool = False) -> Events:
        """`ask` of the pages that there are, with whatever the engine raises."""
        handle = self._text_handle if as_text and self._text_handle else self.handle
        if handle is None:
            raise document_closed()
        with contextlib.closing(handle.answer(question, history, options)) as events:
            for event in events:
                if isinstance(event, Finished) and event.reason == "not_found":
                    yield from map(Notice, self.warnings)  # it may stand in what was not read
                yield self._located(event) if isinstance(event, Evidence) else event

    def converse(
        self, exchange: Exchange, options: AskOptions, at: int | None = None, *, early: bool = False
    ) -> Events:
        """Ask the question of `exchange` at the end of the conversation, or in place of exchange `at` (from 0) and all
        after it, and record the answer in `exchange`. Transcript says when it enters the conversation. With `early` and
        an engine that can, the pages read so far may answer: see `Exchange.read_so_far`. Raises as `ask` does."""
        read_before, place = self.read_anew, len(self.transcript) if at is None else at
        with (
            self.transcript.asking(exchange, place),
            contextlib.closing(self._answers(exchange, options, place, early)) as events,
        ):
            for event in events:
                exchange.take(event)
                if isinstance(event, Finished):
                    pages = len(self.pages) if exchange.read_so_far is None else exchange.read_so_far[0]
                    exchange.reused = (max(0, pages - (self.read_anew - read_before)), pages)
                if isinstance(event, (Token, Finished)):
                    self.transcript.commit()
                yield event
        exchange.check_off(self.checked(exchange.answer))

    def _answers(self, exchange: Exchange, options: AskOptions, at: int, early: bool) -> Events:
        if early and exchange.question and self.state in ("waiting", "reading"):
            try:
                if (yield from answer_early(self, exchange, options, at)):
                    return
            except GlyphError:
                raise
            except Exception as error:
                raise as_user_error(error) from error
        # An answer before this one may have been replaced while the rest was read.
        yield from self.ask(exchange.question, self.transcript.turns(at), options)

    def checked(self, answer: str) -> tuple[Claim, ...]:
        """What an answer says that can be looked up, held against the document; nothing once that is closed."""
        document, pages = self.document, list(self.pages)
        if document is None or not pages or not answer:
            return ()
        return self._checker.check(answer, document, pages, self._read_lines, self._over)

    def find(self, words: str) -> list[Region]:
        """Where the words stand on the pages, see `conversation.find`; nowhere once the document is closed."""
        document = self.document
        return [] if document is None else find(words, document, list(self.pages), self._read_lines() or ())

    def _read_lines(self) -> tuple[Region, ...] | None:
        return self.handle.read_lines() if self.handle else None

    def enter_early(self, exchange: Exchange, answer: Sequence[Event], pages: int) -> bool:
        """Enter an answer from the first `pages` pages, which is being asked, into the conversation. False, and
        nothing, once all pages are read or reading has ended: nobody would answer it again."""
        with self._changed:
            if self._over or self.state != "reading":
                return False
            exchange.read_so_far = pages, self.total
            for event in answer:
                exchange.take(event)
            self.transcript.commit()
        return True

    def _end_early_answers(self) -> None:
        with self._changed:
            self._over = True

    def read_again(self) -> Iterator[Progress]:
        """Have the engine encode every page once more, ignoring the store, and drop the features."""
        yield from self.events()
        views = list(self.pages)
        for done, view in enumerate(views):
            yield Progress("encode", done, len(views))
            if self.state != "ready":
                return  # closed meanwhile, and its images are gone
            self.engine.encode(Page(view.number - 1, decode_png(view.image.read_bytes())))
        yield Progress("encode", len(views), len(views))

    def wait(self) -> None:
        for _ in self.events():
            pass

    def cancel(self) -> None:
        """Stop reading, within one step of the engine or before the next page, and free everything but the
        transcript."""
        with self._changed:  # `run` begins either before this or never
            self._cancelled = True
            reads = self.state == "reading"
        if not reads:
            self._release()
        elif (handle := self.handle) is not None:
            handle.abandon()

    def _shown(self) -> str:
        """The text that the pages show."""
        assert self.document is not None
        return self.document.text[self.pages[0].span[0] : self.pages[-1].span[1]]

    def _located(self, evidence: Evidence) -> Evidence:
        document, pages = self.document, self.pages
        if document is None or not pages:
            raise document_closed()
        return locate_evidence(evidence, pages, document)

    def _open_text(self) -> OpenDocument:
        text = self._shown() if self.document and self.pages else ""
        if not text.strip():
            raise no_text()
        return self.engine.open_text(text)

    def _close_handle(self) -> None:
        handles = self.handle, self._text_handle
        self.handle = self._text_handle = None
        for handle in handles:
            if handle is not None:
                handle.close()

    def _release(self) -> None:
        self._close_handle()
        self.pages = []
        self.document = self.originals = None
        self._checker = Checker()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._set_state("closed")

    def _extract(self) -> Document:
        start, limits = time.perf_counter(), self.settings.documents
        if self.document is None:
            self.document = extract(self.path, self.name, limits)
            if file_type := original_type(self.document):
                self.originals = Originals(self.document, file_type, self.path, self.folder, limits)
        self.timings.extract = time.perf_counter() - start
        self.total = count_pictures(self.document, self.settings.documents.page_range)
        self.warnings.extend(self.document.warnings)
        return self.document

    def _read_pages(self, document: Document, handle: OpenDocument | None, reuse: bool) -> None:
        """Give the engine every page in order, until the last or a cancel; without a handle they are only drawn."""
        done = 0
        with contextlib.closing(prepare_ahead(self._draw(document), partial(self._prepare, handle, reuse))) as coming:
            while not self._cancelled and (read := next(coming, None)) is not None:
                self._set_progress("encode", done)
                read()
                done += 1
                del read  # it holds the page's patches, and the page after the next is prepared now
            self._set_progress("encode", done)

    def _draw(self, document: Document) -> Iterator[Page]:
        start = time.perf_counter()
        for page, view in draw(document, self.settings, self.engine.page_style, self.folder, self.warnings):
            self.pages.append(view)
            self.timings.render += time.perf_counter() - start
            yield page
            start = time.perf_counter()
        self.total = len(self.pages)

    def _prepare(self, handle: OpenDocument | None, reuse: bool, page: Page) -> Callable[[], None]:
        """Begin to fetch a page's features. Returns a function that gives them to the engine."""
        if handle is None:
            return lambda: None
        start = time.perf_counter()
        fetch = self._features.begin_fetch(page, reuse, known=reuse and handle.knows(page))
        return partial(self._read, fetch, handle, time.perf_counter() - start)

    def _read(self, fetch: Callable[[], FetchedFeatures], handle: OpenDocument, seconds: float) -> None:
        """Append a page to the engine's document; `seconds` were already spent on it."""
        start = time.perf_counter()
        fetched = fetch()
        self.encoded += 1
        self.pages_from_store += fetched.from_store
        try:
            if fetched.known is None:
                handle.append(fetched.features)
            else:
                handle.append_known(fetched.known)
            self.prefilled += 1
        finally:  # last: `keep` waits until the features have been copied from the device
            self._features.keep(fetched)
        self.timings.encode += seconds + time.perf_counter() - start

    def _latest(self) -> Progress:
        """Progress of loading the engine while that lasts, else of reading."""
        return self.engine.loading or self._progress

    def _set_progress(self, stage: Literal["extract", "encode"], done: int) -> None:
        with self._changed:
            self._progress = Progress(stage, done, self.total)
            self._changed.notify_all()

    def _set_state(self, state: ReadingState) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()
