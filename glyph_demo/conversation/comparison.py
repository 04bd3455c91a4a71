"""One question asked in three ways to compare their cost: over the pages with cached features and KV, over the pages
without any cache, and over the document's text as tokens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from glyph_demo.conversation.errors import no_question
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Event, Events, Progress
from glyph_demo.errors import GlyphError, Message

Way = Literal["kept", "anew", "text"]
# "kept" comes first: after the others the KV cache would hold the question too.
WAYS: tuple[Way, ...] = ("kept", "anew", "text")


@dataclass
class Side:
    """The answer in one way so far. `encode` is the seconds it took to read the pages again, `load` the seconds spent
    waiting for a model to load, which happens once and is not counted against the way."""

    way: Way
    state: Literal["waiting", "running", "done", "stopped"] = "waiting"
    encode: float = 0.0
    load: float = 0.0
    so_far: Exchange = field(default_factory=partial(Exchange, ""))
    error: Message | None = None
    _encoding: float | None = field(default=None, repr=False)
    _loading: float | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float | None:
        """Seconds from the question to the end of the answer, without `load`; None until it has ended."""
        finished = self.so_far.finished
        return None if finished is None else self.encode + finished.timings.total - self.load

    def take(self, event: Event) -> None:
        now = time.perf_counter()
        if self._loading is not None:
            self.load += now - self._loading
        self._loading = now if isinstance(event, Progress) and event.stage == "load" else None
        if isinstance(event, Progress) and event.stage == "encode" and self.way == "anew":
            self._encoding = self._encoding or now
            self.encode = now - self._encoding
        self.so_far.take(event)


def compare(session: DocumentSession, question: str) -> Generator[list[Side], None, None]:
    """Ask the current document in each way in turn. Yields all sides at once and whenever one has changed. A way
    that the engine does not offer has `error` set. Closing the iterator stops the engine. Nothing is recorded. Raises
    the GlyphError of the first way, such as that of a document that cannot be read."""
    if not question.strip():
        raise no_question()
    sides = [Side(way) for way in WAYS]
    for side in sides:
        side.state = "running"
        try:
            with contextlib.closing(_asked(session, question, side.way)) as events:
                yield sides
                for event in events:
                    side.take(event)
                    yield sides
            side.state = "done"
        except GlyphError as error:
            if side.way == "kept":
                raise
            side.state, side.error = "done", error.message
        finally:
            if side.state == "running":
                side.state = "stopped"
        yield sides


def _asked(session: DocumentSession, question: str, way: Way) -> Events:
    if way == "text":
        history = session.current.transcript.turns() if session.current else ()
        return session.ask_as_text(question, session.options(reuse_kv=False), history)
    return session.ask_aside(question, session.options(reuse_kv=way == "kept"), read_again=way == "anew")
