"""A document as what answers are looked up in: its text and the lines that were read of its pictures, with places."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from glyph_demo.conversation.checked.figures import Figure, Key, figures
from glyph_demo.conversation.checked.folding import MOST_PLACES, Folded
from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import lines_at, placed, view_at
from glyph_demo.documents.model import Document
from glyph_demo.engines.events import Box, Region

Span = tuple[int, int]

FAIR = 0.1  # share of the letters from which on a document is written in a script
MOST_TEXT = 4_000_000  # characters that are looked through, 800 pages of print; what is in no longer text is not said

TOP: tuple[Box, ...] = ((0, 0, 1, 1),)  # of a page whose text is not seen line by line


class Source:
    """`read` are lines of pages that are pictures. `whole` says that what is not found is nowhere in the document: no
    page is known by its look alone."""

    def __init__(self, document: Document, read: Sequence[Region], whole: bool) -> None:
        self._document = document
        text = document.text[:MOST_TEXT]
        self._shared = len(text)
        self._starts: list[int] = []
        self._read = read
        pieces = [text]
        at = len(text)
        for line in read:
            self._starts.append(at + 1)
            pieces.append(line.text)
            at += 1 + len(line.text)
        self.folded = Folded.of("\n".join(pieces))
        self.whole = whole and len(document.text) <= MOST_TEXT
        letters = _scripts(self.folded.bare)
        self._scripts = {script for script, count in letters.items() if count >= FAIR * letters.total()}
        self._figures: dict[Key, list[Span]] = {}
        for figure in figures(self.folded.text):
            for key in figure.keys:
                places = self._figures.setdefault(key, [])
                if len(places) < MOST_PLACES:
                    places.append((figure.start, figure.end))

    @classmethod
    def of(
        cls, document: Document, pages: Sequence[PageView], lines: Sequence[Region] | None, all_read: bool
    ) -> Source:
        """`lines` are those that the engine has read, if it does, on pages counted from 1 as it was given them.
        `all_read` says that there will not be more."""
        images = document.images
        if images is None:
            return cls(document, (), True)
        pictures = {i: view for i, view in enumerate(pages, 1) if view.picture or not images.numbers}
        read = [replace(line, page=pictures[line.page].number) for line in lines or () if line.page in pictures]
        known = lines is not None and all_read and len(pictures) == (len(images.numbers) or len(pages))
        return cls(document, read, known)

    def find_figure(self, figure: Figure) -> list[Span]:
        """Where the document has it, in any form."""
        for keys in figure.wanted:
            if all(key in self._figures for key in keys):
                return self._figures[keys[0]]
        return []

    def writes(self, text: str) -> bool:
        """Whether the document is written in the script of a text, in more than traces: else the text may be a
        translation of what the document has. Words of other scripts within Chinese ones, as in Tesla公司, are part of
        them."""
        said = set(_scripts(Folded.of(text).bare))
        return (said & {"CJK"} or said) <= self._scripts

    def place(self, span: Span, pages: Sequence[PageView]) -> Region | None:
        """Where on `pages` a part of the text stands; None if it is on none of them."""
        start, end = span
        if start >= self._shared:
            return self._line_read(start, end, pages)
        view = view_at(pages, start)
        if view is None:
            return None
        under = lines_at(view, start, end)
        if not under:
            return replace(placed(Region(view.number, 1, "", TOP, 1.0), view, self._document), boxes=())
        boxes = tuple(line.box for _, line in under)
        region = Region(view.number, under[0][0], " ".join(line.text for _, line in under), boxes, 1.0)
        return placed(region, view, self._document)

    def _line_read(self, start: int, end: int, pages: Sequence[PageView]) -> Region | None:
        first = bisect_right(self._starts, start) - 1
        last = max(first, bisect_right(self._starts, end - 1) - 1)
        lines = [line for line in self._read[first : last + 1] if line.page == self._read[first].page]
        view = next((view for view in pages if view.number == lines[0].page), None)
        if view is None:
            return None
        boxes: tuple[Box, ...] = tuple(box for line in lines for box in line.boxes)
        region = replace(lines[0], text=" ".join(line.text for line in lines), boxes=boxes)
        return placed(region, view, self._document)


def _scripts(bare: str) -> Counter[str]:
    """How many letters are of each script: LATIN, CJK, CYRILLIC, as the Unicode names of its letters begin."""
    scripts: Counter[str] = Counter()
    for character, count in Counter(bare).items():
        if character.isalpha():
            scripts[unicodedata.name(character, "").partition(" ")[0]] += count
    return scripts
