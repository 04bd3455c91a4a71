"""Other ways to draft, to compare ours with: each `take`s the answer's tokens and `draft`s what may come next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glyph_demo.decoding.draft import DRAFTED
from glyph_demo.decoding.suffixes import NONE, ROOT, Suffixes

ANSWER = 4096  # the most tokens of an answer
NGRAM = 7  # tokens that the n-gram drafted at most


class NGram:
    """Goes on where the last three tokens, or fewer, occurred last, once two tokens in a row came true there: with
    twice as many as came true, up to `NGRAM`. A draft that was wrong in its first half doubles the run it waits for,
    up to 32; one that was all right takes that back."""

    def __init__(self, known: Sequence[int]) -> None:
        self._ids = np.concatenate([np.asarray(known, np.int64), np.zeros(ANSWER, np.int64)])
        self._end = len(known)
        self._next: int | None = None
        self._right, self._wanted = 0, 2
        self._size = self._hits = 0

    def take(self, token: int) -> None:
        self._ids[self._end] = token
        self._end += 1
        if self._next is None or self._ids[self._next] != token:
            self._right, self._next = 0, self._find()
            return
        self._right += 1
        self._next += 1
        self._hits += self._hits < self._size

    def draft(self, most: int) -> list[int]:
        if self._hits < self._size / 2:
            self._wanted = min(2 * self._wanted, 32)
        elif 0 < self._size == self._hits:
            self._wanted = 2
        length = min(2 * self._right, NGRAM, most) if self._right >= self._wanted else 0
        drafted: list[int] = []
        if self._next is not None:
            drafted = self._ids[self._next : min(self._next + length, self._end)].tolist()
        self._size, self._hits = len(drafted), 0
        return drafted

    def _find(self) -> int | None:
        ids, last = self._ids[: self._end], self._end - 1
        places = np.flatnonzero(ids[:last] == ids[last])
        for back in (1, 2):
            longer = places[(places >= back) & (ids[places - back] == ids[last - back])]
            if not len(longer):
                break
            places = longer
        return int(places[-1]) + 1 if len(places) else None


class SuffixTree:
    """Suffix decoding (Oliaro et al. 2024, arXiv 2411.04975): of every end of what was said, the chain of the children
    that came most often, as long as the end at most; the chain whose shares add up to the most is drafted. Depth and
    least share are the defaults of the authors' implementation. Their tree of other requests' answers is left out:
    there are none."""

    DEPTH = 24
    LEAST = 0.1

    def __init__(self, *texts: Sequence[int]) -> None:
        self._root: list[Any] = [0, {}]  # a node: how often it came, and its children by token
        self._ends: list[list[Any]] = []  # the nodes of what was said last, the longest first
        for ids in texts:
            self._ends = []
            for token in ids:
                self.take(token)

    def take(self, token: int) -> None:
        nodes = [*self._ends[-self.DEPTH + 1 :], self._root]
        self._ends = []
        for node in nodes:
            child = node[1].setdefault(token, [0, {}])
            child[0] += 1
            self._ends.append(child)

    def draft(self, most: int) -> list[int]:
        best: list[int] = []
        score = 0.0
        for i, end in enumerate(self._ends):
            chain, shares = self._chain(end, min(len(self._ends) - i, DRAFTED, most))
            if shares > score:
                best, score = chain, shares
        return best

    def _chain(self, node: list[Any], most: int) -> tuple[list[int], float]:
        chain: list[int] = []
        share, shares = 1.0, 0.0
        while len(chain) < most and node[1]:
            token, child = max(node[1].items(), key=lambda found: found[1][0])
            share *= child[0] / node[0]
            if share < self.LEAST:
                break
            chain.append(token)
            shares += share
            node = child
        return chain, shares


def fewest(known: Sequence[int], answer: Sequence[int], most: int) -> int:
    """The forwards that the answer takes behind its first token if every draft is the longest part of what came before
    that is right, at most `most` tokens. Longest first is best: what is left of a longer part may be copied too."""
    text, done, forwards = Suffixes([*known, answer[0]]), 1, 0
    while done < len(answer):
        state, right = ROOT, 0
        while right < most and done + right + 1 < len(answer):
            state = text.step(state, answer[done + right])
            if state == NONE:
                break
            right += 1
        for token in answer[done : done + right + 1]:
            text.append(token)
        done += right + 1
        forwards += 1
    return forwards
