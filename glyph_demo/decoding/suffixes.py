"""Everything that occurs in a text, as an automaton that grows with it: a suffix automaton (Blumer et al. 1985, "The
smallest automaton recognizing the subwords of a text").

A state stands for the strings that end at the same places. Its link leads to the longest of their suffixes that ends
at more places."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

ROOT = 0  # the empty string
NONE = -1
# Links along which a new token counts as an occurrence of what it ends: the longest strings, which are those that are
# matched first. Without an end to it, a text of one repeated token would take time by the square of its length.
REACH = 16
# A string that went on in more ways than this foretells nothing; it bounds the time to choose among them.
WAYS = 16


class Suffixes:
    """The automaton of token ids, each at least 0 and below 2^31.

    `append` takes constant time a token on average, whatever the text. Of n tokens there are at most 2 n states and 3 n
    transitions (Blumer et al., theorems 1.6 and 1.9). A state takes 24 bytes and holds one transition; only the other
    ones, at most n, are in dicts. 131,072 tokens of running text took 131 bytes each, and of noise of two tokens, which
    has the most states, 300."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._length, self._link = array("i", [0]), array("i", [NONE])
        self._token, self._to = array("i", [NONE]), array("i", [NONE])  # the first transition
        self._more: dict[int, dict[int, int]] = {}  # state → the other transitions
        self._count, self._end = array("i", [0]), array("i", [0])  # occurrences, and where the last of them ends
        self._last = ROOT
        for token in ids:
            self.append(token)

    def append(self, token: int) -> None:
        """The text goes on with `token`."""
        length, link = self._length, self._link
        before, end = self._last, length[self._last] + 1
        new = self._last = self._add(end, ROOT, end)
        while before != NONE and self.step(before, token) == NONE:
            self._set(before, token, new)
            before = link[before]
        if before != NONE:
            link[new] = self._ending(before, token)
        state = link[new]
        for _ in range(REACH):
            if state == ROOT:
                break
            self._count[state] += 1
            self._end[state] = end
            state = link[state]

    @property
    def again(self) -> tuple[int, int]:
        """The longest end of the text that occurred before: its state, and its length."""
        state = max(self._link[self._last], ROOT)
        return state, self._length[state]

    def step(self, state: int, token: int) -> int:
        """The state of the strings of `state`, lengthened by `token`; NONE where they do not occur."""
        if self._token[state] == token:
            return self._to[state]
        more = self._more.get(state)
        return NONE if more is None else more.get(token, NONE)

    def follow(self, state: int, length: int, token: int) -> tuple[int, int]:
        """Of a string that went on with `token`, the longest end that occurs in the text: its state, and its length.
        `state` and `length` are those of the string before. Constant time on average."""
        while (to := self.step(state, token)) == NONE:
            if state == ROOT:
                return ROOT, 0
            state = self._link[state]
            length = self._length[state]
        return to, length + 1

    def likeliest(self, state: int) -> tuple[int, int, bool]:
        """The token that followed the strings of `state` most often, of equal ones the latest; the state that it leads
        to; and whether no other one followed. NONE for both where nothing did, or too many ones."""
        token, to = self._token[state], self._to[state]
        more = self._more.get(state)
        if more is None:
            return token, to, True
        if state == ROOT or len(more) >= WAYS:
            return NONE, NONE, False
        count, end = self._count, self._end
        best = count[to], end[to]
        for other, there in more.items():
            if (count[there], end[there]) > best:
                token, to, best = other, there, (count[there], end[there])
        return token, to, False

    def _ending(self, before: int, token: int) -> int:
        """The state whose longest string is that of `before` and `token`, made if there is none."""
        length, link = self._length, self._link
        found = self.step(before, token)
        if length[found] == length[before] + 1:
            return found
        parted = self._add(length[before] + 1, link[found], self._end[found])
        self._token[parted], self._to[parted] = self._token[found], self._to[found]
        if more := self._more.get(found):
            self._more[parted] = more.copy()
        self._count[parted] = self._count[found]
        while before != NONE and self.step(before, token) == found:
            self._set(before, token, parted)
            before = link[before]
        link[found] = parted
        return parted

    def _add(self, length: int, link: int, end: int) -> int:
        self._length.append(length)
        self._link.append(link)
        self._token.append(NONE)
        self._to.append(NONE)
        self._count.append(1)
        self._end.append(end)
        return len(self._length) - 1

    def _set(self, state: int, token: int, to: int) -> None:
        first = self._token[state]
        if first in (NONE, token):
            self._token[state], self._to[state] = token, to
        else:
            self._more.setdefault(state, {})[token] = to
