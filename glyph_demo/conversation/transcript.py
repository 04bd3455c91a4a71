"""What was asked about a document and what was answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from glyph_demo.engines.base import Turn
from glyph_demo.engines.events import (
    Event,
    Evidence,
    Finished,
    Heat,
    Notice,
    Progress,
    Region,
    Thinking,
    Token,
)
from glyph_demo.errors import Message


@dataclass(eq=False, slots=True)
class Exchange:
    """A question and what came back so far: what the events of an answer add up to. `finished` stays None for an answer
    that was stopped. `reused` are the pages that did not have to be read anew for it, and all pages."""

    question: str
    answer: str = ""
    thinking: str = ""
    thinking_seconds: float = 0.0
    regions: tuple[Region, ...] = ()
    notices: tuple[Message, ...] = ()
    reused: tuple[int, int] = (0, 0)
    finished: Finished | None = None
    heat: tuple[Heat, ...] = ()
    progress: Progress | None = None
    running: bool = False
    _thought_at: float | None = None

    def take(self, event: Event) -> None:
        if isinstance(event, Token):
            self.answer += event.text
        elif isinstance(event, Thinking):
            self._thought_at = self._thought_at or time.monotonic()
            self.thinking += event.text
            self.thinking_seconds = time.monotonic() - self._thought_at
        elif isinstance(event, Evidence):
            self.regions, self.heat = event.regions, event.heat
        elif isinstance(event, Progress):
            self.progress = event
        elif isinstance(event, Notice):
            self.notices = (*self.notices, event.message)
        else:
            self.finished = event


class Transcript:
    """The one record of a conversation: windows, files and engines derive theirs from it. A question that is being
    asked enters it with the first token of its answer. Until then, and if that never comes, everything is as it was,
    also what an edit or a retry is to replace. Thread-safe."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._exchanges = list(exchanges)
        self._asked: tuple[Exchange, int] | None = None  # and where it will be
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def exchanges(self) -> list[Exchange]:
        """What was answered, oldest first, the answer that is being written included."""
        return list(self._exchanges)

    @property
    def shown(self) -> list[Exchange]:
        """`exchanges` as they will be once the question that is being asked gets its answer."""
        with self._lock:
            if self._asked is None:
                return list(self._exchanges)
            exchange, at = self._asked
            return [*self._exchanges[:at], exchange]

    def turns(self, before: int | None = None) -> tuple[Turn, ...]:
        """What an engine is told of the first `before` exchanges, of all by default. An answer may have been empty."""
        return tuple(Turn(each.question, each.answer) for each in self._exchanges[:before] if each.answer)

    @contextmanager
    def asking(self, exchange: Exchange, at: int | None = None) -> Iterator[tuple[Turn, ...]]:
        """Meanwhile `exchange` is being asked, in place of exchange `at` (from 0) and all after it, or after the last.
        Yields the turns before it."""
        with self._lock:
            at = len(self._exchanges) if at is None else at
            exchange.running = True
            self._asked = exchange, at
        try:
            yield self.turns(at)
        finally:
            with self._lock:
                exchange.running = False
                self._asked = None

    def commit(self) -> None:
        """The answer to the question that is being asked has begun: it takes its place, once."""
        with self._lock:
            if self._asked is not None:
                exchange, at = self._asked
                self._exchanges[at:], self._asked = [exchange], None

    def undo(self) -> Exchange | None:
        """Take the last exchange back."""
        with self._lock:
            return self._exchanges.pop() if self._exchanges else None

    def clear(self) -> None:
        with self._lock:
            self._exchanges.clear()
