"""Requests wait here for the engine and get it one at a time. Work is an iterator of events on the queue's thread; who
asked for it reads the events from an event loop."""

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

    def cancel(self) -> None:
        """Stop the work before its next step."""
        self._cancelled.set()
        self._put(ClientGone())

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
    """One thread that runs jobs in the order they came."""

    def __init__(self) -> None:
        self._current: Job | None = None
        self._jobs: queue.Queue[Job | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._work, name="api-jobs", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        return int(self._current is not None)

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

    def close(self) -> None:
        """Drop what waits, stop what runs, and return when the thread has ended."""
        with contextlib.suppress(queue.Empty):
            while True:
                if job := self._jobs.get_nowait():
                    job.cancel()
        self._jobs.put(None)
        if job := self._current:
            job.cancel()
        self._thread.join()

    def _work(self) -> None:
        while job := self._jobs.get():
            self._current = job
            job.run()
            self._current = None
