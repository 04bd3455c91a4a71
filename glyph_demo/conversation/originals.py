"""Pages of the user's file as they look, drawn once someone wants to see them, with the places that an answer rests
on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.errors import as_user_error, document_closed
from glyph_demo.documents.extraction import draw_original
from glyph_demo.documents.file_types import FileType
from glyph_demo.documents.model import Document
from glyph_demo.documents.rasters import Box
from glyph_demo.engines.events import FilePage, Region
from glyph_demo.rendering import Line, encode_png
from glyph_demo.settings import Documents

WIDTH = 1240  # pixels: 150 dots per inch on A4
MOST_KEPT = 50  # pictures of pages; the oldest goes
_LEAST_LETTERS = 4  # of a line that is looked for by itself: shorter ones stand anywhere
_MOST_LETTERS = 6_000  # in all texts that are looked for on a page: they are an argument of the child process


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page of the file: `size` is (width, height) in pixels, `image` a PNG file. `boxes` has where each text that
    was looked for stands."""

    size: tuple[int, int]
    image: Path
    boxes: dict[str, list[Box]] = field(default_factory=dict)


class Originals:
    """The pages of the file at `path`, by number from 1. Pictures of them are kept in `folder`."""

    def __init__(self, document: Document, file_type: FileType, path: Path, folder: Path, limits: Documents) -> None:
        self._document, self._file_type, self._limits = document, file_type, limits
        self._path, self._folder = path, folder
        self._drawn: dict[int, Drawn] = {}  # oldest first
        self._drawing = threading.Lock()

    @property
    def total(self) -> int:
        return len(self._document.marks)

    def name(self, number: int) -> FilePage:
        return FilePage(number, self._document.marks[number - 1].label)

    def drawn(self, number: int) -> Drawn | None:
        """The page, if its picture is kept."""
        return self._drawn.get(number)

    def images(self, name: str) -> list[Path]:
        """The kept picture whose file has this name without its ending, if any."""
        return [drawn.image for drawn in list(self._drawn.values()) if drawn.image.stem == name]

    def is_complete(self, number: int, regions: Sequence[Region], views: Sequence[PageView]) -> bool:
        """Whether `draw` has been called with these."""
        drawn = self._drawn.get(number)
        return drawn is not None and drawn.boxes.keys() >= set(self._texts(number, regions, views))

    def draw(self, number: int, regions: Sequence[Region], views: Sequence[PageView]) -> None:
        """Draw the page and look for the places of `regions` on it, unless both is done. One page is drawn at a time.
        Raises GlyphErrors only."""
        with self._drawing:
            if self.is_complete(number, regions, views):
                return
            texts = self._texts(number, regions, views)
            try:
                original = draw_original(self._path, self._file_type, number, WIDTH, texts, self._limits)
                drawn = self._drawn.get(number) or self._save(number, original.pixels)
            except Exception as error:
                raise (as_user_error(error) if self._folder.exists() else document_closed()) from error
            drawn.boxes.update(zip(texts, original.boxes, strict=True))
            self._drawn[number] = drawn
            while len(self._drawn) > MOST_KEPT:
                self._drawn.pop(next(iter(self._drawn))).image.unlink(missing_ok=True)

    def _save(self, number: int, pixels: NDArray[np.uint8]) -> Drawn:
        height, width = pixels.shape[:2]
        image = self._folder / f"original_{number}.png"
        image.write_bytes(encode_png(pixels))
        return Drawn((width, height), image)

    def boxes(self, number: int, region: Region, views: Sequence[PageView]) -> list[Box]:
        """Where a place that the model saw is on the page; none where it is not, or not found. The whole text is
        marked, else those of its lines that are found."""
        view = _view(region, views)
        if view is not None and view.picture == number:
            width, height = view.size
            return [
                (left / width, top / height, right / width, bottom / height)
                for left, top, right, bottom in region.boxes
            ]
        for texts in self._attempts(number, region, view):
            if found := [box for text, start in texts for box in self._found(number, text, start)]:
                return found
        return []

    def _texts(self, number: int, regions: Sequence[Region], views: Sequence[PageView]) -> list[str]:
        """All texts to look for on the page, as many as may be."""
        texts: dict[str, None] = {}
        for region in regions:
            for attempt in self._attempts(number, region, _view(region, views)):
                texts |= dict.fromkeys(text for text, _ in attempt)
        room, chosen = _MOST_LETTERS, []
        for text in texts:
            if len(text) <= room:
                room -= len(text)
                chosen.append(text)
        return chosen

    def _attempts(self, number: int, region: Region, view: PageView | None) -> list[list[tuple[str, int]]]:
        """What to look for on the page, best first: the words that the engine read, those of the document under its
        boxes, and these line by line; each with where it begins in the document's text. Where the pages have been read
        in another way since, there are only the engine's words."""
        if view is not None and view.picture == number:
            return []  # its boxes are those of the page
        first, end = self._document.part(number)
        lines = [line for line in view.lines if any(_holds(box, line) for box in region.boxes)] if view else []
        places = [(max(line.start, first), min(line.end, end)) for line in lines]
        places = [place for place in places if self._text(*place)]
        if not places:
            is_here = region.file_page is not None and region.file_page.number == number
            return [[(region.text, first)]] if is_here else []
        start, whole = places[0][0], self._text(places[0][0], places[-1][1])
        rows = [(self._text(*place), place[0]) for place in places]
        return [[(region.text, start)], [(whole, start)], [row for row in rows if len(row[0]) >= _LEAST_LETTERS]]

    def _found(self, number: int, text: str, start: int) -> list[Box]:
        """Where a text stands on the page. If the page has it several times, the time that begins at `start` or next
        after it in the document's text, if the boxes tell them apart."""
        drawn = self._drawn.get(number)
        boxes = drawn.boxes.get(text, []) if drawn else []
        first, end = self._document.part(number)
        times, before = (self._document.text.count(text, first, to) for to in (end, start))
        if times < 2 or len(boxes) % times:
            return boxes
        rows = len(boxes) // times
        return boxes[before * rows : (before + 1) * rows]

    def _text(self, start: int, end: int) -> str:
        return self._document.text[start:end].strip()


def _view(region: Region, views: Sequence[PageView]) -> PageView | None:
    return next((view for view in views if view.number == region.page), None)


def _holds(box: tuple[int, int, int, int], line: Line) -> bool:
    """Whether the middle of the line's height is in the box, and something of its width."""
    left, top, right, bottom = line.box
    return box[1] <= (top + bottom) / 2 < box[3] and box[0] < right and left < box[2]
