"""Pictures of glyphs: drawn by Pillow (FreeType) at a size where hinting moves an outline by a small part of a pixel,
and box-reduced: the same picture, within rounding, as the unhinted antialiased glyphs of the original pages."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from glyph_demo.rendering.atlas import PHASES
from glyph_demo.rendering.fonts import MISSING, UNITS, FontChain

_BAKED_SIZE = 144  # pixels an em is drawn at before it is reduced, about

Pictures = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]


class Baker:
    """Draws the characters of one chain of fonts at one size; `above`, `height` and `aside` as in Atlas."""

    def __init__(self, chain: FontChain, pixel_size: float, above: int, height: int, aside: int) -> None:
        self.chain = chain
        self.pixel_size, self.above, self.height, self.aside = pixel_size, above, height, aside
        self._zoom = max(PHASES, round(_BAKED_SIZE / pixel_size / PHASES) * PHASES)
        # Not a cached method: the reference cycle would keep large fonts until the garbage collector runs.
        self._font = cache(partial(_open, chain, pixel_size * self._zoom))
        self._canvas = self._new_canvas(UNITS)

    def _new_canvas(self, advance: int) -> Image.Image:
        width = 2 * self.aside + math.ceil(advance / UNITS * self.pixel_size)
        return Image.new("L", (width * self._zoom, self.height * self._zoom))

    def bake(self, code: int) -> Pictures:
        """The four phases of a character: their columns, each `height` bytes, one phase after the other; and for each
        phase its count of columns, and its left edge relative to the whole pixel of the pen."""
        advance, face = int(self.chain.advance[code]), int(self.chain.face[code])
        canvas = self._canvas if advance <= UNITS else self._new_canvas(advance)
        pen = self.aside * self._zoom
        if face == MISSING:
            self._draw_box(canvas, pen, advance)
        else:
            pen += round(int(self.chain.shift[code]) / UNITS * self.pixel_size * self._zoom)
            font = self._font(face)
            ImageDraw.Draw(canvas).text((pen, self.above * self._zoom), chr(code), 255, font, anchor="ls")
        box = canvas.getbbox()
        if box is None:
            return np.zeros(0, f"V{self.height}"), np.zeros(PHASES, np.int64), np.zeros(PHASES, np.int64)
        pictures = self._reduce(canvas, box[0], box[2])
        canvas.paste(0, box)
        return pictures

    def _reduce(self, canvas: Image.Image, begin: int, end: int) -> Pictures:
        """The pictures of the columns `begin` to `end` of the canvas."""
        zoom = self._zoom
        left, width = begin // zoom, -(-end // zoom) - begin // zoom
        area = canvas.crop((left * zoom, 0, (left + width) * zoom, canvas.height))
        quarters = np.asarray(area.reduce((zoom // PHASES, zoom))).T
        shifted = np.zeros((PHASES, PHASES * (width + 1), self.height), np.uint16)
        for phase in range(PHASES):
            shifted[phase, phase : phase + PHASES * width] = quarters
        pictures = shifted.reshape(PHASES, width + 1, PHASES, self.height).sum(axis=2, dtype=np.uint16)
        columns = ((pictures + PHASES // 2) // PHASES).astype(np.uint8).view(f"V{self.height}")[..., 0]
        moved = np.arange(PHASES) * zoom // PHASES
        first = (begin + moved) // zoom - left  # 1 where the shift empties the first column
        last = -(-(end + moved) // zoom) - left
        kept = [columns[phase, first[phase] : last[phase]] for phase in range(PHASES)]
        return np.concatenate(kept), last - first, left + first - self.aside

    def _draw_box(self, canvas: Image.Image, pen: int, advance: int) -> None:
        """The outline drawn for a character that no font has."""
        em = self.pixel_size * self._zoom
        baseline = self.above * self._zoom
        edges = (pen + 0.08 * em, baseline - 0.75 * em, pen + (advance / UNITS - 0.08) * em, baseline + 0.1 * em)
        ImageDraw.Draw(canvas).rectangle(edges, outline=255, width=max(self._zoom, round(em / 12)))


def _open(chain: FontChain, size: float, face: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(chain.fonts[face - 1].path, size, layout_engine=ImageFont.Layout.BASIC)
