"""The embedded engine: OCR and retrieval. It is no vision-language model and compresses nothing: pages are read back
into text, and answers are sentences of the document with their place. A small language model that the settings name
adds a sentence to answers in English."""

from __future__ import annotations

import errno
import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from glyph_demo.engines.base import AskOptions, Engine, FeatureSource, OpenDocument, Turn
from glyph_demo.engines.events import (
    Box,
    Event,
    Events,
    Evidence,
    FilePage,
    Finished,
    Progress,
    Reason,
    Region,
    Timings,
    Token,
    Usage,
)
from glyph_demo.engines.pocket.answering import Document, Shown
from glyph_demo.engines.pocket.intents import FINDS_PASSAGES, wants_summary, wants_writing
from glyph_demo.engines.pocket.quotes import Quote
from glyph_demo.engines.pocket.refusals import NEAREST, NOT_FOUND, hardly_read, refusal
from glyph_demo.engines.pocket.sentences import read_lines, split_sentences
from glyph_demo.engines.pocket.vectors import SHA256, Encoder, is_known, load_encoder, nearness, page_vectors
from glyph_demo.engines.registry import engine_kind
from glyph_demo.errors import EngineError, GlyphError, Language, ran_out_of_memory, shown
from glyph_demo.models.base import LoadProgress, digest
from glyph_demo.rendering.page import Page
from glyph_demo.rendering.style import resolve_style
from glyph_demo.settings import Settings
from glyph_demo.store import PageFeatures

if TYPE_CHECKING:
    from glyph_demo.engines.pocket.phrasing import Phraser
    from glyph_demo.engines.pocket.reader import Reader

log = logging.getLogger(__name__)

READER_VERSION = 3  # raise it when the same page may be read differently: stored features are then ignored
RECOGNITION = "PP-OCRv6_rec_small.onnx"
DETECTION = "PP-OCRv6_det_small.onnx"
LOAD_PATIENCE = 10.0  # seconds that an answer with its quotes shown waits for the language model to load

IN_SHORT = "In short: "
# How Python and the safetensors library report a full disk: ENOSPC, EFBIG, EDQUOT.
_FULL = re.compile(rf"\b(?:Errno |os error )(?:{errno.ENOSPC}|{errno.EFBIG}|{errno.EDQUOT})\b")
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")


class PocketEngine(Engine):
    """The reader is loaded in the background, and so is a language model at the first `open_document` if the settings
    name one. Raises EngineError `reader_missing` without the reader's files."""

    name = "pocket"

    def __init__(self, settings: Settings, progress: LoadProgress | None = None) -> None:
        recognition, detection = reader_files()
        self._settings = settings
        by_meaning = is_known()
        vectors = f"-vectors-{SHA256[:16]}" if by_meaning else ""
        self._identity = (
            f"pocket-{READER_VERSION}-{recognition.stem}-{digest([recognition])[:16]}"
            f"-{detection.stem}-{digest([detection])[:16]}{vectors}-float32"
        )
        self._loader = ThreadPoolExecutor(1, "pocket-load")
        self._load = partial(_load_reader, recognition, detection, settings)
        self._reader = self._loader.submit(self._load)
        self._encoder = self._loader.submit(load_encoder) if by_meaning else None
        self._phraser: Future[Phraser | None] | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def answers_partial_reading(self) -> bool:
        return True

    def encode(self, page: Page) -> PageFeatures:
        """Lines read from the page's pixels; arrays and texts as `Reader.read` says, with those of `page_vectors`."""
        reader = self._loaded_reader()
        with self._lock:
            features = reader.read(page.pixels)
        if self._encoder is None:
            return features
        return replace(features, arrays={**features.arrays, **page_vectors(self._encoder.result(), features)})

    def unknown_characters(self, text: str) -> dict[str, int]:
        return self._loaded_reader().unknown_characters(text)

    def _loaded_reader(self) -> Reader:
        try:
            return self._reader.result()
        except Exception:
            self._reader = self._loader.submit(self._load)  # for the next try
            raise

    def open_document(
        self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None
    ) -> PocketDocument:
        with self._lock:
            if self._phraser is None and self._settings.pocket.language_model not in ("auto", "none"):
                self._phraser = self._loader.submit(_load_phraser, self._settings, self._closed)
        return PocketDocument(features, self._phraser, self._encoder)

    def close(self) -> None:
        self._closed.set()
        self._loader.shutdown(wait=False, cancel_futures=True)


