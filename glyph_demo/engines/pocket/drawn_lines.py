"""Lines that this app drew, read all at once: at each pen the likeliest glyph, as if nothing were ambiguous; then what
was read is drawn, and the lines that look so are right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.glyph_index import Found, GlyphIndex, ranges
from glyph_demo.engines.pocket.line_search import SPACE, LineSearch
from glyph_demo.rendering.atlas import PHASES
from glyph_demo.rendering.fonts import UNITS
from glyph_demo.rendering.paint import blend
from glyph_demo.rendering.style import Style

Array = NDArray[Any]

SQUEEZE = 0.1  # of a space, the most that a full line's spaces shrink: 0.05 a word, see rendering/layout.py


class DrawnLines:
    """Reads lines (n, columns, rows) uint8, coverage: `read` one after the other, None for one that is not of these
    glyphs; `reached[i]` is then the column up to which it is."""

    def __init__(self, lines: Array, index: GlyphIndex, style: Style) -> None:
        self._lines, self._index, self._style = lines, index, style
        self.reached = [0] * len(lines)

    def read(self) -> Iterator[list[int] | None]:
        """The numbers of the glyphs of each line, SPACE for a space."""
        found = self._index.find(self._lines)
        quick = self._quick(found)
        drawn = self._drawn(quick)
        same = (drawn == self._lines).all(axis=(1, 2))
        for i, line in enumerate(quick):
            yield [number for number, _, _ in line] if same[i] else self._searched(i, found)

    def _quick(self, found: Found) -> list[list[tuple[int, int, int]]]:
        """For each line the number, quarter pixel and picture of its glyphs, the first and likeliest way to read it:
        with spaces that are not shrunk, and wide glyphs first."""
        index, style = self._index, self._style
        ends = index.left[found.picture] + index.width[found.picture]
        order = np.lexsort((index.order[found.picture], found.darker, -ends, found.quarter, found.line))
        pixel, margin = PHASES * style.pixel_size / UNITS, PHASES * style.inset * style.scale + 1e-6
        best: list[dict[int, int]] = [{} for _ in self._lines]
        for line, quarter, picture in zip(*(a[order[::-1]].tolist() for a in found[:3]), strict=True):
            best[line][quarter] = picture
        return [list(_follow(pictures, index, pixel, margin)) for pictures in best]

    def _drawn(self, quick: list[list[tuple[int, int, int]]]) -> Array:
        """The lines as they would look."""
        lines, wide, rows = self._lines.shape
        placed = [(i, quarter, picture) for i, line in enumerate(quick) for _, quarter, picture in line if picture >= 0]
        line, quarter, picture = np.array(placed, np.int64).reshape(-1, 3).T
        width = self._index.width[picture]
        source = ranges(self._index.first[picture], width)
        target = ranges(line * wide + quarter // PHASES + self._index.left[picture], width)
        drawn = np.zeros(lines * wide, f"V{rows}")
        columns = self._index.columns.view(drawn.dtype)[:, 0][source]
        while len(target):
            place, first = np.unique(target, return_index=True)
            drawn[place] = blend(drawn[place], columns[first])
            target, columns = np.delete(target, first), np.delete(columns, first)
        return drawn.view(np.uint8).reshape(lines, wide, rows)

    def _searched(self, i: int, found: Found) -> list[int] | None:
        own = found.line == i
        places = sorted(zip(found.quarter[own].tolist(), found.picture[own].tolist(), strict=True))
        candidates = {quarter: [p for _, p in group] for quarter, group in groupby(places, key=lambda place: place[0])}
        search = LineSearch(self._lines[i], candidates, self._index, self._style)
        read = search.read(0.0) or search.read(SQUEEZE)
        self.reached[i] = search.reached
        return read


def _follow(pictures: dict[int, int], index: GlyphIndex, pixel: float, margin: float) -> Iterator[tuple[int, int, int]]:
    """The glyphs from the margin on, each where the one before ends; a space where there is none. `pixel` and `margin`
    are in quarter pixels."""
    pen, last = 0, max(pictures, default=0)
    while (quarter := int(pen * pixel + margin)) <= last:
        picture = pictures.get(quarter, -1)
        number = picture // PHASES if picture >= 0 else SPACE
        yield number, quarter, picture
        pen += index.advances[number] if number >= 0 else index.space
