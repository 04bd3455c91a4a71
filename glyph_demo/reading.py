"""One document on its way from upload to ready: extracted, rendered and encoded in the background, page by page."""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

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
    text_engine,
)
from glyph_demo.errors import DocumentError, GlyphError, Message, SettingsError, out_of_memory
from glyph_demo.heat import hottest_lines
from glyph_demo.rendering import Line, Page, decode_png, encode_png, missing_characters, render, resolve_style
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, feature_key

log = logging.getLogger(__name__)

PAGES_AHEAD = 16  # rendered pages that may wait for the engine: bounds memory, hides the renderer
State = Literal["waiting", "reading", "ready", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class PageView:
    """What front ends may know of a page once its pixels are gone. `number` counts from 1; `span` is its part of the
    Document's text; `image` is a PNG file."""

    number: int
    span: tuple[int, int]
    size: tuple[int, int]
    digest: str
    lines: tuple[Line, ...]
    image: Path


@dataclass(slots=True)
class ReadingTimings:
    """Seconds spent per stage, summed over pages. The stages overlap, so they may add up to more than the wait."""

    extract: float = 0.0
    render: float = 0.0
    encode: float = 0.0


@dataclass
class Reading:
    """A document and everything known of it so far. `run` does the work, once, on a thread of the caller's choice;
    everyone else watches through `events` and `wait`. With `document` given, nothing is extracted from `path`."""

    name: str
    path: Path
    settings: Settings
    engine: Engine
    store: FeatureStore
    folder: Path
    state: State = "waiting"
    document: Document | None = None
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
            self.handle = None if texts else self.engine.open()
            self._read_pages(document, self.handle)
            if texts and not self._cancelled:
                self.handle = self._open_text(texts)
            elif self.handle and self.pages and not self._cancelled:
                self.handle.hint(document.text)
                self.compression = self.handle.compression(self._shown())
        except Exception as error:
            self.error = told(error)
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

    def kept(self) -> Literal["memory", "disk", "nowhere"]:
        """Where the features of all pages can be had from again: the slowest tier that is needed."""
        if self.state != "ready":
            return "nowhere"
        tiers = {self.store.where(feature_key(page.digest, self.engine.identity)) for page in list(self.pages)}
        if None in tiers:
            return "nowhere"
        return "disk" if "disk" in tiers else "memory"

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
        reads."""
        rendered: queue.Queue[Page | Exception | None] = queue.Queue(maxsize=PAGES_AHEAD)
        stop = threading.Event()
        painter = threading.Thread(target=self._paint, args=(document, rendered, stop), daemon=True)
        painter.start()
        done = 0
        try:
            while not self._cancelled and (page := rendered.get()) is not None:
                if isinstance(page, Exception):
                    raise page
                self._set_progress("encode", done)
                start = time.perf_counter()
                if handle is not None:
                    features = self._features(page)
                    self.encoded += 1
                    handle.append(features)
                    self.prefilled += 1
                self.timings.encode += time.perf_counter() - start
                done += 1
            self._set_progress("encode", done)
        finally:
            stop.set()
            while painter.is_alive():
                _drain(rendered)
                painter.join(timeout=0.05)

    def _paint(self, document: Document, rendered: queue.Queue[Page | Exception | None], stop: threading.Event) -> None:
        try:
            style = resolve_style(self.settings.rendering, document.text, self.engine.name)
            first, last = self.settings.documents.page_range
            start = time.perf_counter()
            for page in render(document, style):
                if page.index + 1 < first:
                    continue
                if last is not None and page.index + 1 > last:
                    self.warnings.append(_partial_warning(first, last))
                    break
                image = self._image(page.digest)
                if not image.exists():
                    image.write_bytes(encode_png(page.pixels))
                self.pages.append(PageView(page.index + 1, page.span, page.size, page.digest, page.lines, image))
                self.timings.render += time.perf_counter() - start
                rendered.put(page)
                if stop.is_set():
                    return
                start = time.perf_counter()
            if not self.pages:
                raise _no_such_pages(self.settings.documents.pages)
            self.total = len(self.pages)
            self.warnings.extend(_boxes_warning(missing_characters(document.text, style)))
            rendered.put(None)
        except Exception as error:
            rendered.put(error)

    def _features(self, page: Page) -> PageFeatures:
        if not self.settings.inference.reuse_cache:
            return self.engine.encode(page)
        features = self.store.get(feature_key(page.digest, self.engine.identity))
        if features is None:
            features = self._encode(page)
        else:
            self.pages_from_store += 1
        return replace(features, again=partial(self._again, page.digest))

    def _again(self, digest: str) -> PageFeatures:
        """Features of a page that was read before: from the store, else from the page's picture."""
        features = self.store.get(feature_key(digest, self.engine.identity))
        return features or self._encode(Page(0, decode_png(self._image(digest).read_bytes())))

    def _encode(self, page: Page) -> PageFeatures:
        features = self.engine.encode(page)
        with contextlib.suppress(MemoryError):  # a page that cannot be kept is read all the same
            # Its precision may have changed meanwhile, and its identity with it.
            self.store.put(feature_key(page.digest, self.engine.identity), features)
        return features

    def _image(self, digest: str) -> Path:
        return self.folder / f"{digest}.png"

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


def told(error: Exception) -> GlyphError:
    """What people hear of an error; the log has those that are bugs."""
    if isinstance(error, GlyphError):
        return error
    if isinstance(error, MemoryError):
        return out_of_memory()
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return disk_full()
    log.error("something went wrong inside", exc_info=error)
    return internal_error()


def disk_full() -> GlyphError:
    return GlyphError(
        "disk_full",
        "The disk for temporary files is full. Free some space, or set TMPDIR to another, and open the file again.",
        "临时文件所在的磁盘已满。请清理空间，或将 TMPDIR 指向其他磁盘，然后重新打开文件。",
    )


def internal_error() -> GlyphError:
    return GlyphError(
        "internal",
        "Something went wrong inside. The log has the details; try again, or try another file.",
        "内部出错。日志中有详细信息；请重试，或换一个文件。",
    )


def _partial_warning(first: int, last: int) -> Message:
    return Message(
        f"Only pages {first} to {last} are read, as asked for. The document has more.",
        f"按要求只阅读第 {first} 至 {last} 页。文档还有更多页面。",
    )


def _no_such_pages(pages: str) -> GlyphError:
    return SettingsError(
        "no_such_pages",
        f"The document has no pages in the range '{pages}'. Choose a smaller first page.",
        f"文档中没有“{pages}”范围内的页面。请选择更小的起始页。",
    )


def _boxes_warning(missing: dict[str, int]) -> list[Message]:
    """One warning naming the characters that are drawn as boxes, or none."""
    if not missing:
        return []
    shown = " ".join(sorted(missing, key=lambda character: -missing[character])[:10])
    count = sum(missing.values())
    return [
        Message(
            f"{count} characters are in no font and are drawn as boxes: {shown}. Name another font: rendering.font.",
            f"{count} 个字符没有可用字体，已画成方框: {shown}。可用 rendering.font 指定其他字体。",
        )
    ]


def _drain(waiting: queue.Queue[Page | Exception | None]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()
