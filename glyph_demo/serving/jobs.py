"""Requests wait here for the engine, which gets a few at a time. Work is an iterator of events on one of the queue's
threads; who asked for it reads the events from an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator

from glyph_demo.engines.base import Event
from glyph_demo.errors import GlyphError
from glyph_demo.reading import internal_error

log = logging.getLogger(__name__)

MAX_WAITING = 64  # requests; each may hold its pages in memory

Work = Callable[[], Generator[Event, None, None]]


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Job:
    """One piece of work and the events that came of it so far. Made on an event loop, which also reads it."""

    def __init__(self, work: Work) -> None:
        self.asked = time.perf_counter()
        self.waited = 0.0  # seconds until the engine was free
        self._work = work
        self._cancelled = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()

    async def next(self, timeout: float) -> Event | None:
        """The next event, or None when there is none within `timeout` seconds. Raises the GlyphError that the work
        ended with, ClientGone after `cancel`."""
        try:
            event = await asyncio.wait_for(self._events.get(), timeout)
        except (TimeoutError, asyncio.TimeoutError):
            return None
        if isinstance(event, Exception):
            raise event
        return event

    def cancel(self, why: Exception | None = None) -> None:
        """Stop the work before its next step; who waits for it hears `why`."""
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
        except GlyphError as error:
            self._put(error)
        except Exception:
            log.exception("answering failed")
            self._put(internal_error())

    def _put(self, event: Event | Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class JobQueue:
    """Threads that run jobs in the order they came, `workers` at a time."""

    def __init__(self, workers: int) -> None:
        self._running: set[Job] = set()
        self._changed = threading.Condition()
        self._jobs: queue.Queue[Job | None] = queue.Queue(MAX_WAITING)
        self._threads = [threading.Thread(target=self._work, name="api-jobs", daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return self._jobs.qsize()

    def submit(self, job: Job) -> None:
        """Raises GlyphError `queue_full`."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise GlyphError(
                "queue_full",
                f"{MAX_WAITING} requests are waiting already. Try again in a moment.",
                f"已有 {MAX_WAITING} 个请求在排队。请稍后重试。",
            ) from None

    def empty(self, why: Exception | None = None) -> None:
        """Drop what waits, stop what runs, and return when nothing runs any more. Who waited hears `why`."""
        with contextlib.suppress(queue.Empty):
            while True:
                if job := self._jobs.get_nowait():
                    job.cancel(why)
        with self._changed:
            for job in self._running:
                job.cancel(why)
            self._changed.wait_for(lambda: not self._running)

    def close(self) -> None:
        """`empty`, and end the threads."""
        self.empty()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while job := self._jobs.get():
            with self._changed:
                self._running.add(job)
            job.run()
            with self._changed:
                self._running.discard(job)
                self._changed.notify_all()
