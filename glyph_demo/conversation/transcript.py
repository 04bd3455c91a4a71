"""The conversation about a document."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from glyph_demo.conversation.checked.claim import Claim, lines_of
from glyph_demo.conversation.row import Row
from glyph_demo.engines.base import Turn
from glyph_demo.engines.events import Event, Evidence, Finished, Heat, Notice, Progress, Region, Thinking, Token
from glyph_demo.errors import Message


@dataclass(eq=False, slots=True)
class Exchange:
    """A question and its answer so far, the sum of the events. `finished` stays None if the answer was stopped.
    `reused` is (pages that did not have to be read again for the answer, all pages). `ranked` is as in Evidence.
    `read_so_far` is (pages, all pages or None) for an answer from the pages that were read when it was given; it is
    answered again when the rest is read. `claims` are held against the document once the answer has ended; the lines
    that have them are its `regions` if the engine names none.
    A question to all opened documents names its own `document`, and has the answers of the `others`; once `tabled`, the
    table of many documents has them."""

    question: str
    answer: str = ""
    thinking: str = ""
    thinking_seconds: float = 0.0
    regions: tuple[Region, ...] = ()
    notices: tuple[Message, ...] = ()
    reused: tuple[int, int] = (0, 0)
    finished: Finished | None = None
    heat: tuple[Heat, ...] = ()
    ranked: bool = False
    claims: tuple[Claim, ...] = ()
    document: str = ""
    others: tuple[Row, ...] = ()
    tabled: bool = False
    read_so_far: tuple[int, int | None] | None = None
    progress: Progress | None = None
    running: bool = False
    _thought_at: float | None = None

    @property
    def remark(self) -> Message | None:
        """For people: that not all pages have been looked through for the answer."""
        if self.read_so_far is None:
            return None
        pages, total = self.read_so_far
        of_all, of_all_zh = (f" of {total}", f"（共 {total} 页）") if total else ("", "")
        noun = "page" if (total or pages) == 1 else "pages"
        return Message(
            f"Answered from {pages}{of_all} {noun}; answered again when the rest is read.",
            f"此回答依据已读的 {pages} 页{of_all_zh}；其余页面读完后会重新回答。",
        )

    def take(self, event: Event) -> None:
        if isinstance(event, Token):
            self.answer += event.text
        elif isinstance(event, Thinking):
            self._thought_at = self._thought_at or time.monotonic()
            self.thinking += event.text
            self.thinking_seconds = time.monotonic() - self._thought_at
        elif isinstance(event, Evidence):
            self.regions, self.heat, self.ranked = event.regions, event.heat, event.ranked
        elif isinstance(event, Progress):
            self.progress = event
        elif isinstance(event, Notice):
            self.notices = (*self.notices, event.message)
        else:
            self.finished = event

    def check_off(self, claims: tuple[Claim, ...]) -> None:
        self.claims = claims
        self.regions = self.regions or lines_of(claims)


class Transcript:
    """The one record of a conversation; windows, files and engines derive theirs from it. `title` is what a person
    calls it, if they have named it. A question that is being asked enters it with the first token of its answer. Until
    then, and if no token ever comes, nothing changes, not even what an edit or a retry is going to replace.
    Thread-safe."""

    def __init__(self, exchanges: Iterable[Exchange] = (), title: str = "") -> None:
        self.title = title
        self._exchanges = list(exchanges)
        self._asked: tuple[Exchange, int] | None = None  # and its future place
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges, oldest first, including an answer that is being written."""
        return list(self._exchanges)

    @property
    def shown(self) -> list[Exchange]:
        """`exchanges` as they will be once the question that is being asked is answered."""
        with self._lock:
            if self._asked is None:
                return list(self._exchanges)
            exchange, at = self._asked
            return [*self._exchanges[:at], exchange]

    def turns(self, before: int | None = None) -> tuple[Turn, ...]:
        """The first `before` exchanges, by default all, as turns for an engine. Those with an empty answer are left
        out."""
        return tuple(Turn(each.question, each.answer) for each in self._exchanges[:before] if each.answer)

    def before(self, exchange: Exchange) -> tuple[Turn, ...]:
        """The turns before an exchange of the conversation; all if it is not part of it any more."""
        exchanges = self.exchanges
        return self.turns(exchanges.index(exchange) if exchange in exchanges else None)

    @contextmanager
    def asking(self, exchange: Exchange, at: int | None = None) -> Iterator[tuple[Turn, ...]]:
        """While the context is open, `exchange` is being asked, in place of exchange `at` (from 0) and all after it, or
        after the last. Yields the turns before it."""
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
        """Enter the question that is being asked, once: its answer has begun."""
        with self._lock:
            if self._asked is not None:
                exchange, at = self._asked
                self._exchanges[at:], self._asked = [exchange], None

    def replace(self, exchange: Exchange, by: Exchange) -> None:
        """Put another exchange in the place of one, unless that has been taken back meanwhile."""
        with self._lock:
            self._exchanges = [by if each is exchange else each for each in self._exchanges]

    def undo(self) -> Exchange | None:
        """Remove and return the last exchange; None if there is none."""
        with self._lock:
            return self._exchanges.pop() if self._exchanges else None

    def clear(self) -> None:
        with self._lock:
            self._exchanges.clear()
