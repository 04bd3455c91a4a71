"""A stub engine whose answer depends on everything that it should depend on and on nothing else: the pixels of the
document's pages, the turns that count, and the question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Event, Finished, Progress, Timings, Token, Usage
from glyph_demo.store import PageFeatures
from tests.fakes import FakeEngine, FakeHandle

WORDS = 12  # of an answer


class EchoEngine(FakeEngine):
    identity = "echo-1"

    def open_document(self, features: Sequence[PageFeatures] = (), source=None) -> EchoHandle:
        self.open_handles += 1
        return EchoHandle(self, features)


class EchoHandle(FakeHandle):
    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Iterator[Event]:
        said = repr((self.digests, [(turn.question, turn.answer) for turn in history], question))
        digest = hashlib.sha256(said.encode()).hexdigest()
        for start in range(0, 5 * WORDS, 5):
            yield Progress("decode", start, None)
            yield Token(digest[start : start + 5] + " ")
        yield Finished(Usage(10, 5, WORDS), Timings(0.0, 0.0, 0.0, 0.0), "stop")
