"""A lock that is taken in the order in which it was asked for. A threading.Lock may be had by who comes last."""

from __future__ import annotations

import threading


class InTurn:
    """A context manager; not reentrant."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked = self._left = 0

    def __enter__(self) -> None:
        with self._changed:
            mine, self._asked = self._asked, self._asked + 1
            self._changed.wait_for(lambda: self._left == mine)

    def __exit__(self, *failure: object) -> None:
        with self._changed:
            self._left += 1
            self._changed.notify_all()

    @property
    def taken(self) -> bool:
        return self._left < self._asked
