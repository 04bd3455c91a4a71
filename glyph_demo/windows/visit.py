"""A page in a browser, from its load to its end."""

from __future__ import annotations

import threading
from typing import Any

VISITOR = "x-glyph-visitor"  # the header that names the browser an event came from
ARRIVAL_SECONDS = 20.0  # the longest that an event waits for its page's load event
_WAITING = threading.BoundedSemaphore(8)  # events that may wait at a time, because each blocks a thread


class Visit:
    """Which window a page shows, known from its load event on. Earlier events, such as a file dropped on a page that
    has just appeared, wait for it. It is held in a gr.State, which gives every page a deep copy."""

    def __init__(self, window_id: str | None = None) -> None:
        self.window_id = window_id
        self.values: dict[str, Any] = {}  # settings that the browser remembers, by dotted name
        self._arrived = threading.Event()

    def __deepcopy__(self, memo: dict[int, Any]) -> Visit:
        return Visit()

    def arrive(self, window_id: str) -> None:
        self.window_id = window_id
        self._arrived.set()

    def wait(self) -> str:
        """The id of the page's window. Raises LookupError where the page has never loaded."""
        if self.window_id is None and _WAITING.acquire(blocking=False):
            try:
                self._arrived.wait(ARRIVAL_SECONDS)
            finally:
                _WAITING.release()
        if self.window_id is None:
            raise LookupError("no window without a page")
        return self.window_id
