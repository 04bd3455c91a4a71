"""Dynamic batching: work of several threads done in one call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Call(Generic[Item, Result]):
    def __init__(self, owner: Hashable, item: Item) -> None:
        self.owner = owner
        self.item = item
        self.done = False
        self.result: Result | None = None
        self.error: BaseException | None = None


class Batcher(Generic[Item, Result]):
    """Gives `run` the items of several threads in one list, and each thread its result.

    A call waits for those that were in the batch before, until `wait` seconds are over, and never for others: who
    works alone never waits, who comes new joins the next batch, and who stays away is waited for once. Owners that
    `leave` are not waited for. At most `most` go in one batch. An error of `run` is raised in every call of its batch.
    """

    def __init__(self, run: Callable[[list[Item]], Sequence[Result]], most: int, wait: float) -> None:
        self.most = most
        self.wait = wait
        self._run = run
        self._calls: list[_Call[Item, Result]] = []  # handed in and not taken yet
        self._expected: set[Hashable] = set()
        self._running = False
        self._changed = threading.Condition()

    def __call__(self, owner: Hashable, item: Item) -> Result:
        """What `run` gives for `item`. `owner` names the caller across calls, and has one call at a time."""
        call: _Call[Item, Result] = _Call(owner, item)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
            until = time.monotonic() + self.wait
            while not call.done and (self._running or not self._complete()):
                left = until - time.monotonic()
                if left <= 0 and not self._running:
                    break
                self._changed.wait(left if left > 0 else None)
            batch = [] if call.done else self._take(call)
        if batch:
            self._finish(batch)
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[return-value]

    def leave(self, owner: Hashable) -> None:
        """Let nobody wait for `owner` any more."""
        with self._changed:
            self._expected.discard(owner)
            self._changed.notify_all()

    def _complete(self) -> bool:
        waiting = {call.owner for call in self._calls}
        return len(waiting) >= self.most or waiting >= self._expected

    def _take(self, own: _Call[Item, Result]) -> list[_Call[Item, Result]]:
        """The batch that the thread of `own` will run: the longest waiting calls, and its own."""
        others = [call for call in self._calls if call is not own][: self.most - 1]
        batch = [call for call in self._calls if call is own or call in others]
        self._calls = [call for call in self._calls if call not in batch]
        self._expected = {call.owner for call in batch} | {call.owner for call in self._calls}
        self._running = True
        return batch

    def _finish(self, batch: list[_Call[Item, Result]]) -> None:
        try:
            for call, result in zip(batch, self._run([call.item for call in batch]), strict=True):
                call.result = result
        except BaseException as error:
            for call in batch:
                call.error = error
        with self._changed:
            for call in batch:
                call.done = True
            self._running = False
            self._changed.notify_all()
