"""Glyph pictures, drawn once and kept: each at four quarter-pixel phases, as columns of coverage.

Baked by Pillow (FreeType) at a size where hinting moves an outline by a small part of a pixel, and box-reduced: the
same picture, within rounding, as the unhinted antialiased glyphs of the original pages."""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from glyph_demo.rendering.characters import CODEPOINTS, codepoints
from glyph_demo.rendering.fonts import MISSING, UNITS, FontChain, load_chain
from glyph_demo.rendering.style import CHINESE, FONT_FOLDER, FontFile

PHASES = 4
_BAKED_SIZE = 144  # pixels an em is drawn at before it is reduced, about
_ABOVE, _BELOW = 1.15, 0.33  # em above and below the baseline that a picture may reach; accented capitals fit
_ASIDE = 0.75  # em a picture may reach to the left of its pen and beyond its advance
PREBAKED = FONT_FOLDER / "glyph-zh-9px.npz"  # baking two thousand Chinese glyphs takes most of a second
_PREBAKED_SIZE = 9.0
_MAX_BYTES = 64 << 20  # of columns; beyond that the atlas starts afresh


class Atlas:
    """Pictures of one chain of fonts at one size. Columns are `height` bytes high, a multiple of eight, and hold
    `height` rows of coverage (0 is paper, 255 ink) of which `above` are over the baseline. The picture of slot s at
    phase p has its numbers at index 4 * s + p: its first column, its count of columns, and its left edge relative to
    the whole pixel of the pen."""

    def __init__(self, chain: FontChain, pixel_size: float) -> None:
        self.lock = threading.Lock()
        self.pixel_size = pixel_size
        self.above = math.ceil(_ABOVE * pixel_size) + 1
        self.height = -(-(self.above + math.ceil(_BELOW * pixel_size) + 1) // 8) * 8
        self.advance, self.face, self.paths = chain.advance, chain.face, chain.paths
        self._shift = chain.shift
        self._zoom = max(PHASES, round(_BAKED_SIZE / pixel_size / PHASES) * PHASES)
        self._fonts = [
            ImageFont.truetype(path, pixel_size * self._zoom, layout_engine=ImageFont.Layout.BASIC)
            for path in chain.paths
        ]
        self.aside = math.ceil(_ASIDE * pixel_size)
        self._canvas = self._new_canvas(UNITS)
        self._clear()

    def _new_canvas(self, advance: int) -> Image.Image:
        width = 2 * self.aside + math.ceil(advance / UNITS * self.pixel_size)
        return Image.new("L", (width * self._zoom, self.height * self._zoom))

    def _clear(self) -> None:
        self._slot = np.full(CODEPOINTS, -1, np.int32)
        self._count = 0
        self._used = 0
        self.columns = np.zeros(1024, f"V{self.height}")
        self.first = np.zeros(PHASES * 256, np.int64)
        self.width = np.zeros(PHASES * 256, np.int64)
        self.left = np.zeros(PHASES * 256, np.int64)

    def slots(self, codepoint: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Slot of each code point, after baking those not seen before. Slots hold until the next call."""
        slot = self._slot[codepoint]
        if slot.size and slot.min() < 0:
            if self._used * self.height > _MAX_BYTES:
                self._clear()
            for code in np.unique(codepoint[self._slot[codepoint] < 0]).tolist():
                self._bake(code)
            slot = self._slot[codepoint]
        return slot

    def _bake(self, code: int) -> None:
        advance = int(self.advance[code])
        canvas = self._canvas if advance <= UNITS else self._new_canvas(advance)
        pen = self.aside * self._zoom
        if code == ord("\n"):
            pass  # line ends are glyphs without ink
        elif self.face[code] == MISSING:
            self._draw_box(canvas, pen, advance)
        else:
            font = self._fonts[self.face[code]]
            pen += round(int(self._shift[code]) / UNITS * self.pixel_size * self._zoom)
            ImageDraw.Draw(canvas).text((pen, self.above * self._zoom), chr(code), 255, font, anchor="ls")
        if (self._count + 1) * PHASES > len(self.first):
            grown = (np.concatenate([a, np.zeros_like(a)]) for a in (self.first, self.width, self.left))
            self.first, self.width, self.left = grown
        box = canvas.getbbox()
        if box is not None:
            self._keep(canvas, box[0], box[2])
            canvas.paste(0, box)
        self._slot[code] = self._count
        self._count += 1

    def _keep(self, canvas: Image.Image, begin: int, end: int) -> None:
        """Add the four phases of a picture whose ink takes the columns `begin` to `end` of the canvas."""
        zoom = self._zoom
        left, width = begin // zoom, -(-end // zoom) - begin // zoom
        area = canvas.crop((left * zoom, 0, (left + width) * zoom, canvas.height))
        quarters = np.asarray(area.reduce((zoom // PHASES, zoom))).T
        shifted = np.zeros((PHASES, PHASES * (width + 1), self.height), np.uint16)
        for phase in range(PHASES):
            shifted[phase, phase : phase + PHASES * width] = quarters
        pictures = shifted.reshape(PHASES, width + 1, PHASES, self.height).sum(axis=2, dtype=np.uint16)
        columns = ((pictures + PHASES // 2) // PHASES).astype(np.uint8).view(self.columns.dtype)[..., 0]
        if self._used + columns.size > len(self.columns):
            self.columns = np.concatenate([self.columns, np.zeros_like(self.columns)])
        for phase in range(PHASES):
            right = -(-(end + phase * zoom // PHASES) // zoom)
            first = (begin + phase * zoom // PHASES) // zoom - left  # 1 where the shift empties the first column
            index, count = PHASES * self._count + phase, right - left - first
            self.columns[self._used : self._used + count] = columns[phase, first : first + count]
            self.first[index], self.width[index], self.left[index] = self._used, count, left + first - self.aside
            self._used += count

    def _draw_box(self, canvas: Image.Image, pen: int, advance: int) -> None:
        """The outline that stands for a character no font has."""
        em = self.pixel_size * self._zoom
        baseline = self.above * self._zoom
        edges = (pen + 0.08 * em, baseline - 0.75 * em, pen + (advance / UNITS - 0.08) * em, baseline + 0.1 * em)
        ImageDraw.Draw(canvas).rectangle(edges, outline=255, width=max(self._zoom, round(em / 12)))

    def save(self, path: Path) -> None:
        """Write the pictures baked so far."""
        codes = np.flatnonzero(self._slot >= 0)
        keys = PHASES * self._count
        np.savez_compressed(
            path,
            geometry=self._geometry(),
            code=codes[np.argsort(self._slot[codes])],
            first=self.first[:keys],
            width=self.width[:keys],
            left=self.left[:keys],
            columns=self.columns[: self._used].view(np.uint8),
        )

    def restore(self, path: Path) -> None:
        """Take over saved pictures, unless they were made for another geometry."""
        with np.load(path, allow_pickle=False) as saved:
            if not np.array_equal(saved["geometry"], self._geometry()):
                return
            code = saved["code"]
            self.first, self.width, self.left = saved["first"], saved["width"], saved["left"]
            self.columns = saved["columns"].view(self.columns.dtype)
        self._slot[code] = np.arange(len(code))
        self._count, self._used = len(code), len(self.columns)

    def _geometry(self) -> NDArray[np.int64]:
        sizes = [Path(path).stat().st_size for path in self.paths]
        return np.array([self.height, self.above, self.aside, self._zoom, *sizes], np.int64)


@lru_cache(maxsize=4)
def load_atlas(fonts: tuple[FontFile, ...], pixel_size: float) -> Atlas:
    atlas = Atlas(load_chain(fonts), pixel_size)
    if (fonts, pixel_size) == (CHINESE, _PREBAKED_SIZE) and PREBAKED.exists():
        atlas.restore(PREBAKED)
    return atlas


def _prebake() -> None:
    """Write PREBAKED: ASCII, and the symbols and the 3,755 common characters of GB 2312."""
    cells = [bytes((row, cell)) for row in range(0xA1, 0xD8) for cell in range(0xA1, 0xFF)]
    common = [cell.decode("gb2312", "ignore") for cell in cells]
    text = "".join(map(chr, range(0x20, 0x7F))) + "".join(common)
    atlas = Atlas(load_chain(CHINESE), _PREBAKED_SIZE)
    atlas.slots(codepoints(text))
    atlas.save(PREBAKED)


if __name__ == "__main__":
    _prebake()
