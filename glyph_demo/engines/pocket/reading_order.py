"""Detected boxes → rows in reading order: from top to bottom, the left column before the right one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 4  # a gutter has at least so many boxes on each side
MAX_CROSSING = 0.25  # share of boxes that may cross a gutter: headings, captions
MIN_FILL = 0.55  # share of the column that the median line of running text fills; table cells fill less


def reading_order(boxes: NDArray[np.float64]) -> list[list[int]]:
    """Rows of indices into upright boxes (n, 4), in reading order; each row from left to right."""
    return _order(boxes, list(range(len(boxes))))


def _order(boxes: NDArray[np.float64], ids: list[int]) -> list[list[int]]:
    gutter = _gutter(boxes[ids]) if len(ids) >= 2 * MIN_ROWS else None
    if gutter is None:
        return _rows(boxes, ids)
    rows: list[list[int]] = []
    stretch: list[int] = []
    for i in sorted(ids, key=lambda i: boxes[i, 1]):
        if boxes[i, 0] < gutter < boxes[i, 2]:
            rows += [*_columns(boxes, stretch, gutter), [i]]
            stretch = []
        else:
            stretch.append(i)
    return rows + _columns(boxes, stretch, gutter)


def _columns(boxes: NDArray[np.float64], ids: list[int], gutter: float) -> list[list[int]]:
    left = [i for i in ids if boxes[i, 2] <= gutter]
    right = [i for i in ids if boxes[i, 0] >= gutter]
    return _order(boxes, left) + _order(boxes, right)


def _gutter(boxes: NDArray[np.float64]) -> float | None:
    """The x between two columns of running text; None if the page has one column."""
    first, last = boxes[:, 0].min(), boxes[:, 2].max()
    best: tuple[int, float] | None = None
    for x in np.linspace(first + 0.2 * (last - first), last - 0.2 * (last - first), 61):
        left, right = boxes[boxes[:, 2] <= x], boxes[boxes[:, 0] >= x]
        crossing = len(boxes) - len(left) - len(right)
        if min(len(left), len(right)) < MIN_ROWS or crossing > MAX_CROSSING * len(boxes):
            continue
        if min(_fill(left), _fill(right)) >= MIN_FILL and (best is None or crossing < best[0]):
            best = crossing, float(x)
    return best[1] if best else None


def _fill(boxes: NDArray[np.float64]) -> float:
    """The share of the boxes' common width that the median box fills."""
    return float(np.median(boxes[:, 2] - boxes[:, 0]) / (boxes[:, 2].max() - boxes[:, 0].min()))


def _rows(boxes: NDArray[np.float64], ids: list[int]) -> list[list[int]]:
    """Group boxes whose centres are at about the same height into rows."""
    rows: list[list[int]] = []
    for i in sorted(ids, key=lambda i: boxes[i, 1] + boxes[i, 3]):
        if rows and _level(boxes[rows[-1][-1]], boxes[i]):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [sorted(row, key=lambda i: boxes[i, 0]) for row in rows]


def _level(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    distance = abs((first[1] + first[3]) - (second[1] + second[3])) / 2
    return bool(distance < 0.4 * min(first[3] - first[1], second[3] - second[1]))
