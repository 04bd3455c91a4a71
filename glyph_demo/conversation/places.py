"""Pages and places that the model saw → the pages of the file that they come from, and back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from glyph_demo.conversation.drawing import PageView
from glyph_demo.documents.model import Document, Mark
from glyph_demo.engines.events import Box, FilePage, Region
from glyph_demo.rendering import Line


def file_page(document: Document, view: PageView, box: Box) -> FilePage | None:
    """The page of the file that holds what is at `box`, (left, top, right, bottom) in pixels of the page that `view`
    shows; None for a file without pages."""
    start = _offset(view, box)
    for mark in document.pages_of(start, start + 1):
        if view.picture:
            mark = document.marks[view.picture - 1]
        return FilePage(mark.number, mark.label)
    return None


def file_pages(document: Document, view: PageView) -> tuple[Mark, ...]:
    """The pages of the file that are on the page that `view` shows; none for a file without pages."""
    return (document.marks[view.picture - 1],) if view.picture else document.pages_of(*view.span)


def view_of(document: Document, views: Sequence[PageView], number: int) -> PageView:
    """The first of the pages that the model saw with something of the file's page `number` on it, else the last."""
    start = document.marks[number - 1].start
    holding = (view for view in views if view.picture == number or (not view.picture and view.span[1] > start))
    return next(holding, views[-1])


def view_at(views: Sequence[PageView], offset: int) -> PageView | None:
    """The page with the character at `offset` of the Document's text; None if it is on none of them."""
    at = bisect_right(views, offset, key=lambda view: view.span[0]) - 1
    return views[at] if at >= 0 and offset < views[at].span[1] else None


def lines_at(view: PageView, start: int, end: int) -> list[tuple[int, Line]]:
    """The lines of a page with any of the characters `start` to `end` of the Document's text, each with its number."""
    return [(number, line) for number, line in numbered(view.lines) if start < line.end and line.start < end]


def numbered(lines: Sequence[Line]) -> Iterator[tuple[int, Line]]:
    """The lines of a page that can be seen, numbered from 1 as a reader counts them."""
    return enumerate((line for line in lines if line.text.strip()), 1)


def placed(region: Region, view: PageView, document: Document) -> Region:
    """A place on the page that `view` shows, with that page's digest and, if it has boxes, the page of the file."""
    where = file_page(document, view, region.boxes[0]) if region.boxes else None
    return replace(region, page=view.number, file_page=where, digest=view.digest)


def _offset(view: PageView, box: Box) -> int:
    """Where in the Document's text the place is: in the line that is nearest to its height, as far along it."""
    if not view.lines:
        return view.span[0]
    height = box[1] + box[3]
    line = min(view.lines, key=lambda line: abs(line.box[1] + line.box[3] - height))
    left, _, right, _ = line.box
    share = min(max((box[0] - left) / max(1, right - left), 0.0), 1.0)
    return min(line.start + int(share * (line.end - line.start)), max(line.start, line.end - 1))
