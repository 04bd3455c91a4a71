"""Ending an answer at a text its asker named."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class StopFilter:
    """Lets an answer through until one of `stops` has come, which stays with `keep` only: the one whose last letter
    comes first, of two that end together the longer. What may be the beginning of a stop is held back until that is
    clear. Work is in proportion to the letters of the stops and of the answer (Aho and Corasick, 1975)."""

    def __init__(self, stops: Sequence[str], keep: bool = False) -> None:
        self.found = False
        self._keep = keep
        self._held = ""
        self._state = 0  # the longest beginning of a stop that the text ends with
        self._next: list[dict[str, int]] = [{}]  # from a state, by letter, to the state one letter longer
        self._depth = [0]  # letters of a state
        self._ends = [0]  # letters of the longest stop that a state ends with
        for stop in stops:
            self._add(stop)
        self._shorter = self._link()  # the state for the longest proper end of a state that a stop begins with

    def feed(self, text: str) -> str:
        """What of the answer can be shown now that `text` has come."""
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
        """What was held back, when no more comes."""
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
        """The shorter states come first, as in the order of a breadth-first walk."""
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
