"""A cache of glyph pictures: each at four quarter-pixel phases, as columns of coverage. Pictures of common characters
come from files beside the fonts (see prebake.py); others are baked when they are first needed."""

from __future__ import annotations

import io
import os
import threading
import zlib
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glyph_demo.rendering.characters import CODEPOINTS
from glyph_demo.rendering.fonts import MISSING, FontChain, load_chain
from glyph_demo.rendering.style import FONT_FOLDER, PICTURES, FontFile

if TYPE_CHECKING:
    from glyph_demo.rendering.baking import Baker

PHASES = 4
_ABOVE, _BELOW = 1.15, 0.33  # em above and below the baseline that a picture may reach; accented capitals fit
_ASIDE = 0.75  # em a picture may reach to the left of its pen and beyond its advance
_MAX_BYTES = 64 << 20  # of columns; an atlas that is larger is emptied
_UNKNOWN, _BLANK = 0, 1  # slots; zeros cost no memory until they are written, so 0 is "not baked yet"


class Atlas:
    """Pictures of one chain of fonts at one size. Columns are `height` bytes high, a multiple of eight, and hold
    `height` rows of coverage (0 is paper, 255 ink) of which `above` are over the baseline. The picture of slot s at
    phase p has its numbers at index 4 * s + p: its first column, its count of columns, and its left edge relative to
    the whole pixel of the pen."""

    def __init__(self, chain: FontChain, pixel_size: float) -> None:
        self.lock = threading.Lock()
        self.chain = chain
        self.pixel_size = pixel_size
        self.above = -int(-_ABOVE * pixel_size // 1) + 1
        self.height = -(-(self.above - int(-_BELOW * pixel_size // 1) + 1) // 8) * 8
        self.aside = -int(-_ASIDE * pixel_size // 1)
        self._clear()

    def _clear(self) -> None:
        self._slot = np.zeros(CODEPOINTS, np.int32)
        self._restored: set[int] = set()  # faces whose saved pictures are loaded
        self._count = self._used = 0
        self.columns = np.zeros(1024, f"V{self.height}")
        self.first, self.width, self.left = (np.zeros(PHASES * 256, np.int64) for _ in range(3))
        nothing = np.zeros(PHASES * (_BLANK + 1), np.int64)
        self._append(self.columns[:0], nothing, nothing)
        self._slot[ord("\n")] = _BLANK  # line ends are glyphs without ink

    def slots(self, codepoint: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Slot of each code point, after baking those not seen before. Slots hold until the next call."""
        slot = self._slot[codepoint]
        if slot.size and slot.min() == _UNKNOWN:
            if self._used * self.height > _MAX_BYTES:
                self._clear()
            self._fill(set(codepoint[self._slot[codepoint] == _UNKNOWN].tolist()))
            slot = self._slot[codepoint]
        return slot

    def _fill(self, codes: set[int]) -> None:
        for face in {int(self.chain.face[code]) for code in codes} - self._restored:
            self._restored.add(face)
            path = self.saved(face)
            if path is not None and os.path.exists(path):
                self.restore(path, face)
        for code in sorted(codes):
            if self._slot[code] == _UNKNOWN:
                self._slot[code] = self._count
                self._append(*self._baker.bake(code))

    @cached_property
    def _baker(self) -> Baker:
        from glyph_demo.rendering.baking import Baker  # here: it imports Pillow, which common characters do not need

        return Baker(self.chain, self.pixel_size, self.above, self.height, self.aside)

    def _append(self, columns: NDArray[np.void], width: NDArray[Any], left: NDArray[Any]) -> None:
        """Add slots. `columns` holds those of all their pictures, one picture after the other."""
        at = PHASES * self._count
        self.first = _put(self.first, at, self._used + np.cumsum(width) - width)
        self.width, self.left = _put(self.width, at, width), _put(self.left, at, left)
        self.columns = _put(self.columns, self._used, columns)
        self._count += len(width) // PHASES
        self._used += len(columns)

    def saved(self, face: int) -> str | None:
        """Path of the saved pictures of one of our fonts at this size; None for another font."""
        name = None if face == MISSING else PICTURES.get(self.chain.fonts[face - 1])
        return name and os.path.join(FONT_FOLDER, f"{name}-{self.pixel_size:g}px.pictures")

    def save(self, path: str, face: int) -> None:
        """Write the pictures of one font baked so far: NumPy arrays one after the other, compressed."""
        codes = np.flatnonzero((self._slot > _BLANK) & (self.chain.face == face))
        codes = codes[np.argsort(self._slot[codes])]
        keys = (PHASES * self._slot[codes][:, None] + np.arange(PHASES)).ravel()
        first, width = self.first[keys], self.width[keys]
        columns = [self.columns[at : at + count] for at, count in zip(first, width, strict=True)]
        file = io.BytesIO()
        for array in (
            self._geometry(face),
            codes.astype(np.int32),
            width.astype(np.int16),
            self.left[keys].astype(np.int16),
            np.concatenate(columns).view(np.uint8),
        ):
            np.save(file, array, allow_pickle=False)
        with open(path, "wb") as target:
            target.write(zlib.compress(file.getvalue(), 9))

    def restore(self, path: str, face: int) -> None:
        """Load saved pictures of the characters that this font draws, unless they were made for another geometry."""
        with open(path, "rb") as source:
            file = io.BytesIO(zlib.decompress(source.read()))
        if not np.array_equal(np.load(file, allow_pickle=False), self._geometry(face)):
            return
        code, width, left, columns = (np.load(file, allow_pickle=False) for _ in range(4))
        own = np.flatnonzero((self.chain.face[code] == face) & (self._slot[code] == _UNKNOWN))
        self._slot[code[own]] = self._count + own
        self._append(columns.view(self.columns.dtype), width, left)

    def _geometry(self, face: int) -> NDArray[np.int64]:
        size = os.path.getsize(self.chain.fonts[face - 1].path)
        return np.array([self.height, self.above, self.aside, size], np.int64)


def _put(array: NDArray[Any], at: int, values: NDArray[Any]) -> NDArray[Any]:
    """`array` with `values` from index `at` on; a larger copy where they do not fit."""
    if at + len(values) > len(array):
        larger = np.zeros(max(2 * len(array), at + len(values)), array.dtype)
        larger[:at] = array[:at]
        array = larger
    array[at : at + len(values)] = values
    return array


@lru_cache(maxsize=4)
def load_atlas(fonts: tuple[FontFile, ...], pixel_size: float) -> Atlas:
    return Atlas(load_chain(fonts), pixel_size)
