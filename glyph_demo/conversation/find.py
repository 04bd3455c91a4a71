"""Words that a person looks for → where they stand on the pages that the model saw."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from glyph_demo.conversation.checked.folding import Folded
from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import lines_at, placed, view_at
from glyph_demo.documents.model import Document
from glyph_demo.engines.events import Box, Region
from glyph_demo.rendering import Line

MOST = 500  # places; all are sent to the page that shows one of them


def find(words: str, document: Document, views: Sequence[PageView], read: Sequence[Region] = ()) -> list[Region]:
    """The places of the words in the document's text, in reading order and at most MOST; `wanted` says what does not
    count. On pages that are pictures of the file's the lines that were `read` are looked through, see
    `OpenDocument.read_lines`."""
    if not words.strip():
        return []
    pattern = wanted(words)
    found: list[Region] = []
    for match in pattern.finditer(Folded.of(document.text).text):
        place = _place(match.span(), document, views)
        if place is not None:
            found.append(place)
        if len(found) == MOST:
            break
    on_pictures = [
        placed(line, view, document)
        for line in read
        if (view := views[line.page - 1]).picture and pattern.search(Folded.of(line.text).text)
    ]
    return sorted([*found, *on_pictures], key=lambda place: place.page)[:MOST]


def wanted(words: str) -> re.Pattern[str]:
    """What finds words, of which there are some, in a text that is Folded: case, line breaks, accents, the width of
    letters, and traditional or simplified Chinese do not count."""
    return re.compile(r"\s+".join(map(re.escape, Folded.of(words).text.split())))


def _place(span: tuple[int, int], document: Document, views: Sequence[PageView]) -> Region | None:
    start, end = span
    view = view_at(views, start)
    parts = [] if view is None else [(number, _part(line, start, end)) for number, line in lines_at(view, start, end)]
    boxes = [(number, box) for number, box in parts if box is not None]
    if view is None or not boxes:
        return None
    region = Region(view.number, boxes[0][0], document.text[start:end], tuple(box for _, box in boxes), 1.0)
    return placed(region, view, document)


def _part(line: Line, start: int, end: int) -> Box | None:
    """The box of the characters `start` to `end` of the text on a line, taken as equally wide; None if none are."""
    first, last = max(start, line.start), min(end, line.end)
    if first >= last:
        return None
    left, top, right, bottom = line.box
    width = (right - left) / max(1, line.end - line.start)
    return int(left + (first - line.start) * width), top, math.ceil(left + (last - line.start) * width), bottom
