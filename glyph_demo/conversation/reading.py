"""One document on its way from upload to ready: extracted, rendered and encoded in the background, page by page."""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from glyph_demo.conversation.drawing import PageView, draw, picture
from glyph_demo.conversation.errors import as_user_error
from glyph_demo.conversation.heat import hottest_lines
from glyph_demo.documents.extraction import extract
from glyph_demo.documents.model import Document
from glyph_demo.engines.base import (
    Engine,
    Evidence,
    OpenDocument,
    PageFeatures,
    Progress,
    TextEngine,
    Turn,
    attach,
    hold,
    prepare,
    text_engine,
)
from glyph_demo.errors import (
    DocumentError,
    GlyphError,
    Message,
    ran_out_of_memory,
)
from glyph_demo.rendering import Page, decode_png
from glyph_demo.settings import Settings
from glyph_demo.store import TIERS, FeatureStore, Tier, feature_key

log = logging.getLogger(__name__)

PAGES_AHEAD = 16  # rendered pages that may wait for the engine: bounds memory, hides the renderer
State = Literal["waiting", "reading", "ready", "failed", "closed"]


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
    state: State = "waiting"
    document: Document | None = None
    held: bool = False
    error: GlyphError | None = None
    pages: list[PageView] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
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

    def run(self) -> None:
        """Read the document through. Ends in `ready`, `failed` (see `error`) or `closed`; raises nothing."""
        if self._cancelled:
            return
        try:
            self._set_state("reading")
            texts = text_engine(self.engine) if self.settings.documents.as_text else None
            document = self._extract()
            attach(self.engine, self.store)
            self.handle = None if texts else self.engine.open()
            if self.handle and self.held:
                hold(self.handle)
            self._read_pages(document, self.handle)
            if texts and not self._cancelled:
                self.handle = self._open_text(texts)
            elif self.handle and self.pages and not self._cancelled:
                self.handle.hint(document.text)
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
        if self.state != "ready":
            return "nowhere"
        tiers = [self.store.where(self._key(page.digest)) for page in list(self.pages)]
        return max((tier or "nowhere" for tier in tiers), key=[*TIERS, "nowhere"].index, default="nowhere")

    def as_text(self) -> OpenDocument:
        """The same pages' text as tokens, for a document that is ready; made once. Raises EngineError `no_text_way`,
        DocumentError `no_text`, TooLong."""
        if self._text_handle is None:
            self._text_handle = self._open_text(text_engine(self.engine))
        return self._text_handle

    def encode_again(self) -> Iterator[Progress]:
        """Have the engine read every page once more, as if nothing had been kept, and throw away what it gives."""
        from PIL import Image

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

    def _open_text(self, engine: TextEngine) -> OpenDocument:
        text = self._shown() if self.document and self.pages else ""
        if not text.strip():
            raise DocumentError(
                "no_text",
                "This document has no text that could be given as tokens. Ask it as pages.",
                "该文档没有可作为词元输入的文字。请以页面图像方式提问。",
            )
        return engine.open_text(text)

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
            for page, view in draw(document, self.settings, self.engine.name, self.folder, self.warnings):
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
        known = self.settings.inference.reuse_cache and self.store.get(self._key(page.digest))
        encode = partial(self.engine.encode, page) if known else prepare(self.engine, page)
        return partial(self._read, page, encode, handle, time.perf_counter() - start)

    def _read(self, page: Page, encode: Callable[[], PageFeatures], handle: OpenDocument, seconds: float) -> None:
        """Have the document take a page; `seconds` were spent on it before."""
        start = time.perf_counter()
        fresh = None
        if not self.settings.inference.reuse_cache:
            features = encode()
        elif (stored := self._stored(page.digest)) is not None:
            features = stored
            self.pages_from_store += 1
        else:
            fresh = encode()
            key = self._key(page.digest)  # of now: encoding may have changed the precision
            features = self._lent(fresh, page.digest)
        self.encoded += 1
        try:
            handle.append(features)
            self.prefilled += 1
        finally:
            if fresh is not None:  # last, because the store waits until they have come from the device
                self._keep(key, fresh)
        self.timings.encode += seconds + time.perf_counter() - start

    def _lent(self, features: PageFeatures, digest: str) -> PageFeatures:
        """Features for the engine to use and let go of."""
        keep = partial(self.store.keep_on_device, self._key(digest))
        return replace(features, again=partial(self._again, digest), keep=keep)

    def _stored(self, digest: str) -> PageFeatures | None:
        features = self.store.get(self._key(digest))
        return features and self._lent(features, digest)

    def _again(self, digest: str) -> PageFeatures:
        """Features of a page that was read before: from the store, else from the page's picture."""
        features = self._stored(digest)
        if features is None:
            features = self.engine.encode(Page(0, decode_png(picture(self.folder, digest).read_bytes())))
            self._keep(self._key(digest), features)
        return features

    def _keep(self, key: str, features: PageFeatures) -> None:
        try:
            self.store.put(key, features)
        except Exception as error:
            if not ran_out_of_memory(error):  # a page that cannot be kept is read all the same
                raise

    def _key(self, digest: str) -> str:
        return feature_key(digest, self.engine.identity)

    def _latest(self) -> Progress:
        """How far reading is, or the engine, where that is still being loaded and tells."""
        return getattr(self.engine, "loading", None) or self._progress

    def _set_progress(self, stage: Literal["extract", "encode"], done: int) -> None:
        with self._changed:
            self._progress = Progress(stage, done, self.total)
            self._changed.notify_all()

    def _set_state(self, state: State) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()


def _drain(waiting: queue.Queue[Page | Exception | None]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()
