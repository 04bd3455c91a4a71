"""From a map of where an answer looked on a page to the lines of text there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.events import Heat, Region
from glyph_demo.rendering.page import Line

MOST_LINES = 5
FAINT = 0.5  # of the best line's score; lines below it are no evidence


def hottest_lines(pages: Sequence[tuple[Heat, tuple[int, int], Sequence[Line]]]) -> tuple[Region, ...]:
    """The at most MOST_LINES lines that the answer looked at most, best first. Each page is its map, its size (width,
    height) in pixels and its lines. A line's score is the mean of the map over its box, 0 to 1."""
    found: list[Region] = []
    for heat, size, lines in pages:
        for number, line in enumerate(lines, 1):
            if line.text.strip():
                found.append(Region(heat.page, number, line.text, (line.box,), mean_heat(heat, size, line.box)))
    found.sort(key=lambda region: region.score, reverse=True)
    return tuple(region for region in found[:MOST_LINES] if region.score >= FAINT * found[0].score > 0)


def mean_heat(heat: Heat, size: tuple[int, int], box: tuple[int, int, int, int]) -> float:
    """The mean of a map over a box (left, top, right, bottom) of the page, cells weighted by their area inside it."""
    cells = np.array(heat.values).reshape(heat.rows, heat.columns)
    down = _overlaps(heat.rows, size[1], box[1], box[3])
    across = _overlaps(heat.columns, size[0], box[0], box[2])
    area = down.sum() * across.sum()
    return float(down @ cells @ across / area) if area else 0.0


def _overlaps(cells: int, length: int, first: int, last: int) -> NDArray[np.float64]:
    """Pixels of `first` to `last` in each of the `cells` equal parts of `length` pixels (cells,)."""
    edges = np.linspace(0, length, cells + 1)
    return np.maximum(0.0, np.minimum(edges[1:], last) - np.maximum(edges[:-1], first))
