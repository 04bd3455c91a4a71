"""A conversation over a prefix that is computed once. Turns are token ids; the arena is a memory of some of them.

What the arena holds is compared with what the next prompt needs, and rolled back to where they part. Asking on,
undoing, editing, retrying, stopping midway and coming back after eviction are therefore one path.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from glyph_demo.decoding.arena import START, KVArena, Mark
from glyph_demo.decoding.decoder import Decoder, Segment, text
from glyph_demo.decoding.draft import Drafter, Speculation
from glyph_demo.decoding.loop import Reason, decode, prefill
from glyph_demo.decoding.probe import attention
from glyph_demo.decoding.sampling import GREEDY, Sampler, Sampling
from glyph_demo.errors import GlyphError

_uses = itertools.count(1)  # a clock for "least recently used"


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer as token ids, without the ids that end an answer. Of the prompt's tokens `cached` were
    in the arena and `computed` were not. `speculation` is None for an answer without drafts."""

    question: tuple[int, ...]
    answer: tuple[int, ...]
    reason: Reason
    cached: int
    computed: int
    speculation: Speculation | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """How to answer. `reuse=False` computes prefix and turns anew. `progress(done, total)` counts the prompt tokens to
    compute and may raise to stop there. `penalised` are tokens that the repetition penalty holds down besides the
    answer's own, such as the prompt's. `draft` are the ids of a text that the answer may quote: with it, tokens are
    drafted from that text, the turns and the answer itself, so that it takes fewer forwards; it is the same answer."""

    max_tokens: int = 512
    sampling: Sampling = GREEDY
    reuse: bool = True
    progress: Callable[[int, int], None] | None = None
    penalised: frozenset[int] = frozenset()
    draft: Sequence[int] | NDArray[np.int64] | None = None


DEFAULTS = Answering()


def busy() -> GlyphError:
    return GlyphError(
        "busy",
        "An answer is still being written. Stop it first, or wait for its end.",
        "上一个回答仍在生成。请先停止，或等待其完成。",
    )


