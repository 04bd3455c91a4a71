"""A document of the embedded engine: what was read of its pages, and its answers."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from glyph_demo.engines.base import AskOptions, FeatureSource, OpenDocument, Overview, Turn
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
from glyph_demo.engines.pocket.overview import overview_of
from glyph_demo.engines.pocket.own_questions import own_questions
from glyph_demo.engines.pocket.quotes import Quote
from glyph_demo.engines.pocket.refusals import NEAREST, NOT_FOUND, hardly_read, refusal
from glyph_demo.engines.pocket.sentences import Sentence, read_lines, split_sentences
from glyph_demo.engines.pocket.vectors import Encoder, Near, nearness, page_vectors
from glyph_demo.errors import GlyphError, Language, ran_out_of_memory
from glyph_demo.store import PageFeatures

if TYPE_CHECKING:
    from glyph_demo.engines.pocket.phrasing import Phraser

log = logging.getLogger(__name__)

LOAD_PATIENCE = 10.0  # seconds that an answer with its quotes shown waits for the language model to load
STEP = 0.1  # seconds between two chances to stop while the document is made
IN_SHORT = "In short: "
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")


class PocketDocument(OpenDocument):
    """A document as text recognised from the pixels alone. `tokens` is None: the language model sees only quotes."""

    def __init__(
        self,
        features: Sequence[PageFeatures],
        phraser: Future[Phraser | None] | None,
        encoder: Future[Encoder] | None = None,
        background: ThreadPoolExecutor | None = None,
        source: FeatureSource | None = None,
    ) -> None:
        self._pages = list(features)
        self._read: _Read | None = None  # None until all pages are read or a question comes
        self._phraser = phraser
        self._encoder = encoder
        self._background = background
        self._source = source
        self._read_lock, self._vectors_lock = threading.Lock(), threading.RLock()
        self._vectors: Future[None] | None = None  # of all pages; None until all are read, or where there are none
        self._closed = False
        self._file_page: Callable[[int, Box], FilePage | None] = lambda page, box: None

    def hint_file_pages(self, find: Callable[[int, Box], FilePage | None]) -> None:
        self._file_page = find

    def append(self, features: PageFeatures) -> None:
        """May be called while another thread answers, which goes by the pages that there were."""
        self._pages.append(features)

    def hint_text(self, text: str) -> None:
        """The text is not used. All pages are read now: index them, so that the first question need not, and begin to
        compute the sentence vectors. A question that comes before they are there waits for them."""
        self._document(tuple(self._pages))
        if self._encoder is not None and self._background is not None:
            with suppress(RuntimeError):  # the engine is closed
                self._vectors = self._background.submit(self._compute_vectors)

    def overview(self) -> Overview | None:
        """With questions, each asked and answered before it is given. Waits for the sentence vectors that are being
        computed, because answers go by them; without them, or closed meanwhile, it has no questions."""
        pages = tuple(self._pages)
        document = self._document(pages)
        found = overview_of(document.sentences, lambda line: self._file_page(line.page, line.box))
        if found is None:
            return None
        if self._vectors is not None:
            if not self._waited(self._vectors):
                return found
        elif self._encoder is not None:
            self._compute_vectors()
        asked = own_questions(
            document, lambda question: self._shown(document, pages, question, (), _language(question))
        )
        return replace(found, questions=asked)

    def _waited(self, vectors: Future[None]) -> bool:
        """Whether the sentence vectors are there, after they have been computed."""
        try:
            return vectors.exception() is None and not self._closed
        except CancelledError:
            return False

    def read_lines(self) -> tuple[Region, ...]:
        lines = read_lines(tuple(self._pages))
        return tuple(Region(line.page, line.number, line.text, (line.box,), 1.0) for line in lines)

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        """Yield Evidence, a Token for every part of the answer and, for English questions, a phrased sentence if the
        quotes support it. `options.max_new_tokens` limits the phrased sentence; `options.temperature` is not used."""
        clock = _Clock()
        language = _language(question)
        pages = tuple(self._pages)
        document = None if wants_writing(question) else (yield from self._making(pages))
        try:
            parts, sure = self._shown(document, pages, question, history, language)
        except _NoVectors:
            for number, page in enumerate(pages):
                if "vectors" not in page.arrays:
                    yield Progress("prefill", number, len(pages))  # so that it can be stopped
                    self._with_vectors(number)
            parts, sure = self._shown(document, pages, question, history, language)
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

    def _shown(
        self,
        document: Document | None,
        pages: tuple[PageFeatures, ...],
        question: str,
        history: Sequence[Turn],
        language: Language,
    ) -> tuple[Shown, bool]:
        """What answers the question, or is near it; empty if nothing is. And whether it seems to answer it."""
        if document is None:
            return [], True
        parts, sure = document.answer(
            question, history, language, lambda quote: quote.place(language, self._page_of(quote), line=False)
        )
        return ([], False) if not sure and hardly_read(pages) else (parts, sure)

    def _making(self, pages: tuple[PageFeatures, ...]) -> Generator[Event, None, Document]:
        """`_document`, which takes seconds of hundreds of pages: on a thread, so that it can be left. What has been
        begun is made, and serves the next question."""
        made: Future[Document] = Future()

        def make() -> None:
            with self._read_lock:
                if not made.set_running_or_notify_cancel():
                    return
                try:
                    made.set_result(self._made(pages))
                except BaseException as error:
                    made.set_exception(error)

        threading.Thread(target=make, name="document", daemon=True).start()
        try:
            while not wait([made], STEP).done:
                yield Progress("prefill", 0, len(pages))
            return made.result()
        finally:
            made.cancel()  # as long as another one is being made

    def _document(self, pages: tuple[PageFeatures, ...]) -> Document:
        with self._read_lock:
            return self._made(pages)

    def _made(self, pages: tuple[PageFeatures, ...]) -> Document:
        """The last one that was made is kept, unless it was of fewer pages."""
        kept = self._read
        if kept is not None and kept.pages == len(pages):
            return kept.document
        sentences = split_sentences(pages)
        near = self._nearness(len(pages), sentences)
        made = _Read(len(pages), Document(sentences, near), near)
        if kept is None or kept.pages < made.pages:
            self._read = made
        return made.document

    def _nearness(self, pages: int, sentences: Sequence[Sentence]) -> Near | None:
        """`nearness` of the first `pages` pages. Raises _NoVectors while not all of them have theirs."""
        if self._encoder is None:
            return None
        encoder = self._encoder

        @cache
        def near() -> Near:
            if any("vectors" not in page.arrays for page in self._pages[:pages]):
                raise _NoVectors
            return nearness(encoder.result(), self._pages[:pages], sentences)

        return lambda question: near()(question)

    def _with_vectors(self, number: int) -> PageFeatures:
        """Page `number`, from 0, with its sentence vectors, which are computed once and kept with it."""
        assert self._encoder is not None
        encoder = self._encoder.result()
        with self._vectors_lock:
            page = self._pages[number]
            if "vectors" not in page.arrays:
                page = replace(page, arrays={**page.arrays, **page_vectors(encoder, page)})
                self._pages[number] = page
                if self._source is not None:
                    self._source.update(number, page)
            return page

    def _compute_vectors(self) -> None:
        for number in range(len(self._pages)):
            if self._closed:
                return
            self._with_vectors(number)
        if self._read is not None and self._read.near is not None:
            self._read.near("")  # those of sentences over two pages, so that nothing is left for the first question

    def close(self) -> None:
        self._closed = True

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


def _language(question: str) -> Language:
    return "zh" if _IDEOGRAPH.search(question) else "en"


class _NoVectors(Exception):
    """A search needs the sentence vectors of pages that have none yet."""


class _Read(NamedTuple):
    """What was made of the first `pages` pages."""

    pages: int
    document: Document
    near: Near | None


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
