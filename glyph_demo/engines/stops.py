"""Ends an answer at a stop text."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class StopFilter:
    """Passes an answer through up to the first of `stops`: the one that ends first, and of two that end together the
    longer. The stop itself is dropped, unless `keep`. Text that may be the beginning of a stop is held back until that
    is clear. Takes time linear in the stops and the answer (Aho and Corasick 1975, doi 10.1145/360825.360855)."""

    def __init__(self, stops: Sequence[str], keep: bool = False) -> None:
        self.found = False
        self._keep = keep
        self._held = ""
        self._state = 0  # a node of the trie: the longest prefix of a stop that the text ends with
        self._next: list[dict[str, int]] = [{}]  # by state: letter → state one letter longer
        self._depth = [0]  # by state: its letters
        self._ends = [0]  # by state: letters of the longest stop that it ends with, else 0
        for stop in stops:
            self._add(stop)
        self._shorter = self._link()  # by state: the state of its longest proper suffix

    def feed(self, text: str) -> str:
        """The part of the answer that can be shown after `text`."""
        if self.found:
            return ""
        before = len(self._held)
        self._held += text
        for place, letter in enumerate(text, before + 1):
            self._state = self._after(self._state, letter)
            if self._ends[self._state]:
                self.found = True
                return self._held[: place if self._keep else place - self._ends[self._state]]
        clear = len(self._held) - self._depth[self._state]
        shown, self._held = self._held[:clear], self._held[clear:]
        return shown

    def finish(self) -> str:
        """The text that was held back; call it at the end."""
        return "" if self.found else self._held

    def _add(self, stop: str) -> None:
        state = 0
        for letter in stop:
            if letter not in self._next[state]:
                self._next[state][letter] = len(self._next)
                self._next.append({})
                self._depth.append(self._depth[state] + 1)
                self._ends.append(0)
            state = self._next[state][letter]
        self._ends[state] = len(stop)

    def _link(self) -> list[int]:
        """Breadth first, because a state's link follows from those of shorter states."""
        self._shorter = [0] * len(self._next)
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for letter, longer in self._next[state].items():
                self._shorter[longer] = shorter = self._after(self._shorter[state], letter)
                self._ends[longer] = self._ends[longer] or self._ends[shorter]
                waiting.append(longer)
        return self._shorter

    def _after(self, state: int, letter: str) -> int:
        while state and letter not in self._next[state]:
            state = self._shorter[state]
        return self._next[state].get(letter, 0)
