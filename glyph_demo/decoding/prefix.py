"""A prefix whose keys and values are computed once, and completions of prompts that begin with it.

What the arena holds is compared with what the next prompt needs, and rolled back to where they part. Asking on,
undoing, editing, retrying, stopping midway and coming back after eviction are therefore one path.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from glyph_demo.decoding.arena import START, KVArena, Mark
from glyph_demo.decoding.decoder import Decoder, Segment, text
from glyph_demo.decoding.draft import Costs, Drafter, Speculation
from glyph_demo.decoding.kept import BLOCK, Keeper, Link, behind, chain
from glyph_demo.decoding.loop import Reason, decode, prefill, prefilling
from glyph_demo.decoding.probe import attention
from glyph_demo.decoding.sampling import GREEDY, Sampler, Sampling
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.errors import GlyphError

_uses = itertools.count(1)  # a clock for "least recently used"


@dataclass(frozen=True, slots=True)
class Completion:
    """The token ids of an answer, without the id that ended it, and why it ended. Of the prompt's tokens, prefix
    included, `cached` were in the arena and `computed` were not. `speculation` is None where nothing was drafted."""

    ids: tuple[int, ...]
    reason: Reason
    cached: int
    computed: int
    speculation: Speculation | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """How to answer. `reuse=False` computes the prefix anew, too. `penalised` are tokens that the
    repetition penalty holds down besides the answer's own, such as the prompt's. `draft` holds the ids of a text that
    the answer may quote: with it, tokens are drafted from that text, the prompt and the answer itself, so that it takes
    fewer forwards; it is the same answer."""

    max_tokens: int = 512
    sampling: Sampling = GREEDY
    reuse: bool = True
    penalised: frozenset[int] = frozenset()
    draft: Suffixes | None = None


DEFAULTS = Answering()


def busy() -> GlyphError:
    return GlyphError(
        "busy",
        "An answer is still being written. Stop it first, or wait for its end.",
        "上一个回答仍在生成。请先停止，或等待其完成。",
    )


class CachedPrefix:
    """Segments in an arena of their own. It does one thing at a time: whatever is asked of it during an answer raises
    GlyphError `busy`.

    `completion` describes the last answer; it is None before the first, and after one that raised before its first
    token. What `keeper` has of the segments, and of prompts behind them, is not computed."""

    def __init__(
        self,
        decoder: Decoder,
        arena: KVArena,
        segments: Sequence[Segment],
        stop_ids: Set[int],
        keeper: Keeper | None = None,
    ) -> None:
        self.completion: Completion | None = None
        self.last_use = next(_uses)
        self._decoder = decoder
        self._segments = list(segments)
        self._stop_ids = stop_ids
        self._arena = arena
        self._marks = [START]  # where each segment in the arena begins, and where the last of them ends
        self._written: list[int] = []  # the ids behind the prefix, in the order they went into the arena
        self._costs = Costs()
        self._keeper = keeper
        self._given: set[str] = set()  # keys of the links that the keeper has or was given
        self._one_at_a_time = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values allocated."""
        return self._arena.nbytes

    @property
    def ids(self) -> frozenset[int]:
        """The ids that occur in the prefix."""
        return frozenset().union(*(segment.ids for segment in self._segments))

    def prefill(self) -> None:
        """Compute what is missing of the prefix, so that the first question need not wait for it."""
        for _ in self.prefilling():
            pass

    def prefilling(self, ids: Sequence[int] = (), reuse: bool = True) -> Iterator[tuple[int, int]]:
        """`prefill` in steps, and of the prompt `ids` all but its last forward, which is left to `complete`: (tokens
        done, tokens in all) after every forward. With `reuse` what the keeper has is taken from there, and counts as
        neither. Closing it stops between two."""
        with self._alone():
            self._arena.reserve(self._tokens() + len(ids))
            done, keeper = 0, self._keeper if reuse else None
            total = self._missing() + len(ids) - self._reused(ids)
            for tokens in self._prefill_segments(keeper):
                done += tokens
                if not tokens:
                    total = done + self._missing() + len(ids) - self._reused(ids)
                yield done, total
            if keeper is not None:
                self._take_behind(keeper, ids)
                total = done + len(ids) - self._reused(ids)
            last = self._decoder.forward_tokens(self._arena.length)
            if rest := ids[self._part(ids) : -last]:
                for tokens, _ in prefilling(self._decoder, self._arena, text(rest)):
                    done += tokens
                    yield done, total

    def keep(self, ids: Sequence[int] = ()) -> None:
        """Give the keeper what the arena has of the prefix and of the prompt `ids` behind it. Copying happens on
        another thread. Does nothing while something else is done with the prefix."""
        keeper = self._keeper
        if keeper is None or not self._one_at_a_time.acquire(blocking=False):
            return
        try:
            links = chain(keeper.root, self._segments)
            for link in links:
                if link.whole and link.first + len(link.segments) < len(self._marks):
                    self._give(keeper, link, self._marks[link.first].length)
            if not self._missing() and self._named(links):
                end = self._marks[-1].length
                for link in behind(keeper.root, links, ids[: _shared(self._resident(), ids)]):
                    self._give(keeper, link, end)
                    end += link.tokens
        finally:
            self._one_at_a_time.release()

    def append(self, segment: Segment) -> None:
        """Lengthen the prefix, as by a page. What was computed of it stays; prompts are computed anew."""
        with self._alone():
            self._segments.append(segment)

    def arrange(self, segments: Sequence[Segment]) -> None:
        """Have other segments. What both begin with, the same segments or the same text, stays computed."""
        with self._alone():
            pairs = zip(self._segments[: len(self._marks) - 1], segments, strict=False)
            same = sum(1 for _ in itertools.takewhile(lambda pair: _same(*pair), pairs))
            if same < max(len(self._segments), len(segments)):
                del self._marks[same + 1 :]
                self._arena.rollback(self._marks[-1])
                self._written = []
            self._segments = list(segments)

    def complete(self, ids: Sequence[int], how: Answering = DEFAULTS) -> Iterator[int]:
        """Yield the tokens of the answer to the prefix and `ids`, at least one, such as all turns and a question. What
        the arena holds of them is not computed again. Nothing happens before the first token is asked for. Closing the
        iterator stops the work within one step; `completion` then has the tokens so far. Raises GlyphError
        `context_full` before computing anything, and NonFiniteLogits."""
        with self._alone():
            self.completion = None
            if not how.reuse:
                self._forget()
            answer: list[int] = []
            reason: Reason = "stopped"
            computed = self._missing() + len(ids) - self._reused(ids)
            drafter = None if how.draft is None else Drafter(how.draft, ids, self._costs)
            try:
                hidden = self._prefill_prompt(list(ids))
                sampler = Sampler(how.sampling, self._decoder.device, how.penalised)
                reason = yield from decode(
                    self._decoder, self._arena, hidden, sampler, self._stop_ids, how.max_tokens, answer, drafter
                )
            finally:
                self._written.extend(answer)
                if answer or reason != "stopped":
                    prompt = self._tokens() + len(ids)
                    counts = None if drafter is None else drafter.counts
                    self.completion = Completion(tuple(answer), reason, prompt - computed, computed, counts)

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

    def _resident(self) -> list[int]:
        """The ids behind the prefix whose keys and values are in the arena."""
        return [] if self._missing() else self._written[: self._arena.length - self._marks[-1].length]

    def _missing(self) -> int:
        """Prefix tokens not in the arena."""
        return sum(len(segment.ids) for segment in self._segments[len(self._marks) - 1 :])

    def _reused(self, ids: Sequence[int]) -> int:
        """How many of `ids`, the first ones, need not be computed: at least the last token runs again, since its hidden
        state is not kept."""
        return _shared(self._resident(), ids[:-1])

    def _prefill_prompt(self, ids: list[int]) -> torch.Tensor:
        """Have prefix and `ids` in the arena, and nothing else. Returns the last one's hidden state (hidden,)."""
        if not ids:
            raise ValueError("a prompt needs at least one token behind the prefix")
        self._arena.reserve(self._tokens() + len(ids))
        for _ in self._prefill_segments():
            pass
        return prefill(self._decoder, self._arena, text(ids[self._part(ids) :]))

    def _part(self, ids: Sequence[int]) -> int:
        """Roll the arena back to where `ids`, behind the complete prefix, part from what it holds. Returns how many of
        them it holds."""
        reused, end = self._reused(ids), self._marks[-1]
        self._arena.rollback(Mark(end.length + reused, end.position + reused))
        self._written = list(ids)
        return reused

    def _prefill_segments(self, keeper: Keeper | None = None) -> Iterator[int]:
        """Take from the keeper what it has of what is missing of the prefix, and compute the rest; yields how many
        tokens each forward took, 0 for what was taken."""
        links = [] if keeper is None else chain(keeper.root, self._segments)
        kept = {link.first: (link, after) for link, after in itertools.zip_longest(links, links[1:]) if link.whole}
        while (at := len(self._marks) - 1) < len(self._segments):
            self._arena.rollback(self._marks[-1])  # drops a segment that was broken off
            if keeper is not None and at in kept and keeper.take(*kept[at], self._arena, self._marks[-1]):
                link, _ = kept[at]
                for segment in link.segments:
                    self._count(segment)
                    self._marks.append(self._arena.mark())
                self._given.add(link.key)
                yield 0
            else:
                yield from self._compute(self._segments[at])

    def _compute(self, segment: Segment) -> Iterator[int]:
        """Put a segment behind the others; yields how many tokens each forward took."""
        rest = len(segment.ids)
        forwards = prefilling(self._decoder, self._arena, segment)
        while rest:
            end = self._decoder.stopwatch()
            tokens, _ = next(forwards)
            if self._keeper is not None:
                self._keeper.computed(tokens, end())
            rest -= tokens
            if not rest:
                self._marks.append(self._arena.mark())
            yield tokens

    def _take_behind(self, keeper: Keeper, ids: Sequence[int]) -> None:
        """Take what the keeper has of the prompt `ids`, but the last token, behind the complete prefix."""
        links = chain(keeper.root, self._segments)
        if not self._named(links):
            return
        end, had = self._marks[-1], self._reused(ids) // BLOCK
        wanted = list(behind(keeper.root, links, ids[:-1]))[had:]
        for number, (link, following) in enumerate(itertools.zip_longest(wanted, wanted[1:]), had):
            start = number * BLOCK
            if not keeper.take(link, following, self._arena, Mark(end.length + start, end.position + start)):
                break
            self._count(*link.segments)
            self._written = list(ids[: start + BLOCK])
            self._given.add(link.key)

    def _named(self, links: Sequence[Link]) -> bool:
        """Whether these links are those of all segments, so that what comes behind them can be named."""
        return bool(links) and links[-1].first + len(links[-1].segments) == len(self._segments)

    def _give(self, keeper: Keeper, link: Link, start: int) -> None:
        if link.key not in self._given:
            keeper.give(link, self._arena, start)
            self._given.add(link.key)

    def _count(self, segment: Segment) -> None:
        """Make the entries of a segment count that were copied into the arena."""
        following = self._arena.position + int(self._decoder.positions(segment).max()) + 1
        self._arena.advance(len(segment.ids), following)

    def _tokens(self) -> int:
        """Tokens of the prefix."""
        return sum(len(segment.ids) for segment in self._segments)

    def _forget(self) -> None:
        self._given.clear()
        self._arena.rollback(START)
        self._marks = [START]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._one_at_a_time.acquire(blocking=False):
            raise busy()
        try:
            self.last_use = next(_uses)
            yield
        finally:
            self._one_at_a_time.release()


def _same(first: Segment, second: Segment) -> bool:
    return first is second or (first.embeds is None and second.embeds is None and first.ids == second.ids)


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two sequences have in common at their beginning."""
    length = min(len(first), len(second))
    return next((i for i in range(length) if first[i] != second[i]), length)
