"""An engine small enough to reason about: it `reads` a page as the digest of its pixels and answers word by word."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from glyph_demo.conversation.reading import Reading
from glyph_demo.engines.base import AskOptions, Engine, FeatureSource, OpenDocument, Turn
from glyph_demo.engines.events import Events, Evidence, Finished, Heat, Progress, Region, Timings, Token, Usage
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Page
from glyph_demo.store import PageFeatures

T = TypeVar("T")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, run in an event loop on a thread of its own: a browser's driver has one on this."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class FakeEngine(Engine):
    name = "pocket"
    identity = "fake-1"

    def __init__(self, page_seconds: float = 0.0, token_seconds: float = 0.0) -> None:
        self.page_seconds = page_seconds
        self.token_seconds = token_seconds
        self.encoded: list[str] = []
        self.open_handles = 0
        self.steps = 0
        self.encoding = threading.Event()
        self.fail_with: Exception | None = None

    def encode(self, page: Page) -> PageFeatures:
        self.encoding.set()
        time.sleep(self.page_seconds)
        if self.fail_with:
            raise self.fail_with
        self.encoded.append(page.digest)
        return PageFeatures({"ink": np.array([int((page.pixels < 128).sum())])}, (page.digest,))

    def open_document(self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None) -> "FakeHandle":
        self.open_handles += 1
        return FakeHandle(self, features)


class FakeHandle(OpenDocument):
    def __init__(self, engine: FakeEngine, features: Sequence[PageFeatures]) -> None:
        self.engine = engine
        self.digests = [f.texts[0] for f in features]

    @property
    def tokens(self) -> int:
        return 640

    def append(self, features: PageFeatures) -> None:
        self.digests.append(features.texts[0])

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        if question == "fail":
            raise EngineError("fake_failure", "It failed. Try again.", "失败了。请重试。")
        if question == "crash":
            raise RuntimeError("a bug inside")
        if question == "absent":
            yield Token("The document does not say. ")
            yield Finished(Usage(), Timings(), "not_found")
            return
        if self.digests:
            quoted = Region(1, 1, "quoted line", ((16, 16, 200, 30),), 1.0)
            yield Evidence((quoted,), (Heat(1, 2, 2, (1.0, 0.5, 0.0, 0.0)),))
        words = f"{len(self.digests)} pages, turn {len(history) + 1}: {question}".split(" ")
        for word in words[: options.max_new_tokens]:
            self.engine.steps += 1
            time.sleep(self.engine.token_seconds)
            yield Progress("decode", self.engine.steps, None)
            yield Token(word + " ")
        yield Finished(Usage(10, 5, len(words)), Timings(0.1, 0.2, 0.3, 0.6), "stop")

    def compression(self, text: str) -> float | None:
        return len(text) / len(self.digests) if text else None

    def close(self) -> None:
        self.engine.open_handles -= 1


class PageByPage(FakeEngine):
    """Reads a page when it is let. The answer to "on 3?" is on page 3."""

    answers_partial_reading = True

    def __init__(self) -> None:
        super().__init__()
        self.pages = threading.Semaphore(0)
        self.tries: list[tuple[str, int, tuple[Turn, ...]]] = []
        self.broken = False

    def let(self, reading: Reading, pages: int) -> None:
        """Have so many more pages be read."""
        until = reading.prefilled + pages
        for _ in range(pages):
            self.pages.release()
        while reading.prefilled < until:
            time.sleep(0.005)

    def encode(self, page: Page) -> PageFeatures:
        assert self.pages.acquire(timeout=60)
        return super().encode(page)

    def open_document(
        self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None
    ) -> "PageByPageHandle":
        self.open_handles += 1
        return PageByPageHandle(self, features)


class PageByPageHandle(FakeHandle):
    engine: PageByPage

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        read = len(self.digests)
        self.engine.tries.append((question, read, tuple(history)))
        if self.engine.broken:
            raise EngineError("broken", "It broke off. Ask again.", "中断了。请重试。")
        if read < int(question[3]):
            yield Token("The document does not seem to say.")
            yield Finished(Usage(), Timings(), "not_found")
            return
        yield from super().answer(question, history, replace(options, max_new_tokens=9))
