"""Pages of a document prepared ahead of the engine: drawn on one thread, made ready on another, taken in order."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from glyph_demo.rendering import Page

PAGES_AHEAD = 16  # drawn pages that may wait for the engine: bounds memory, hides the renderer

Drawn = queue.Queue[Page | Exception | None]  # None comes after the last page
Ready = TypeVar("Ready")


def prepare_ahead(pages: Iterator[Page], prepare: Callable[[Page], Ready]) -> Generator[Ready, None, None]:
    """Yield what `prepare` returns for each page, in order. `pages` is iterated on a thread of its own, at most
    PAGES_AHEAD pages ahead, so that the gallery fills while the engine still reads; `prepare` runs on another, one page
    ahead of the caller. What either raises is raised here when it is that page's turn. Closing the generator ends both
    threads."""
    drawn: Drawn = queue.Queue(maxsize=PAGES_AHEAD)
    stop = threading.Event()
    painter = threading.Thread(target=_paint, args=(pages, drawn, stop), daemon=True)
    painter.start()
    ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def prepare_next() -> Ready | None:
        page = drawn.get()
        if isinstance(page, Exception):
            raise page
        return None if page is None else prepare(page)

    try:
        coming = ahead.submit(prepare_next)
        while (ready := coming.result()) is not None:
            coming = ahead.submit(prepare_next)
            yield ready
    finally:
        stop.set()
        while painter.is_alive():
            _drain(drawn)
            painter.join(timeout=0.05)
        _drain(drawn)
        drawn.put(None)  # `prepare_next` may wait for it
        ahead.shutdown()


def _paint(pages: Iterator[Page], drawn: Drawn, stop: threading.Event) -> None:
    try:
        for page in pages:
            drawn.put(page)
            if stop.is_set():
                return
        drawn.put(None)
    except Exception as error:
        drawn.put(error)


def _drain(drawn: Drawn) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            drawn.get_nowait()