class PocketDocument(OpenDocument):
    """A document as text recognised from the pixels alone. `tokens` is None: the language model sees only quotes."""

    def __init__(
        self,
        features: Sequence[PageFeatures],
        phraser: Future[Phraser | None] | None,
        encoder: Future[Encoder] | None = None,
    ) -> None:
        self._pages = list(features)
        self._read: tuple[int, Document] | None = None  # of so many pages; None until all are read or a question comes
        self._phraser = phraser
        self._encoder = encoder
        self._file_page: Callable[[int, Box], FilePage | None] = lambda page, box: None

    def hint_file_pages(self, find: Callable[[int, Box], FilePage | None]) -> None:
        self._file_page = find

    def append(self, features: PageFeatures) -> None:
        """May be called while another thread answers, which goes by the pages that there were."""
        self._pages.append(features)

    def hint_text(self, text: str) -> None:
        """The text is not used. All pages are read now: index them, so that the first question need not."""
        self._document(tuple(self._pages))

    def read_lines(self) -> tuple[Region, ...]:
        lines = read_lines(tuple(self._pages))
        return tuple(Region(line.page, line.number, line.text, (line.box,), 1.0) for line in lines)

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        """Yield Evidence, a Token for every part of the answer and, for English questions, a phrased sentence if the
        quotes support it. `options.max_new_tokens` limits the phrased sentence; `options.temperature` is not used."""
        clock = _Clock()
        language: Language = "zh" if _IDEOGRAPH.search(question) else "en"
        pages = tuple(self._pages)
        parts, sure = ([], True) if wants_writing(question) else self._find(pages, question, history, language)
        quotes = [part for part in parts if isinstance(part, Quote)]
        clock.prompt_done()
        if not quotes:
            clock.token_shown()
            why = refusal(question, pages)
            yield Token((FINDS_PASSAGES if why is NOT_FOUND and wants_writing(question) else why).text(language))
            yield Finished(Usage(), clock.timings(), "not_found")
            return
        regions = tuple(region for quote in quotes for region in quote.regions())
        yield Evidence(regions, ranked=_ranked(question, parts, quotes))
        clock.token_shown()
        if not sure:
            yield Token(f"{NEAREST.text(language)}\n\n")
        for i, part in enumerate(parts):
            text = part if isinstance(part, str) else part.cited(language, self._page_of(part))
            yield Token(("\n\n" if i else "") + text)
        usage: Usage = Usage()
        reason: Reason = "stop" if sure else "not_found"
        if sure and language == "en" and options.max_new_tokens > 0:
            usage, reason = yield from self._phrase(question, quotes, options, clock)
        yield Finished(usage, clock.timings(), reason)

    def _find(
        self, pages: tuple[PageFeatures, ...], question: str, history: Sequence[Turn], language: Language
    ) -> tuple[Shown, bool]:
        """What answers the question, or is near it; empty if nothing is. And whether it seems to answer it."""
        parts, sure = self._document(pages).answer(
            question, history, language, lambda quote: quote.place(language, self._page_of(quote), line=False)
        )
        return ([], False) if not sure and hardly_read(pages) else (parts, sure)

    def _document(self, pages: tuple[PageFeatures, ...]) -> Document:
        read = self._read
        if read is None or read[0] != len(pages):
            sentences = split_sentences(pages)
            near = None if self._encoder is None else nearness(self._encoder.result(), pages, sentences)
            read = self._read = len(pages), Document(sentences, near)
        return read[1]

    def _page_of(self, quote: Quote) -> FilePage | None:
        return self._file_page(quote.lines[0].page, quote.lines[0].box)

    def _phrase(
        self, question: str, quotes: list[Quote], options: AskOptions, clock: _Clock
    ) -> Generator[Event, None, tuple[Usage, Reason]]:
        phraser = yield from self._wait_for_phraser()
        if phraser is None:
            return Usage(), "stop"
        texts = [quote.text for quote in quotes]
        sources = [sentence for quote in quotes for sentence in quote.sentences]
        steps = phraser.phrase(question, texts, sources, options.max_new_tokens, options.reuse_kv)
        with closing(steps):
            try:
                while True:
                    done, most = next(steps)
                    clock.token_decoded()
                    yield Progress("decode", done, most)
            except StopIteration as end:
                phrase = end.value
            except Exception as error:  # the quotes are already shown; the sentence is extra
                if not isinstance(error, GlyphError) and not ran_out_of_memory(error):
                    raise
                log.info("no phrased sentence: %s", error)
                return Usage(), "stop"
        if phrase.sentence is not None:
            yield Token(f"\n\n{IN_SHORT}{phrase.sentence}")
        return Usage(phrase.cached + phrase.computed, phrase.cached, phrase.generated), "stop"

    def _wait_for_phraser(self) -> Generator[Event, None, Phraser | None]:
        """Return the phraser; None if there is none or it is not loaded within LOAD_PATIENCE. Yields Progress."""
        if self._phraser is None:
            return None
        deadline = time.monotonic() + LOAD_PATIENCE
        while not self._phraser.done():
            if time.monotonic() > deadline:
                return None
            yield Progress("load", 0)
            wait([self._phraser], timeout=0.1)
        return None if self._phraser.cancelled() else self._phraser.result()


