"""The queue of requests for the engine, which gets a few at a time. A job iterates over events on one of the queue's
threads; its client's request reads them on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator

from glyph_demo.conversation.errors import as_user_error
from glyph_demo.engines.events import Event
from glyph_demo.errors import GlyphError
from glyph_demo.process import give_memory_back

MAX_WAITING = 64  # requests; each may hold its pages in memory

Work = Callable[[], Generator[Event, None, None]]


class ClientGone(Exception):
    """The client no longer waits for the answer."""


class Job:
    """One piece of work and its events. Made on an event loop, which also reads the events."""

    def __init__(self, work: Work) -> None:
        self.asked = time.perf_counter()
        self.waited = 0.0  # seconds until the engine was free
        self._work = work
        self._cancelled = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()

    async def next(self, timeout: float) -> Event | None:
        """The next event, or None if there is none within `timeout` seconds. Raises the GlyphError that ended the work,
        and after `cancel` its `why` or ClientGone."""
        try:
            event = await asyncio.wait_for(self._events.get(), timeout)
        except (TimeoutError, asyncio.TimeoutError):
            return None
        if isinstance(event, Exception):
            raise event
        return event

    def cancel(self, why: Exception | None = None) -> None:
        """Stop the work before its next step. `next` then raises `why`, by default ClientGone."""
        self._cancelled.set()
        self._put(why or ClientGone())

    def run(self) -> None:
        """Do the work, on the caller's thread."""
        self.waited = time.perf_counter() - self.asked
        try:
            with contextlib.closing(self._work()) as events:
                while not self._cancelled.is_set():
                    self._put(next(events))
        except StopIteration:
            pass
        except Exception as error:
            self._put(as_user_error(error))

    def _put(self, event: Event | Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class JobQueue:
    """Threads that run jobs in the order of their arrival, `most` at a time."""

    def __init__(self, most: int) -> None:
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self.limit(most)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def limit(self, most: int) -> None:
        """Run `most` jobs at a time from now on. Running jobs are not stopped."""
        with self._changed:
            self._most = max(1, min(most, MAX_WAITING))
            while len(self._threads) < self._most:
                self._threads.append(threading.Thread(target=self._work, name="api-jobs", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def submit(self, job: Job) -> None:
        """Add a job. Raises GlyphError `queue_full`."""
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise GlyphError(
                    "queue_full",
                    f"{MAX_WAITING} requests are waiting already. Try again in a moment.",
                    f"已有 {MAX_WAITING} 个请求在排队。请稍后重试。",
                )
            self._waiting.append(job)
            self._changed.notify_all()

    def empty(self, why: Exception | None = None) -> None:
        """Cancel all jobs with `why`, and return when none runs any more."""
        with self._changed:
            for job in (*self._waiting, *self._running):
                job.cancel(why)
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._running)

    def close(self) -> None:
        """`empty`, and end the threads."""
        self.empty()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while job := self._next():
            job.run()
            with self._changed:
                self._running.discard(job)
                idle = not (self._running or self._waiting)
                self._changed.notify_all()
            if idle:
                give_memory_back()

    def _next(self) -> Job | None:
        """The next job, once fewer than `most` run; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._waiting and len(self._running) < self._most))
            if self._closed:
                return None
            job = self._waiting.popleft()
            self._running.add(job)
            return job
