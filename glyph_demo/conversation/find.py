"""Words that a person looks for → where they stand on the pages that the model saw."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import file_page
from glyph_demo.documents.model import Document
from glyph_demo.engines.events import Box, Region
from glyph_demo.rendering import Line

MOST = 500  # places; all are sent to the page that shows one of them


def find(words: str, document: Document, views: Sequence[PageView], read: Sequence[Region] = ()) -> list[Region]:
    """The places of the words in the document's text, in reading order and at most MOST. Case and line breaks do not
    count. On pages that are pictures of the file's the lines that were `read` are looked through, see
    `OpenDocument.read_lines`."""
    if not words.strip():
        return []
    pattern = re.compile(r"\s+".join(map(re.escape, words.split())), re.IGNORECASE)
    found: list[Region] = []
    for match in pattern.finditer(document.text):
        place = _place(match.start(), match.end(), match.group(), document, views)
        if place is not None:
            found.append(place)
        if len(found) == MOST:
            break
    on_pictures = [
        replace(line, page=view.number, file_page=file_page(document, view, line.boxes[0]), digest=view.digest)
        for line in read
        if (view := views[line.page - 1]).picture and pattern.search(line.text)
    ]
    return sorted([*found, *on_pictures], key=lambda place: place.page)[:MOST]


def _place(start: int, end: int, text: str, document: Document, views: Sequence[PageView]) -> Region | None:
    for view in views:
        if view.span[0] <= start < view.span[1]:
            parts = [(number, _part(line, start, end)) for number, line in enumerate(view.lines, 1)]
            boxes = [(number, box) for number, box in parts if box is not None]
            if not boxes:
                return None
            number, first = boxes[0]
            where = file_page(document, view, first)
            return Region(view.number, number, text, tuple(box for _, box in boxes), 1.0, where, view.digest)
    return None


def _part(line: Line, start: int, end: int) -> Box | None:
    """The box of the characters `start` to `end` of the text on a line, taken as equally wide; None if none are."""
    first, last = max(start, line.start), min(end, line.end)
    if first >= last:
        return None
    left, top, right, bottom = line.box
    width = (right - left) / max(1, line.end - line.start)
    return int(left + (first - line.start) * width), top, math.ceil(left + (last - line.start) * width), bottom
