"""A search for the glyphs of one line: from left to right, with a way back. What is quick to read does not need it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.glyph_index import Glyph, GlyphIndex
from glyph_demo.rendering.atlas import PHASES
from glyph_demo.rendering.fonts import UNITS
from glyph_demo.rendering.style import Style

SPACE = -1
MOST_STEPS = 20_000  # places tried on a line before it is given up

Candidates = Mapping[int, Sequence[int]]


class Place(NamedTuple):
    """How far a line is read. `pen` is in 1/UNITS em; `spaces` were before it. `drawn` are the columns from `begin` on
    that the glyphs so far have drawn and the next one may draw on; all before are explained. The spaces shrink by
    `least` to `most` pixels each. `last` is the number of the glyph that led here, `before` the place before it."""

    pen: int = 0
    spaces: int = 0
    begin: int = 0
    drawn: tuple[bytes, ...] = ()
    least: float = 0.0
    most: float = 0.0
    last: int = SPACE
    before: Place | None = None


class LineSearch:
    """A search for the glyphs whose pixels are those of a line."""

    def __init__(self, columns: NDArray[np.uint8], found: Candidates, index: GlyphIndex, style: Style) -> None:
        """`columns` (W, rows) uint8 is the coverage of the line, `found` the pictures that may be at each quarter
        pixel."""
        height = columns.shape[1]
        self._end = int(np.flatnonzero(columns.any(axis=1))[-1]) + 1
        self._blank = bytes(height)
        data = columns.tobytes()
        self._columns = [data[i : i + height] for i in range(0, len(data), height)]
        self._found = found
        self._index = index
        self._pixel = style.pixel_size / UNITS
        self._margin = style.inset * style.scale
        self.reached = 0  # columns that were explained at best

    def read(self, squeeze: float) -> list[int] | None:
        """The numbers of the glyphs. `squeeze` is the share of their width that spaces may have lost."""
        places = [Place(most=squeeze * self._index.space * self._pixel)]
        for _ in range(MOST_STEPS):
            if not places:
                return None
            place = places.pop()
            self.reached = max(self.reached, place.begin + len(place.drawn))
            if place.begin + len(place.drawn) >= self._end:
                if self._is_drawn(place, place.begin + len(place.drawn)):
                    return _path(place)
                continue
            blank = self._has_blank(place)
            if blank:
                places.append(self._space(place))
            quarters = list(self._quarters(place))
            found = self._after(place, quarters, self._glyphs)
            places += found if found or blank else self._after(place, quarters, self._narrow)
        return None

    def _after(
        self, place: Place, quarters: list[tuple[int, float, float]], glyphs: Callable[[int], Iterator[Glyph]]
    ) -> list[Place]:
        """The places after each glyph that fits; those to be tried first, which are wide and likely, come last."""
        found = [
            following
            for quarter, least, most in quarters
            for glyph in glyphs(quarter)
            if (following := self._put(place, glyph, quarter, least, most))
        ]
        if len(found) > 1:
            found.sort(key=self._preference)
        return found

    def _preference(self, place: Place) -> tuple[int, int, int]:
        kind, code = self._index.ranks[place.last]
        return place.begin + len(place.drawn), -kind, -code

    def _has_blank(self, place: Place) -> bool:
        """Whether a space fits. A glyph may reach two columns into it from each side."""
        after = int((place.pen + self._index.space) * self._pixel + self._margin)
        after -= 2 + math.ceil((place.spaces + 1) * place.most)
        begin = place.begin + len(place.drawn)
        return all(column == self._blank for column in self._columns[begin:after])

    def _space(self, place: Place) -> Place:
        return place._replace(pen=place.pen + self._index.space, spaces=place.spaces + 1, last=SPACE, before=place)

    def _quarters(self, place: Place) -> Iterator[tuple[int, float, float]]:
        """The quarter pixels where the pen may be, and how far the spaces are then shrunk."""
        x = place.pen * self._pixel + self._margin
        first = math.floor((x - place.spaces * place.most) * PHASES + 1e-6)
        last = math.floor((x - place.spaces * place.least) * PHASES + 1e-6)
        if first == last:
            yield first, place.least, place.most
            return
        for quarter in range(last, first - 1, -1):
            least = max(place.least, (x - (quarter + 1) / PHASES) / place.spaces)
            yield quarter, least, min(place.most, (x - quarter / PHASES) / place.spaces)

    def _glyphs(self, quarter: int) -> Iterator[Glyph]:
        return map(self._index.glyph, self._found.get(quarter, ()))

    def _narrow(self, quarter: int) -> Iterator[Glyph]:
        return iter(self._index.narrow(quarter % PHASES))

    def _put(self, place: Place, glyph: Glyph, quarter: int, least: float, most: float) -> Place | None:
        """The place after a glyph; None if its pixels are not there."""
        first = quarter // PHASES + glyph.left
        end = first + len(glyph.columns)
        if first < place.begin or end > len(self._columns) or not self._is_drawn(place, first):
            return None
        drawn_to = place.begin + len(place.drawn)
        if first >= drawn_to and self._columns[first:end] == glyph.columns:
            drawn: tuple[bytes, ...] = tuple(glyph.columns[-2:])
            first = end - len(drawn)
        else:
            below = list(place.drawn[first - place.begin :]) if first < drawn_to else []
            longest = max(len(below), len(glyph.columns))
            below += [self._blank] * (longest - len(below))
            above = glyph.columns + [self._blank] * (longest - len(glyph.columns))
            drawn = tuple(map(_blend, below, above))
            if not all(map(_within, drawn, self._columns[first : first + longest])):
                return None
        return Place(place.pen + glyph.advance, place.spaces, first, drawn, least, most, glyph.number, place)

    def _is_drawn(self, place: Place, end: int) -> bool:
        """Whether all columns before `end` are as drawn, blank where nothing is."""
        drawn_to = place.begin + len(place.drawn)
        if tuple(self._columns[place.begin : min(end, drawn_to)]) != place.drawn[: max(0, end - place.begin)]:
            return False
        return all(column == self._blank for column in self._columns[drawn_to:end])


def _path(place: Place) -> list[int]:
    glyphs = []
    at: Place | None = place
    while at is not None and at.before is not None:
        glyphs.append(at.last)
        at = at.before
    return glyphs[::-1]


def _blend(below: bytes, above: bytes) -> bytes:
    """As rendering/paint.py blends pictures."""
    if not any(below):
        return above
    if not any(above):
        return below
    return bytes(255 - ((255 - a) * (255 - b) + 127) // 255 for a, b in zip(below, above, strict=True))


def _within(drawn: bytes, page: bytes) -> bool:
    return drawn == page or all(a <= b for a, b in zip(drawn, page, strict=True))
