"""Cuts a clean rendered page into lines at its blank rows, and detects pages where that is unsafe."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

INK = 160  # gray values below are ink; antialiasing is lighter
WHITE = 250
MIN_WHITE = 0.6  # share of a page; full pages of 12 px text at pitch 1.4 measured 0.74 to 0.77, scans are not white
MIN_PITCH = 1.25  # line distance over ink height; below it rows touch (measured: 80 % of Chinese read right at 1.1)
MAX_HEIGHT = 2.0  # times the median line; higher bands are pictures, or lines that merge because the page is skewed
GAP = 2.5  # line heights; wider blanks inside a line may separate columns
MIN_ROWS_WITH_GAP = 5  # so many lines with the same gap make columns


def cut_rows(gray: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """Boxes int32 (n, 4) of the lines of a gray page, uint8 (H, W), from top to bottom. None if projection is not safe:
    coloured paper, tight lines, skew, pictures or columns. A blank page has no lines."""
    if (gray >= WHITE).mean() < MIN_WHITE:
        return None
    ink = gray < INK
    bands = _bands(ink)
    if not len(bands):
        return np.zeros((0, 4), np.int32)
    heights = bands[:, 1] - bands[:, 0]
    usual = float(np.median(heights))
    if usual < 4 or heights.max() > MAX_HEIGHT * usual or (len(bands) == 1 and usual > 100):
        return None
    if len(bands) > 2 and np.median(np.diff(bands[:, 0])) / np.percentile(heights, 75) < MIN_PITCH:
        return None
    if _has_columns(ink, bands, usual):
        return None
    return _boxes(ink, bands, usual)


def _runs(flags: Any) -> NDArray[np.int64]:
    """(start, end) of every run of True."""
    padded = np.concatenate(([False], flags, [False]))
    return np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)


def _bands(ink: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(top, bottom) of the runs of inked rows; a lone accent, dot or stroke is joined to the nearest line."""
    bands = _runs(ink.any(axis=1))
    if len(bands) < 2:
        return bands
    usual = float(np.median(bands[:, 1] - bands[:, 0]))
    merged = [bands[0]]
    for band in bands[1:]:
        last = merged[-1]
        small = min(band[1] - band[0], last[1] - last[0]) < 0.5 * usual
        if small and band[0] - last[1] <= 0.3 * usual and band[1] - last[0] <= 1.25 * usual:
            merged[-1] = np.array([last[0], band[1]])
        else:
            merged.append(band)
    return np.array(merged)


def _has_columns(ink: NDArray[np.bool_], bands: NDArray[np.int64], usual: float) -> bool:
    """Whether several lines have a wide gap at the same place."""
    blank = np.zeros(ink.shape[1], np.int32)
    for top, bottom in bands:
        words = _runs(~ink[top:bottom].any(axis=0))
        for start, end in words:
            if end - start > GAP * usual and start > 0 and end < ink.shape[1]:
                blank[start:end] += 1
    return int(blank.max()) >= MIN_ROWS_WITH_GAP


def _boxes(ink: NDArray[np.bool_], bands: NDArray[np.int64], usual: float) -> NDArray[np.int32]:
    """Boxes around bands with a small margin; low lines ("…") get more, so that their scale is kept."""
    boxes = np.zeros((len(bands), 4), np.int32)
    for i, (top, bottom) in enumerate(bands):
        columns = np.flatnonzero(ink[top:bottom].any(axis=0))
        air = 2 + max(0, round((usual - (bottom - top)) / 2))
        above = bands[i - 1, 1] if i else 0
        below = bands[i + 1, 0] if i + 1 < len(bands) else ink.shape[0]
        boxes[i] = (
            max(0, columns[0] - 3),
            max(above, top - air),
            min(ink.shape[1], columns[-1] + 4),
            min(below, bottom + air),
        )
    return boxes
