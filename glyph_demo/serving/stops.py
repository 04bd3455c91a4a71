"""Ending an answer at a text its asker named."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Lets an answer through until one of `stops` has come, which stays with `keep` only. What may be the beginning of
    a stop is held back until that is clear."""

    def __init__(self, stops: Sequence[str], keep: bool) -> None:
        self.found = False
        self._stops = stops
        self._keep = keep
        self._held = ""

    def feed(self, text: str) -> str:
        """What of the answer can be shown now that `text` has come."""
        if self.found:
            return ""
        self._held += text
        places = [(place + len(stop), place) for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.found = True
            end, place = min(places)
            return self._held[: end if self._keep else place]
        kept = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        shown, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return shown

    def finish(self) -> str:
        """What was held back, when no more comes."""
        return "" if self.found else self._held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
