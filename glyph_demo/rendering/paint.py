"""Rows to pixels. A page is composed as columns: every glyph is a run of byte columns out of the atlas, so that numpy
moves a whole column at once, and the finished rows are laid onto the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glyph_demo.rendering.atlas import PHASES, Atlas
from glyph_demo.rendering.characters import right_to_left
from glyph_demo.rendering.layout import PageRows
from glyph_demo.rendering.page import Line, Page
from glyph_demo.rendering.style import Style

if TYPE_CHECKING:
    from glyph_demo.rendering.shaping import Run

_MAX_OVERLAPS = 8  # pictures blended in one column; more than that is black anyway
_INK = 5  # coverage from which a pixel counts as inked when pages are cropped, as in the original
_NOMINAL_ABOVE, _NOMINAL_BELOW = 0.8, 0.2  # em; the least a line's box spans around its baseline


def paint(rows: PageRows, text: str, index: int, last: bool, style: Style, atlas: Atlas) -> Page:
    """The page with its lines. `last` says that it ends the document."""
    count = len(rows.starts) - 1
    width, height = style.page_pixels
    baselines = baseline_rows(style, rows.lead, count)
    x, end = ((pen + style.inset) * style.scale for pen in (rows.x, rows.right))
    with atlas.lock:
        joined = _joined(rows, text, x, atlas)
        single = np.ones(len(x), bool)
        for run, _ in joined:
            single[run.first : run.last] = False
        strips = _compose(rows, x, single, count, width, atlas)
        for run, (picture, begin, run_end) in joined:
            _add_run(strips[run.row], picture, begin)
            x[run.first : run.last], end[run.first : run.last] = x[run.first], run_end
        black = _compose(rows, x, single & ~rows.mark, count, width, atlas) if rows.mark.any() else None
    page = _stack(strips, baselines, height, atlas)
    right, bottom = _crop(page, style, last)
    pixels = 255 - page[:bottom, :right]
    if black is not None:  # the marks are red: they leave the red channel white
        red = 255 - _stack(black, baselines, height, atlas)[:bottom, :right]
        pixels = np.dstack([red, pixels, pixels])
    if style.width_bucket:
        paper = -right % style.width_bucket
        pixels = np.pad(pixels, ((0, 0), (0, paper), (0, 0))[: pixels.ndim], constant_values=255)
    span = int(rows.starts[0]), int(rows.starts[-1])
    boxes = _boxes(rows, strips, baselines, style, atlas.above, right, bottom)
    starts = rows.starts.tolist()
    lines = (Line(text[a:b].strip(), a, b, box) for a, b, box in zip(starts, starts[1:], boxes, strict=False))
    return Page(index, pixels, span, tuple(lines), _edges(rows, x, end, right))


def blank_page(style: Style) -> Page:
    width, height = style.page_pixels
    return Page(0, np.full((height, width), 255, np.uint8))


def baseline_rows(style: Style, lead: int, count: int) -> NDArray[np.int64]:
    """Pixel rows of the baselines of `count` rows of a page that follow `lead` empty ones."""
    points = style.inset + style.font_size + style.leading * np.arange(lead, lead + count)
    return np.floor(points * style.scale + 1e-6).astype(np.int64)


def _joined(
    rows: PageRows, text: str, x: NDArray[np.float64], atlas: Atlas
) -> list[tuple[Run, tuple[NDArray[np.uint8], int, float]]]:
    """The right-to-left runs of a page, with what draw_run gives for each."""
    if not right_to_left(rows.codepoint).any():
        return []
    from glyph_demo.rendering.shaping import draw_run, runs  # here: it imports Pillow, which other pages do not need

    return [(run, draw_run(run, x[run.first], atlas)) for run in runs(rows, text, atlas)]


def _compose(
    rows: PageRows, x: NDArray[np.float64], chosen: NDArray[np.bool_], count: int, width: int, atlas: Atlas
) -> NDArray[np.uint8]:
    """(count, atlas.height, width) coverage of each row by itself, of the chosen glyphs with their pens at `x`."""
    quarters = np.floor(x[chosen] * PHASES + 1e-6).astype(np.int64)
    key = PHASES * atlas.slots(rows.codepoint[chosen]) + quarters % PHASES
    left = quarters // PHASES + atlas.left[key]
    widths = atlas.width[key]
    before = np.cumsum(widths) - widths
    step = np.arange(int(widths.sum()))
    column = np.repeat(left - before, widths) + step
    source = np.repeat(atlas.first[key] - before, widths) + step
    target = np.repeat(rows.row[chosen] * width, widths) + column
    if left.size and (left.min() < 0 or (left + widths).max() > width):
        inside = (column >= 0) & (column < width)
        source, target = source[inside], target[inside]
    strips = np.zeros(count * width, atlas.columns.dtype)
    picture = atlas.columns[source]
    owner = np.empty(count * width, np.int32)
    for overlap in range(_MAX_OVERLAPS):
        if not target.size:
            break
        ticket = np.arange(len(target), dtype=np.int32)
        owner[target] = ticket  # where pictures overlap one wins, the others have another round
        won = owner[target] == ticket
        if overlap == 0:
            strips[target[won]] = picture[won]
        else:
            strips[target[won]] = blend(strips[target[won]], picture[won])
        picture, target = picture[~won], target[~won]
    return strips.view(np.uint8).reshape(count, width, atlas.height).transpose(0, 2, 1).copy()


def _add_run(strip: NDArray[np.uint8], picture: NDArray[np.uint8], begin: int) -> None:
    picture = picture[:, max(0, -begin) : strip.shape[1] - begin]
    area = strip[:, max(0, begin) : max(0, begin) + picture.shape[1]]
    np.maximum(area, picture, out=area)


def blend(below: NDArray[np.void], above: NDArray[np.void]) -> NDArray[np.void]:
    """Coverage of two pictures on each other: 1 - (1 - a)(1 - b)."""
    a, b = (255 - v.view(np.uint8).astype(np.uint16) for v in (below, above))
    return (255 - (a * b + 127) // 255).astype(np.uint8).view(below.dtype)


def _stack(strips: NDArray[np.uint8], baselines: NDArray[np.int64], height: int, atlas: Atlas) -> NDArray[np.uint8]:
    """(height, width) coverage of the page."""
    pad = atlas.height  # rows may reach over the page's edge
    page = np.zeros((height + 2 * pad, strips.shape[2]), np.uint8)
    for strip, baseline in zip(strips, baselines.tolist(), strict=True):
        top = pad + baseline - atlas.above
        area = page[top : top + atlas.height]
        np.maximum(area, strip, out=area)
    return page[pad : pad + height]


def _crop(page: NDArray[np.uint8], style: Style, last: bool) -> tuple[int, int]:
    """Right and bottom edge of what is kept. A blank page is kept whole."""
    height, width = page.shape
    right, bottom = width, height
    columns = np.flatnonzero(page.max(axis=0) > _INK)
    if columns.size and style.crop_right:
        right = min(width, int(columns[-1]) + 1 + round(style.margin))
    if columns.size and style.crop_bottom and last:
        bottom = min(height, int(np.flatnonzero(page.max(axis=1) > _INK)[-1]) + round(style.margin))
    return right, bottom


def _boxes(
    rows: PageRows,
    strips: NDArray[np.uint8],
    baselines: NDArray[np.int64],
    style: Style,
    above: int,
    right: int,
    bottom: int,
) -> list[tuple[int, int, int, int]]:
    """A box a row: its ink, and upright at least from 0.8 em over the baseline to 0.2 em under it. A row without ink
    has a box without width."""
    inked_columns, inked_rows = strips.max(axis=1) > 0, strips.max(axis=2) > 0
    empty = ~inked_columns.any(axis=1)
    first = np.where(empty, round(style.inset * style.scale), inked_columns.argmax(axis=1))
    last = np.where(empty, first, inked_columns.shape[1] - inked_columns[:, ::-1].argmax(axis=1))
    nominal_top = baselines - math.ceil(_NOMINAL_ABOVE * style.pixel_size)
    nominal_bottom = baselines + math.ceil(_NOMINAL_BELOW * style.pixel_size)
    ink_top = baselines - above + inked_rows.argmax(axis=1)
    ink_bottom = baselines - above + inked_rows.shape[1] - inked_rows[:, ::-1].argmax(axis=1)
    top = np.where(empty, nominal_top, np.minimum(nominal_top, ink_top))
    end = np.where(empty, nominal_bottom, np.maximum(nominal_bottom, ink_bottom))
    boxes = np.stack([first.clip(0, right), top.clip(0, bottom), last.clip(0, right), end.clip(0, bottom)], axis=1)
    return [tuple(box) for box in boxes.tolist()]


def _edges(rows: PageRows, x: NDArray[np.float64], ends: NDArray[np.float64], right: int) -> NDArray[np.uint16]:
    """Left and right edge of each character of the page's span, in pixels. One that is not drawn has no width and
    is where the one before it ends."""
    start, end = int(rows.starts[0]), int(rows.starts[-1])
    edges = np.zeros((end - start, 2), np.uint16)
    at = rows.source - start
    drawn = (at >= 0) & (at < end - start)
    at = at[drawn]
    left = np.floor(x[drawn]).clip(0, right)
    edges[at[::-1], 0] = left[::-1]  # a newline mark is several glyphs at one offset: first left, last right edge
    edges[at, 1] = np.ceil(ends[drawn]).clip(0, right)
    np.maximum(edges[:, 0], edges[:, 1], out=edges[:, 1])  # a mark that runs over a row's end has no width
    known = np.zeros(end - start, np.int64)
    known[at] = at
    previous = np.maximum.accumulate(known)
    hidden = previous != np.arange(end - start)
    edges[hidden] = edges[previous[hidden], 1:]
    return edges
