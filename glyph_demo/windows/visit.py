"""A page's stay in the window, from its load to its end."""

from __future__ import annotations

import threading
from typing import Any

VISITOR = "x-glyph-visitor"  # the header that names the browser an event came from
ARRIVAL_SECONDS = 20.0  # that an event waits for the load event of its page
_WAITING = threading.BoundedSemaphore(8)  # events that wait at a time; each takes a thread that others need


class Visit:
    """Which window a page shows, once its load event has said so. What a hand does quicker than that, such as dropping
    a file on a page that has just appeared, waits. Held in a gr.State, which gives every page a deep copy."""

    def __init__(self, window_id: str | None = None) -> None:
        self.window_id = window_id
        self.values: dict[str, Any] = {}  # settings that its browser remembers, by dotted name
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