def _ranked(question: str, parts: Shown, quotes: list[Quote]) -> bool:
    """Whether the first quote is the best one: quotes that were found have scores, or stand below a short answer. Those
    of a summary or a part of the document belong together."""
    if wants_summary(question):
        return False
    return isinstance(parts[0], str) or len({quote.score for quote in quotes}) > 1


class _Clock:
    """Measures the Timings of one turn."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._prefill = self._first_token = 0.0
        self._decode_start: float | None = None
        self._decode = 0.0

    def prompt_done(self) -> None:
        self._prefill = self._now()

    def token_shown(self) -> None:
        self._first_token = self._now()

    def token_decoded(self) -> None:
        """The first call marks the end of the phrasing prompt's prefill."""
        if self._decode_start is None:
            self._decode_start = self._prefill = self._now()
        self._decode = self._now() - self._decode_start

    def timings(self) -> Timings:
        return Timings(self._prefill, self._first_token, self._decode, self._now())

    def _now(self) -> float:
        return time.perf_counter() - self._start


def reader_files() -> tuple[Path, Path]:
    """The recognition and detection networks inside the package rapidocr, found without importing it."""
    spec = find_spec("rapidocr")
    for place in (spec.submodule_search_locations if spec else None) or []:
        files = Path(place) / "models" / RECOGNITION, Path(place) / "models" / DETECTION
        if all(file.is_file() for file in files):
            return files
    raise EngineError(
        "reader_missing",
        "The page reader's files are not installed. Run: pip install rapidocr onnxruntime opencv-python-headless",
        "未安装页面识别所需的文件。请运行: pip install rapidocr onnxruntime opencv-python-headless",
    )


def _load_reader(recognition: Path, detection: Path, settings: Settings) -> Reader:
    from glyph_demo.engines.pocket.reader import Reader

    style = resolve_style(settings.rendering, "", engine_kind(PocketEngine.name).page_style)
    return Reader(recognition, detection, settings.pocket.threads, style)


def _load_phraser(settings: Settings, closed: threading.Event) -> Phraser | None:
    """The phraser; None if there is no language model, so that answers are quotes only. After `closed` errors say
    nothing about the model, because libraries get no more threads while a process exits."""
    from glyph_demo.engines.pocket.phrasing import Phraser
    from glyph_demo.models.language import load_language_model

    try:
        return Phraser(load_language_model(settings.pocket.language_model, settings.cache_path))
    except Exception as error:
        if closed.is_set():
            return None
        if _FULL.search(f"{error} {error.__cause__}"):
            error = _cache_full(settings)
        if not isinstance(error, GlyphError) and not ran_out_of_memory(error):
            raise
        log.warning("answers are quotes only: %s", error)
        return None


def _cache_full(settings: Settings) -> GlyphError:
    folder = shown(settings.cache_path)
    return GlyphError(
        "cache_full",
        f"The disk of the cache folder {folder} is full. Free some space, or set cache_dir to another one.",
        f"缓存目录 {folder} 所在的磁盘已满。请清理空间，或将 cache_dir 设为其他目录。",
    )