class Dialogue:
    """Turns over a prefix of segments in an arena of its own; a second answer during the first raises `busy`.

    `answer_end` are the ids between an answer and the next question (`<|im_end|>\\n` in ChatML). Closing an answer's
    iterator stops the work within one step and keeps the tokens so far as that turn's answer. An answer that raises
    before its first token leaves the turns as they were."""

    def __init__(
        self,
        decoder: Decoder,
        arena: KVArena,
        prefix: Sequence[Segment],
        stop_ids: Set[int],
        answer_end: Sequence[int] = (),
    ) -> None:
        self.turns: list[Turn] = []
        self.last_use = next(_uses)
        self._decoder = decoder
        self._prefix = list(prefix)
        self._stop_ids = stop_ids
        self._answer_end = tuple(answer_end)
        self._arena = arena
        self._marks = [START]  # one more than there are prefix segments in the arena
        self._written: list[int] = []  # the ids behind the prefix, in the order they went into the arena
        self._one_at_a_time = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values allocated."""
        return self._arena.nbytes

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Where each prefix segment in the arena begins, and where the last one ends."""
        return tuple(self._marks)

    @property
    def prefix_ids(self) -> frozenset[int]:
        """The ids that occur in the prefix."""
        return frozenset().union(*(segment.ids for segment in self._prefix))

    def prepare(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Compute what is missing of the prefix, so that the first question need not wait for it."""
        for _ in self.preparing(progress):
            pass

    def preparing(self, progress: Callable[[int, int], None] | None = None) -> Iterator[tuple[int, int]]:
        """`prepare` in steps: (tokens done, tokens in all) after every segment. Closing it stops between two."""
        with self._alone():
            counter = _Counter(progress, self._missing())
            for _ in self._prepare(counter):
                yield counter.base, counter.total

    def append(self, segment: Segment) -> None:
        """Lengthen the prefix, as by a page. What was computed of it stays; the turns are computed anew when needed."""
        with self._alone():
            self._prefix.append(segment)

    def arrange(self, prefix: Sequence[Segment]) -> None:
        """Have another prefix. What both begin with, the same segments or the same text, stays computed."""
        with self._alone():
            pairs = zip(self._prefix[: len(self._marks) - 1], prefix, strict=False)
            same = sum(1 for _ in itertools.takewhile(lambda pair: _same(*pair), pairs))
            if same < max(len(self._prefix), len(prefix)):
                del self._marks[same + 1 :]
                self._arena.rollback(self._marks[-1])
                self._written = []
            self._prefix = list(prefix)

    def ask(self, question: Sequence[int], how: Answering = DEFAULTS) -> Iterator[int]:
        """Yield the answer's tokens. Nothing happens before the first is asked for. Raises `context_full`."""
        yield from self._answer(len(self.turns), question, how)

    def complete(self, ids: Sequence[int], how: Answering = DEFAULTS) -> Iterator[int]:
        """Answer after the prefix and `ids` alone, in place of all turns: for callers that keep the turns themselves.
        What `ids` share with what is in the arena is not computed again."""
        yield from self._answer(0, ids, how)

    def edit(self, index: int, question: Sequence[int], how: Answering = DEFAULTS) -> Iterator[int]:
        """Ask `question` in place of turn `index` (from 0); that turn and all later ones go once there is an answer."""
        self._require(index)
        yield from self._answer(index, question, how)

    def retry(self, how: Answering = DEFAULTS) -> Iterator[int]:
        """Ask the last question again."""
        self._require(len(self.turns) - 1)
        yield from self._answer(len(self.turns) - 1, self.turns[-1].question, how)

    def undo(self) -> Turn:
        """Take the last turn back and return it."""
        with self._alone():
            self._require(len(self.turns) - 1)
            return self.turns.pop()

    def attention(self, tokens: range, layers: Collection[int]) -> Iterator[torch.Tensor]:
        """The mean attention that `tokens`, counted from the end of the prefix, pay to each entry of the prefix
        (entries,), in parts to be added up; see `probe.attention`. Nothing for tokens that are no longer in the arena.
        Closing it stops between two parts."""
        with self._alone():
            ids = self._resident()[tokens.start : tokens.stop]
            if len(ids) < len(tokens) or not ids:
                return
            end = self._marks[-1]
            start = Mark(end.length + tokens.start, end.position + tokens.start)
            yield from attention(self._decoder, self._arena, start, ids, layers, end.length)

    def release(self) -> bool:
        """Give the arena's memory back; the next answer computes it again from the token ids. False while answering."""
        if not self._one_at_a_time.acquire(blocking=False):
            return False
        try:
            self._forget()
            self._arena.free()
        finally:
            self._one_at_a_time.release()
        return True

    def _answer(self, keep: int, question: Sequence[int], how: Answering) -> Iterator[int]:
        """Answer `question` after the first `keep` turns, and put it in the place of the others."""
        with self._alone():
            if not how.reuse:
                self._forget()
            ids = [*self._text(self.turns[:keep]), *question]
            answer: list[int] = []
            reason: Reason = "stopped"
            counter = _Counter(how.progress)
            drafter = None if how.draft is None else Drafter([how.draft, ids], how.max_tokens)
            try:
                hidden = self._prefill(ids, counter)
                sampler = Sampler(how.sampling, self._decoder.device, how.penalised)
                reason = yield from decode(
                    self._decoder, self._arena, hidden, sampler, self._stop_ids, how.max_tokens, answer, drafter
                )
            finally:
                self._written.extend(answer)
                if answer or reason != "stopped":
                    prompt = sum(len(s.ids) for s in self._prefix) + len(ids)
                    speculation = None if drafter is None else drafter.counts
                    cached, computed = prompt - counter.total, counter.total
                    turn = Turn(tuple(question), tuple(answer), reason, cached, computed, speculation)
                    self.turns[keep:] = [turn]

    def _text(self, turns: Sequence[Turn]) -> Iterator[int]:
        for turn in turns:
            yield from (*turn.question, *turn.answer, *self._answer_end)

    def _resident(self) -> list[int]:
        """The ids behind the prefix whose keys and values are in the arena."""
        return [] if self._missing() else self._written[: self._arena.length - self._marks[-1].length]

    def _missing(self) -> int:
        """Prefix tokens not in the arena."""
        return sum(len(segment.ids) for segment in self._prefix[len(self._marks) - 1 :])

    def _prefill(self, ids: list[int], counter: _Counter) -> torch.Tensor:
        """Have prefix and `ids` in the arena, and nothing else. Returns the last one's hidden state (hidden,)."""
        if not ids:
            raise ValueError("a question needs at least one token")
        self._arena.reserve(sum(len(segment.ids) for segment in self._prefix) + len(ids))
        # At least the last token runs again: its hidden state is not kept.
        shared = _shared(self._resident(), ids[:-1])
        counter.total = self._missing() + len(ids) - shared
        for _ in self._prepare(counter):
            pass
        end = self._marks[-1]
        self._arena.rollback(Mark(end.length + shared, end.position + shared))
        self._written = list(ids)
        return prefill(self._decoder, self._arena, text(ids[shared:]), counter)

    def _prepare(self, counter: _Counter) -> Iterator[None]:
        for segment in self._prefix[len(self._marks) - 1 :]:
            self._arena.rollback(self._marks[-1])  # drops a segment that was broken off
            prefill(self._decoder, self._arena, segment, counter)
            counter.base += len(segment.ids)
            self._marks.append(self._arena.mark())
            yield

    def _forget(self) -> None:
        self._arena.rollback(START)
        self._marks = [START]

    def _require(self, index: int) -> None:
        if not 0 <= index < len(self.turns):
            raise GlyphError(
                "no_such_turn",
                "There is no such turn in this conversation. Ask a question first.",
                "对话中没有这一轮。请先提问。",
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._one_at_a_time.acquire(blocking=False):
            raise busy()
        try:
            self.last_use = next(_uses)
            yield
        finally:
            self._one_at_a_time.release()


class _Counter:
    """Prompt tokens done: `base` in the segments before, and what the running segment reports."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int = 0) -> None:
        self.base = 0
        self.total = total
        self._progress = progress

    def __call__(self, done: int) -> None:
        if self._progress is not None:
            self._progress(self.base + done, self.total)


def _same(first: Segment, second: Segment) -> bool:
    return first is second or (first.embeds is None and second.embeds is None and first.ids == second.ids)


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two sequences have in common at their beginning."""
    length = min(len(first), len(second))
    return next((i for i in range(length) if first[i] != second[i]), length)
