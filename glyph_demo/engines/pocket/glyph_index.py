"""The glyphs that pages are drawn with, found by two columns of their pixels, on all lines of a page at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.lookalikes import ALPHABETS, rank
from glyph_demo.rendering.atlas import PHASES, Atlas
from glyph_demo.rendering.characters import INK, character_classes
from glyph_demo.rendering.fonts import MISSING

NARROW = 3  # columns
MOST_FOUND = 1 << 18  # places of glyphs on a page; pages of text have some thousands
_WORD = 8  # bytes; the rows of a column are a multiple of it
# Odd numbers without a pattern, for hashes of columns: the fraction of the golden ratio, and those of splitmix64.
_MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)

Array = NDArray[Any]


class Glyph(NamedTuple):
    """A glyph at one quarter-pixel phase. `left` is its first column, counted from the whole pixel of the pen; a column
    has the coverage of the rows of a band. `advance` is in 1/UNITS em."""

    number: int
    advance: int
    left: int
    columns: list[bytes]


class Found(NamedTuple):
    """Glyphs whose pixels may be on a page: for each its line, the quarter pixel of its pen, its picture (PHASES times
    its number, plus its phase), and how many of its columns are darker on the page, as under another glyph."""

    line: Array
    quarter: Array
    picture: Array
    darker: Array


class GlyphIndex:
    """Glyphs of an atlas, of which the rows `top` to `bottom` count. `characters[number]` are all that look like one,
    `ranks[number]` is that of the likeliest (see lookalikes.py), `advances[number]` is in 1/UNITS em. Of picture p, at
    one phase, `left[p]`, `first[p]` and `width[p]` say where it begins, counted from the whole pixel of the pen, and
    which `columns` it has, (n, rows) uint8; those with a low
    `order` are likelier."""

    def __init__(self, atlas: Atlas, top: int, bottom: int) -> None:
        self._atlas, self._rows = atlas, slice(top, bottom)
        self.height = padded(bottom - top)
        self._known: set[int] = set()
        self._alike: dict[tuple[int, int, bytes], int] = {}  # advance, left and pixels → number
        self._seen: set[tuple[int, bytes]] = set()  # left and pixels
        self._glyphs: dict[int, Glyph] = {}
        self._waiting: list[tuple[Array, Array, Array]] = []  # left, width and columns of glyphs that are new
        self.characters: list[str] = []
        self.ranks: list[tuple[int, int]] = []
        self.advances: list[int] = []
        self.left, self.width, self.first, self.order, self._middle = (np.zeros(0, np.int64) for _ in range(5))
        # Pictures by the columns in their middle: the keys that there are, and which of `_sorted` have each.
        self._sorted, self._starts, self._counts = (np.zeros(0, np.int64) for _ in range(3))
        self._all_keys, self._keys = np.zeros(0, np.uint64), np.zeros(1, np.uint64)
        self.columns = np.zeros((0, self.height), np.uint8)
        self.space = int(atlas.chain.advance[ord(" ")])

    def add(self, characters: Iterable[str]) -> bool:
        """Add what is not there yet and has ink in some font. Returns whether something was new."""
        chain, kind = self._atlas.chain, character_classes()
        codes = [
            code
            for code in sorted({ord(one) for one in characters} - self._known)
            if kind[code] == INK and chain.face[code] != MISSING and chain.advance[code]  # no combining marks
        ]
        self._known.update(codes)
        for start in range(0, len(codes), 512):
            self._add(codes[start : start + 512])
        return bool(codes)

    def add_missing(self) -> None:
        """Add the boxes drawn for characters that no font has; they are read as U+FFFD."""
        chain = self._atlas.chain
        missing = np.flatnonzero((chain.face == MISSING) & (character_classes() == INK))
        _, one_each = np.unique(chain.advance[missing], return_index=True)
        for code in missing[one_each].tolist():
            self._add([code], "\ufffd")

    def find(self, bands: Array) -> Found:
        """The glyphs that may be on lines (n, columns, height) uint8: none is darker than the page anywhere."""
        self._take_in()
        wide = bands.shape[1]
        keys = _pair_keys(_hashes(bands.reshape(-1, self.height)))
        at = np.flatnonzero(keys)
        slot = np.searchsorted(self._keys[:-1], keys[at])
        hit = self._keys[slot] == keys[at]
        at, slot = at[hit], slot[hit]
        counts = self._counts[slot]
        fits = np.cumsum(counts) <= MOST_FOUND
        at, slot, counts = at[fits], slot[fits], counts[fits]
        picture = self._sorted[ranges(self._starts[slot], counts)]
        line, column = np.divmod(np.repeat(at, counts), wide)
        begin = column - self._middle[picture]
        inside = (begin >= 0) & (begin + self.width[picture] <= wide)
        line, begin, picture = line[inside], begin[inside], picture[inside]
        if not len(picture):
            return Found(line, begin, picture, line)
        width = self.width[picture]
        own = self.columns[ranges(self.first[picture], width)]
        page = bands.reshape(-1, self.height)[ranges(line * wide + begin, width)]
        ends = np.cumsum(width) - width
        within = np.logical_and.reduceat((own <= page).all(axis=1), ends)
        darker = np.add.reduceat((own.view(np.uint64) != page.view(np.uint64)).any(axis=1), ends)
        quarter = PHASES * (begin - self.left[picture]) + picture % PHASES
        return Found(line[within], quarter[within], picture[within], darker[within])

    def glyph(self, picture: int) -> Glyph:
        if picture not in self._glyphs:
            first, number = int(self.first[picture]), picture // PHASES
            columns = [column.tobytes() for column in self.columns[first : first + int(self.width[picture])]]
            self._glyphs[picture] = Glyph(number, self.advances[number], int(self.left[picture]), columns)
        return self._glyphs[picture]

    def narrow(self, phase: int) -> list[Glyph]:
        """Glyphs that the one before may reach into altogether, such as the i of "fi"."""
        numbers = np.flatnonzero(self.width[phase::PHASES] <= NARROW).tolist()
        return [
            self.glyph(PHASES * number + phase)
            for number in numbers
            if ord(self.characters[number][0]) < ALPHABETS[-1][1]
        ]

    def _add(self, codes: list[int], shown: str = "") -> None:
        atlas = self._atlas
        with atlas.lock:
            keys = (PHASES * atlas.slots(np.array(codes, np.uint32))[:, None] + np.arange(PHASES)).ravel()
            width, left = atlas.width[keys], atlas.left[keys].astype(np.int64)
            rows = atlas.columns[ranges(atlas.first[keys], width)].view(np.uint8).reshape(-1, atlas.height)
        columns = np.zeros((len(rows), self.height), np.uint8)
        cut = rows[:, self._rows]
        columns[:, : cut.shape[1]] = cut
        ends = np.cumsum(width).tolist()
        starts, lefts, advances = [0, *ends], left.tolist(), atlas.chain.advance[codes].tolist()
        kept = []
        for i, (code, advance) in enumerate(zip(codes, advances, strict=True)):
            key = PHASES * i
            look = lefts[key], columns[starts[key] : starts[key + 1]].tobytes()
            if width[key : key + PHASES].all() and self._is_new(shown or chr(code), advance, look):
                kept.append(i)
        pictures = (PHASES * np.array(kept, np.int64)[:, None] + np.arange(PHASES)).ravel()
        widths = width[pictures]
        begins = np.array(starts[:-1], np.int64)[pictures]
        self._waiting.append((left[pictures], widths, columns[ranges(begins, widths)]))

    def _is_new(self, character: str, advance: int, look: tuple[int, bytes]) -> bool:
        """Whether no character before looks like this one; else it is noted with that one."""
        key = advance, *look
        if key in self._alike:
            alike = self._alike[key]
            self.characters[alike] += character
            self.ranks[alike] = min(self.ranks[alike], rank(character))
            return False
        if look in self._seen and ord(character) > ALPHABETS[-1][1]:
            return False  # such as a Roman numeral that looks like a letter
        self._seen.add(look)
        self._alike[key] = len(self.characters)
        self.characters.append(character)
        self.ranks.append(rank(character))
        self.advances.append(advance)
        return True

    def _take_in(self) -> None:
        """Make what was added findable."""
        if not self._waiting:
            return
        left, width, columns = (np.concatenate(arrays) for arrays in zip(*self._waiting, strict=True))
        self._waiting.clear()
        first = np.cumsum(width) - width
        inked = np.asarray(columns.any(axis=1))
        middle = (width - 1) // 2
        for i in np.flatnonzero(~inked[first + middle]).tolist():  # a quotation mark has a gap there
            middle[i] = inked[first[i] : first[i] + width[i]].argmax()
        hashes = np.append(_hashes(columns), np.uint64(0))
        following = hashes[first + middle + 1]
        following[middle + 1 >= width] = 0
        keys = _mixed(hashes[first + middle], following)
        self.first = np.append(self.first, first + len(self.columns))
        self.left, self.width = np.append(self.left, left), np.append(self.width, width)
        self.columns = np.concatenate([self.columns, columns])
        self._middle = np.append(self._middle, middle)
        self.order = np.repeat([kind << 32 | code for kind, code in self.ranks], PHASES)
        self._all_keys = np.append(self._all_keys, keys)
        self._sorted = np.argsort(self._all_keys, kind="stable")
        found, self._starts, self._counts = np.unique(
            self._all_keys[self._sorted], return_index=True, return_counts=True
        )
        self._keys = np.append(found, np.uint64(0))  # so that every place of searchsorted is one
        self._starts, self._counts = np.append(self._starts, 0), np.append(self._counts, 0)


def padded(rows: int) -> int:
    return -(-rows // _WORD) * _WORD


def _hashes(columns: Array) -> NDArray[np.uint64]:
    """A number for each column (n, rows), 0 for a blank one."""
    words = np.ascontiguousarray(columns).view(np.uint64)
    found = np.zeros(len(words), np.uint64)
    for word in words.T:
        found = (found + word) * _MIX[0]
        found ^= found >> np.uint64(29)
    return found


def _pair_keys(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for each column and the next one, 0 where the first is blank."""
    return np.where(hashes != 0, _mixed(hashes, np.append(hashes[1:], np.uint64(0))), np.uint64(0))


def _mixed(first: NDArray[np.uint64], following: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return first * _MIX[1] + following * _MIX[2]


def ranges(starts: Array, counts: Array) -> NDArray[np.int64]:
    """The numbers from each start on, so many as its count."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
