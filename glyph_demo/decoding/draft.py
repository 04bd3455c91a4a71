"""Drafting an answer's next tokens from text it may quote, so that one forward can confirm several of them.

Prompt lookup (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding): where the answer's last tokens
occur in the text, what follows there may follow here. Drafts change how many forwards an answer takes, and nothing in
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MATCHED = 3  # the most last tokens that a place in the text is looked up by
DRAFTED = 7  # the most tokens a draft: for them and the answer's last one CUDA reads keys and values once (kernels.py)
RUN = 2  # tokens in a row that the text must have foretold before it is trusted
WARY = 32  # the same, after drafts that came to nothing


@dataclass(slots=True)
class Speculation:
    """What drafting did for one answer: forwards after the prompt's, tokens drafted, those of them that were right."""

    forwards: int = 0
    drafted: int = 0
    accepted: int = 0


class Drafter:
    """Follows one answer of at most `room` tokens through `texts`, all of them token ids, and through itself.

    It foretells every token, which costs next to nothing, and drafts only after it was right `RUN` times in a row:
    twice as many tokens as that, up to `DRAFTED`. A draft that was wrong in its first half doubles the run it waits
    for; one that was all right takes that back. So text that is not quoted is soon left alone, and found again when it
    is."""

    def __init__(self, texts: Sequence[Sequence[int] | NDArray[np.int64]], room: int) -> None:
        known = np.concatenate([np.asarray(ids, np.int64) for ids in texts])
        self.counts = Speculation()
        self._ids = np.concatenate([known, np.zeros(room, np.int64)])
        self._end = len(known)
        self._next: int | None = None  # where the foretold token is
        self._right = 0  # tokens in a row that were foretold
        self._wanted = RUN
        self._size = self._hits = 0  # tokens of the last draft, and those of them that were right

    def take(self, token: int) -> None:
        """The answer goes on with `token`."""
        self._ids[self._end] = token
        self._end += 1
        if self._next is None or self._ids[self._next] != token:
            self._right = 0
            self._next = self._find()
            return
        self._right += 1
        self._next += 1
        if self._hits < self._size:
            self._hits += 1
            self.counts.accepted += 1

    def draft(self, most: int) -> list[int]:
        """At most `most` tokens that may come next; often none."""
        if self._hits < self._size / 2:
            self._wanted = min(2 * self._wanted, WARY)
        elif 0 < self._size == self._hits:
            self._wanted = RUN
        length = min(2 * self._right, DRAFTED, most) if self._right >= self._wanted else 0
        draft: list[int] = []
        if self._next is not None:
            draft = self._ids[self._next : min(self._next + length, self._end)].tolist()
        self._size, self._hits = len(draft), 0
        self.counts.forwards += 1
        self.counts.drafted += len(draft)
        return draft

    def _find(self) -> int | None:
        """The place behind the last occurrence of the answer's last tokens, as many of them as can be found."""
        ids, last = self._ids[: self._end], self._end - 1
        places = np.flatnonzero(ids[:last] == ids[last])
        for back in range(1, MATCHED):
            longer = places[(places >= back) & (ids[places - back] == ids[last - back])]
            if not len(longer):
                break
            places = longer
        return int(places[-1]) + 1 if len(places) else None
