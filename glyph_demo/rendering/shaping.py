"""Right-to-left runs: put in visual order and joined by Raqm (FriBiDi, HarfBuzz) where Pillow has it. Without it their
characters stand unjoined from left to right, as on the original pages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from glyph_demo.rendering.atlas import Atlas
from glyph_demo.rendering.characters import RTL, right_to_left
from glyph_demo.rendering.fonts import MISSING
from glyph_demo.rendering.layout import PageRows

_NEUTRAL = "\\s!-@\\[-`{-~\xa0-\xbf\u2010-\u2027"  # spaces, digits and punctuation: taken along between two of RTL
_ZOOM = 4  # runs are drawn so many times larger, and reduced
_RUN = re.compile(f"[{RTL}](?:[{RTL}{_NEUTRAL}]*[{RTL}])?")


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs `first` to `last` of a page, all on `row`, that are drawn as one picture."""

    first: int
    last: int
    row: int
    text: str
    font: str


@cache
def _available() -> bool:
    return bool(features.check("raqm"))


def runs(rows: PageRows, atlas: Atlas) -> list[Run]:
    """The right-to-left runs of a page whose characters one font has; none where Raqm is missing."""
    codes = rows.codepoint
    if not _available():
        return []
    rtl = right_to_left(codes)
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "replace")
    found = []
    for first, last in _within_rows(text, rows.row):
        faces = set(atlas.chain.face[codes[first:last][rtl[first:last]]].tolist())
        if len(faces) == 1 and MISSING not in faces:
            found.append(
                Run(first, last, int(rows.row[first]), text[first:last], atlas.chain.fonts[faces.pop() - 1].path)
            )
    return found


def _within_rows(text: str, row: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    ends = np.flatnonzero(np.diff(row)) + 1
    begin = 0
    for end in [*ends.tolist(), len(text)]:
        for match in _RUN.finditer(text, begin, end):
            yield match.span()
        begin = end


@cache
def _font(path: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)


def draw_run(run: Run, left: float, atlas: Atlas) -> tuple[NDArray[np.uint8], int, float]:
    """Coverage (atlas.height, w) of a run from `left` (in pixels) on, the pixel column where the picture begins, and
    where the run ends."""
    font = _font(run.font, atlas.pixel_size * _ZOOM)
    width = font.getlength(run.text) / _ZOOM
    begin = math.floor(left) - atlas.aside
    columns = math.ceil(width) + 2 * atlas.aside + 1
    canvas = Image.new("L", (columns * _ZOOM, atlas.height * _ZOOM))
    ImageDraw.Draw(canvas).text(((left - begin) * _ZOOM, atlas.above * _ZOOM), run.text, 255, font, anchor="ls")
    return np.asarray(canvas.reduce(_ZOOM)), begin, left + width
