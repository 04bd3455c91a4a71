"""One document on its way from upload to ready: extracted, rendered and encoded in the background, page by page."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from glyph_demo.conversation.drawing import PageView, draw
from glyph_demo.conversation.errors import as_user_error, document_closed, no_question
from glyph_demo.conversation.features import DocumentFeatures, FetchedFeatures
from glyph_demo.conversation.heat import hottest_lines
from glyph_demo.conversation.transcript import Exchange, Transcript
from glyph_demo.documents.extraction import extract
from glyph_demo.documents.model import Document
from glyph_demo.engines.base import AskOptions, Engine, OpenDocument, Turn
from glyph_demo.engines.events import Events, Evidence, Finished, Progress, Token
from glyph_demo.errors import DocumentError, GlyphError, Message
from glyph_demo.rendering import Page
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, Tier

log = logging.getLogger(__name__)

PAGES_AHEAD = 16  # rendered pages that may wait for the engine: bounds memory, hides the renderer
ReadingState = Literal["waiting", "reading", "ready", "failed", "closed"]


@dataclass(slots=True)
class ReadingTimings:
    """Seconds spent per stage, summed over pages. The stages overlap, so they may add up to more than the wait."""

    extract: float = 0.0
    render: float = 0.0
    encode: float = 0.0


@dataclass
class Reading:
    """A document and everything known of it so far. `run` does the work, once, on a thread of the caller's choice;
    everyone else watches through `events` and `wait`. With `document` given, nothing is extracted from `path`. A
    `held` document's pages wait for questions that say where they stand."""

    name: str
    path: Path
    settings: Settings
    engine: Engine
    store: FeatureStore
    folder: Path
    state: ReadingState = "waiting"
    document: Document | None = None
    held: bool = False
    error: GlyphError | None = None
    pages: list[PageView] = field(default_factory=list)
    transcript: Transcript = field(default_factory=Transcript)
    timings: ReadingTimings = field(default_factory=ReadingTimings)
    warnings: list[Message] = field(default_factory=list)
    total: int | None = None  # pages in all, once the last one is drawn
    encoded: int = 0  # pages whose features are there, from the store or read anew
    prefilled: int = 0  # pages the engine has taken into the document
    pages_from_store: int = 0
    compression: float | None = None  # text tokens per visual token
    handle: OpenDocument | None = None
    key: str = field(default_factory=partial(secrets.token_hex, 16))  # what browsers ask for its pages by

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._progress = Progress("extract", 0, 1)
        self._cancelled = False
        self._text_handle: OpenDocument | None = None
        reuse = self.settings.inference.reuse_cache
        self._features = DocumentFeatures(self.engine, self.store, self.folder, reuse)

    def run(self) -> None:
        """Read the document through. Ends in `ready`, `failed` (see `error`) or `closed`; raises nothing."""
        if self._cancelled:
            return
        try:
            self._set_state("reading")
            as_text = self.settings.documents.as_text
            document = self._extract()
            self.engine.attach_store(self.store)
            self.handle = None if as_text else self.engine.open_document(source=self._features)
            if self.handle and self.held:
                self.handle.hold_pages()
            self._read_pages(document, self.handle)
            if as_text and not self._cancelled:
                self.handle = self._open_text()
            elif self.handle and self.pages and not self._cancelled:
                self.handle.hint_text(document.text)
                self.compression = self.handle.compression(self._shown())
        except Exception as error:
            self.error = as_user_error(error)
        if self._cancelled:
            self._release()
        elif self.error:
            self._close_handle()
            self._set_state("failed")
        else:
            self._set_state("ready")

    def events(self) -> Iterator[Progress]:
        """Progress as it changes, until the document is ready. Raises the GlyphError that reading ended with."""
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

    def wake(self) -> None:
        """Have `events` say at once where things stand."""
        with self._changed:
            self._changed.notify_all()

    def placed(self, evidence: Evidence) -> Evidence:
        """Evidence as the engine gave it, which counts the pages it was given, with the numbers of those pages; and
        with the lines under its maps where it names no places itself."""
        regions = tuple(replace(r, page=self.pages[r.page - 1].number) for r in evidence.regions)
        views = [self.pages[heat.page - 1] for heat in evidence.heat]
        maps = tuple(replace(heat, page=view.number) for heat, view in zip(evidence.heat, views, strict=True))
        under = [(heat, view.size, view.lines) for heat, view in zip(maps, views, strict=True)]
        return Evidence(regions or hottest_lines(under), maps)

    @property
    def read_anew(self) -> int:
        """Pages that were read by the engine and not taken from the store."""
        return self.encoded - self.pages_from_store

    def kept(self) -> Tier | Literal["nowhere"]:
        """Where the features of all pages can be had from again: the slowest tier that is needed."""
        return self._features.slowest_tier([page.digest for page in self.pages]) if self.state == "ready" else "nowhere"

    def ask(self, question: str, history: Sequence[Turn], options: AskOptions, *, as_text: bool = False) -> Events:
        """Answer a question after the turns of `history`. Waits, yielding Progress, while the document is being read.
        With `as_text` the engine is given the pages' text as tokens instead. Raises GlyphErrors only, such as
        `no_question`, `document_closed`, and those of `Engine.open_text`."""
        if not question.strip():
            raise no_question()
        try:
            yield from self.events()
            if self.handle is None:
                raise document_closed()
            if as_text and self._text_handle is None:
                self._text_handle = self._open_text()
            handle = self._text_handle if as_text and self._text_handle else self.handle
            with contextlib.closing(handle.answer(question, history, options)) as events:
                for event in events:
                    yield self.placed(event) if isinstance(event, Evidence) else event
        except GlyphError:
            raise
        except Exception as error:
            raise as_user_error(error) from error

    def converse(self, exchange: Exchange, options: AskOptions, at: int | None = None) -> Events:
        """Ask the question of `exchange` as the next one of the conversation, or in place of exchange `at` and all
        after it, and record there what comes. See Transcript for when it takes its place. Raises as `ask` does."""
        read_before = self.read_anew
        with (
            self.transcript.asking(exchange, at) as history,
            contextlib.closing(self.ask(exchange.question, history, options)) as events,
        ):
            for event in events:
                exchange.take(event)
                if isinstance(event, Finished):
                    exchange.reused = (max(0, len(self.pages) - (self.read_anew - read_before)), len(self.pages))
                if isinstance(event, (Token, Finished)):
                    self.transcript.commit()
                yield event

    def read_again(self) -> Iterator[Progress]:
        """Have the engine read every page once more, as if nothing had been kept, and throw away what it gives."""
        from PIL import Image

        yield from self.events()
        views = list(self.pages)
        for done, view in enumerate(views):
            yield Progress("encode", done, len(views))
            if self.state != "ready":
                return  # closed meanwhile, and its images are gone
            with Image.open(view.image) as image:
                pixels = np.array(image)
            self.engine.encode(Page(view.number - 1, pixels))
        yield Progress("encode", len(views), len(views))

    def wait(self) -> None:
        for _ in self.events():
            pass

    def cancel(self) -> None:
        """Stop reading before the next page and free everything. The turns stay, for a later return."""
        self._cancelled = True
        if self.state != "reading":
            self._release()

    def _shown(self) -> str:
        """The text that the pages show."""
        assert self.document is not None
        return self.document.text[self.pages[0].span[0] : self.pages[-1].span[1]]

    def _open_text(self) -> OpenDocument:
        text = self._shown() if self.document and self.pages else ""
        if not text.strip():
            raise DocumentError(
                "no_text",
                "This document has no text that could be given as tokens. Ask it as pages.",
                "该文档没有可作为词元输入的文字。请以页面图像方式提问。",
            )
        return self.engine.open_text(text)

    def _close_handle(self) -> None:
        handles = self.handle, self._text_handle
        self.handle = self._text_handle = None
        for handle in handles:
            if handle is not None:
                handle.close()

    def _release(self) -> None:
        self._close_handle()
        self.pages.clear()
        self.document = None
        shutil.rmtree(self.folder, ignore_errors=True)
        self._set_state("closed")

    def _extract(self) -> Document:
        start = time.perf_counter()
        if self.document is None:
            self.document = extract(self.path, self.name, self.settings.documents)
        self.timings.extract = time.perf_counter() - start
        self.warnings.extend(self.document.warnings)
        return self.document

    def _read_pages(self, document: Document, handle: OpenDocument | None) -> None:
        """Give the engine every page in order, until the last or a cancel; without a handle they are only drawn. Pages
        are drawn on a thread of their own, so that the gallery fills and the total is known while the engine still
        reads, and on another the next page is made ready for the engine."""
        drawn: queue.Queue[Page | Exception | None] = queue.Queue(maxsize=PAGES_AHEAD)
        stop = threading.Event()
        painter = threading.Thread(target=self._paint, args=(document, drawn, stop), daemon=True)
        painter.start()
        ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        done = 0
        try:
            coming = ahead.submit(self._next, drawn, handle)
            while not self._cancelled and (read := coming.result()) is not None:
                coming = ahead.submit(self._next, drawn, handle)
                self._set_progress("encode", done)
                read()
                done += 1
            self._set_progress("encode", done)
        finally:
            stop.set()
            while painter.is_alive():
                _drain(drawn)
                painter.join(timeout=0.05)
            _drain(drawn)
            drawn.put(None)  # `_next` may wait for it
            ahead.shutdown()

    def _paint(self, document: Document, drawn: queue.Queue[Page | Exception | None], stop: threading.Event) -> None:
        try:
            start = time.perf_counter()
            for page, view in draw(document, self.settings, self.engine.kind.page_style, self.folder, self.warnings):
                self.pages.append(view)
                self.timings.render += time.perf_counter() - start
                drawn.put(page)
                if stop.is_set():
                    return
                start = time.perf_counter()
            self.total = len(self.pages)
            drawn.put(None)
        except Exception as error:
            drawn.put(error)

    def _next(
        self, drawn: queue.Queue[Page | Exception | None], handle: OpenDocument | None
    ) -> Callable[[], None] | None:
        """Wait for the next page and make it ready. Returns what gives it to the engine when its turn comes; None
        after the last."""
        page = drawn.get()
        if isinstance(page, Exception):
            raise page
        if page is None:
            return None
        if handle is None:
            return lambda: None
        start = time.perf_counter()
        fetch = self._features.begin_fetch(page)
        return partial(self._read, fetch, handle, time.perf_counter() - start)

    def _read(self, fetch: Callable[[], FetchedFeatures], handle: OpenDocument, seconds: float) -> None:
        """Have the document take a page; `seconds` were spent on it before."""
        start = time.perf_counter()
        fetched = fetch()
        self.encoded += 1
        self.pages_from_store += fetched.from_store
        try:
            handle.append(fetched.features)
            self.prefilled += 1
        finally:  # last, because the store waits until features have come from the device
            self._features.keep(fetched)
        self.timings.encode += seconds + time.perf_counter() - start

    def _latest(self) -> Progress:
        """How far reading is, or the engine, where that is still being loaded and tells."""
        return self.engine.loading or self._progress

    def _set_progress(self, stage: Literal["extract", "encode"], done: int) -> None:
        with self._changed:
            self._progress = Progress(stage, done, self.total)
            self._changed.notify_all()

    def _set_state(self, state: ReadingState) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()


def _drain(waiting: queue.Queue[Page | Exception | None]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()
