"""What a document that has been read is: as its engine tells, else title, outline and first sentences of its text. A
file that has an outline of its own is told with that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import file_pages, view_at, view_of
from glyph_demo.documents.model import Document
from glyph_demo.engines.base import Heading, OpenDocument, Overview
from glyph_demo.engines.events import FilePage
from glyph_demo.store import PageFeatures

if TYPE_CHECKING:
    from glyph_demo.engines.pocket.sentences import PageLine

log = logging.getLogger(__name__)

HEIGHT = 10  # of a line of text, for boxes that the text is given
PITCH = 20  # so that every line is a paragraph
MIN_LISTED = 2  # headings of a file's own outline; one alone is the title


class LazyOverview:
    """An overview that `work` makes once, when it is first wanted. Thread-safe."""

    def __init__(self, work: Callable[[], Overview | None]) -> None:
        self._work = work
        self._overview: Overview | None = None
        self._known = self._begun = False
        self._lock = threading.Lock()

    def get(self) -> Overview | None:
        """Waits for the work."""
        with self._lock:
            if not self._known:
                self._overview, self._known = self._work(), True
            return self._overview

    def begin(self) -> tuple[Overview | None, bool]:
        """Have a thread do the work. Returns the overview, if that is done, and whether it is not."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self.get, name="overview", daemon=True).start()
        return self._overview, not self._known


def overview_of(handle: OpenDocument | None, document: Document | None, views: Sequence[PageView]) -> Overview | None:
    """The overview of a document and its pages; None without text. Raises nothing: whatever fails is logged, and then
    the document has none."""
    try:
        found = handle.overview() if handle is not None else None
        found = found or (of_text(document, views) if document is not None else None)
        listed = _listed(document, views) if document is not None else ()
        if found is None or len(listed) < MIN_LISTED:
            return found
        return replace(found, headings=tuple(heading for heading in listed if heading.text != found.title))
    except Exception:
        log.warning("no overview of the document", exc_info=True)
        return None


def _listed(document: Document, views: Sequence[PageView]) -> tuple[Heading, ...]:
    """The file's own outline, as far as its pages were read."""
    headings = []
    for title, number in document.outline if views else ():
        mark = document.marks[number - 1]
        written = document.text.find(title, *document.part(number))  # a page of the file may be on two that are drawn
        view = (view_at(views, written) if written >= 0 else None) or view_of(document, views, number)
        if mark in file_pages(document, view):
            headings.append(Heading(title, view.number, FilePage(mark.number, mark.label)))
    return tuple(headings)


def of_text(document: Document, views: Sequence[PageView]) -> Overview | None:
    """The overview of the text that is on the pages, without questions. Its lines are taken as they are in the text."""
    from glyph_demo.engines.pocket.overview import overview_of as of_sentences  # not before it is wanted
    from glyph_demo.engines.pocket.sentences import split_sentences

    texts, starts, end = [], [], 0
    for view in views:
        found, end = _lines(document.text, max(view.span[0], end), view.span[1])
        starts.append([start for start, _ in found])
        texts.append(tuple(text for _, text in found))

    def file_page(line: PageLine) -> FilePage | None:
        view, start = views[line.page - 1], starts[line.page - 1][line.number - 1]
        marks = document.marks[view.picture - 1 : view.picture] if view.picture else document.pages_of(start, start + 1)
        return FilePage(marks[0].number, marks[0].label) if marks else None

    return of_sentences(split_sentences([_boxed(page) for page in texts]), file_page)


def _lines(text: str, start: int, end: int) -> tuple[list[tuple[int, str]], int]:
    """The lines with anything on them that begin from `start` to `end`, each with its place; where the next begins."""
    found = []
    while start < end:
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        if line := text[start:stop].strip():
            found.append((start, line))
        start = stop + 1
    return found, start


def _boxed(texts: tuple[str, ...]) -> PageFeatures:
    """Lines one below the other, each as wide as it has characters."""
    boxes = [(0, PITCH * i, HEIGHT * len(text), PITCH * i + HEIGHT) for i, text in enumerate(texts)]
    return PageFeatures({"boxes": np.array(boxes, np.int32).reshape(-1, 4)}, texts)
