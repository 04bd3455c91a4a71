"""Evidence as the engine reports it → page numbers and lines of the document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import numbered, placed
from glyph_demo.documents.model import Document
from glyph_demo.engines.events import Evidence, Heat, Region
from glyph_demo.rendering.page import Line

MOST_LINES = 5
FAINT = 0.5  # lines that score less than this share of the best line are no evidence


def locate_evidence(evidence: Evidence, pages: Sequence[PageView], document: Document) -> Evidence:
    """Map the engine's page numbers, which count the pages it was given from 1, to those of the document, add the
    lines under the heat maps if the engine names no regions, and the pages of the file."""
    regions = tuple(replace(region, page=pages[region.page - 1].number) for region in evidence.regions)
    views = [pages[heat.page - 1] for heat in evidence.heat]
    of_views = zip(evidence.heat, views, strict=True)
    maps = tuple(replace(heat, page=view.number, digest=view.digest) for heat, view in of_views)
    under = [(heat, view.size, view.lines) for heat, view in zip(maps, views, strict=True)]
    shown = {view.number: view for view in pages}
    found = (placed(region, shown[region.page], document) for region in regions or hottest_lines(under))
    return replace(evidence, regions=tuple(found), heat=maps)


def hottest_lines(pages: Sequence[tuple[Heat, tuple[int, int], Sequence[Line]]]) -> tuple[Region, ...]:
    """At most MOST_LINES lines that got the most attention, best first. A page is given as its map, its size (width,
    height) in pixels, and its lines. A line's score is the mean of the map over its box, 0 to 1."""
    found: list[Region] = []
    for heat, size, lines in pages:
        for number, line in numbered(lines):
            found.append(Region(heat.page, number, line.text, (line.box,), mean_heat(heat, size, line.box)))
    found.sort(key=lambda region: region.score, reverse=True)
    return tuple(region for region in found[:MOST_LINES] if region.score >= FAINT * found[0].score > 0)


def mean_heat(heat: Heat, size: tuple[int, int], box: tuple[int, int, int, int]) -> float:
    """The mean of a map over a box (left, top, right, bottom) in pixels; cells weigh as much as they overlap it."""
    cells = np.array(heat.values).reshape(heat.rows, heat.columns)
    down = _overlaps(heat.rows, size[1], box[1], box[3])
    across = _overlaps(heat.columns, size[0], box[0], box[2])
    area = down.sum() * across.sum()
    return float(down @ cells @ across / area) if area else 0.0


def _overlaps(cells: int, length: int, first: int, last: int) -> NDArray[np.float64]:
    """How many pixels of `first` to `last` are in each of `cells` equal parts of `length` pixels; shape (cells,)."""
    edges = np.linspace(0, length, cells + 1)
    return np.maximum(0.0, np.minimum(edges[1:], last) - np.maximum(edges[:-1], first))
