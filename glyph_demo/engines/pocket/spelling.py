"""Words of a question that the document spells differently, by one typing error or two."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 5  # letters; shorter words have too many neighbours that are words
_SHORTEST_NAME = 7  # names have more: Brand and Brandt
_LONG = 8  # letters from which on a word may have two errors


def respelled(word: str, vocabulary: Iterable[str], name: bool) -> str | None:
    """The word of `vocabulary` that `word` was meant to be; None if none is near or two are equally near. A name may
    have one error and no rival with two. All are in lower case."""
    if len(word) < (_SHORTEST_NAME if name else _SHORTEST):
        return None
    near = {
        other: distance(word, other)
        for other in vocabulary
        if other[0] == word[0] and len(other) >= _SHORTEST and abs(len(other) - len(word)) <= 2
    }
    errors = min(near.values(), default=len(word))
    best = [other for other, far in near.items() if far <= (2 if name else errors)]
    allowed = 2 if len(word) >= _LONG and not name else 1
    return best[0] if len(best) == 1 and errors <= allowed else None


def distance(word: str, other: str) -> int:
    """How many letters have to be added, dropped, replaced or swapped with the next one to turn one word into the
    other (optimal string alignment, Damerau 1964, doi 10.1145/363958.363994)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        last, before, row = before, row, [i]
        for j, theirs in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == theirs:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
