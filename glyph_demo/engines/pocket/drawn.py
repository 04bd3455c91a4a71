"""Reads pages that this app drew, from their pixels alone. Font, size and baselines are known, so nothing has to be
guessed: from left to right, the glyph at the pen is the one that has these pixels, and a line counts as read only if
all its pixels are explained. Any other line is left to the recognition network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.events import Box
from glyph_demo.engines.pocket.glyph_index import Glyph, GlyphIndex
from glyph_demo.engines.pocket.lookalikes import rank, spell
from glyph_demo.rendering.atlas import PHASES, load_atlas
from glyph_demo.rendering.characters import codepoints, right_to_left
from glyph_demo.rendering.fonts import MISSING, UNITS, load_chain
from glyph_demo.rendering.paint import baseline_rows
from glyph_demo.rendering.prebake import CHARACTERS
from glyph_demo.rendering.style import SOURCE_HAN, Style, has_cjk

BELOW = 0.3  # em under the baseline that a glyph may reach; 0.24 is the most of running text
ABOVE = 0.93  # em over it; styles whose lines are closer than both together are not read here
SQUEEZE = 0.1  # of a space, the most that a full line's spaces shrink: 0.05 a word, see rendering/layout.py
SPACE = -1
PAPER = 4  # columns beyond the ink of a line that a glyph may reach
MOST_STEPS = 20_000  # places tried on a line before it is given up
FAILURES = 3  # lines; a page that begins with so many unread ones was not drawn by us


# Added when a line cannot be read: first what is quick to draw and common, then what takes a second.
_MORE_CHINESE = "".join(
    bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xD8, 0xF8) for cell in range(0xA1, 0xFF)
)
_BIG5 = "".join(
    bytes((row, cell)).decode("big5", "ignore")
    for row in range(0xA4, 0xC7)
    for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
)
_SIGNS = "".join(map(chr, [*range(0x180, 0x370), *range(0x460, 0x530), *range(0x1E00, 0x2800), *range(0xFB00, 0xFB07)]))
# Returns characters that may be in a line, which could not be read.
Guess = Callable[[Box], str]


class DrawnLine(NamedTuple):
    """`box` is (left, top, right, bottom) in pixels; `text` is None where the line could not be read."""

    box: Box
    text: str | None


class DrawnReader:
    """Reads pages of one style, with the fonts for Chinese and for other text."""

    def __init__(self, style: Style) -> None:
        self._style = style
        step = int(style.leading * style.scale)
        self._below = math.ceil(BELOW * style.pixel_size)
        self._above = step - self._below
        self.possible = self._above >= ABOVE * style.pixel_size and style.newline == "break"
        self._indexes: dict[bool, GlyphIndex] = {}
        self._cjk = False  # what the last page was

    def read(self, gray: NDArray[np.uint8], guess: Guess) -> list[DrawnLine] | None:
        """The lines of a page (H, W) uint8 from top to bottom, those without ink left out. None if it was not drawn in
        this style."""
        if not self.possible or gray.shape[1] > self._style.page_pixels[0]:
            return None
        bands = list(self._bands(255 - gray))
        index = self._drawn_with(bands[:FAILURES], guess)
        if index is None:
            return None
        return [DrawnLine(band.box, self._read_surely(band, index, guess)) for band in bands]

    def left_to_others(self, counts: dict[str, int], cjk: bool) -> dict[str, int]:
        """Those of these characters, in a text with or without ideographs, that are not read here: letters that are
        drawn joined and marks on other letters."""
        if not self.possible:
            return counts
        chain = load_chain(self._style.chain(cjk))
        codes = codepoints("".join(counts))
        apart = right_to_left(codes) | ((chain.advance[codes] == 0) & (chain.face[codes] != MISSING))
        return {one: count for (one, count), is_apart in zip(counts.items(), apart, strict=True) if is_apart}

    def _drawn_with(self, bands: list[_Band], guess: Guess) -> GlyphIndex | None:
        """The glyphs that one of these lines can be read with; None if there are none."""
        for cjk in (self._cjk, not self._cjk):
            index = self._index(cjk)
            if any(self._read_band(band, index) for band in bands):
                self._cjk = cjk
                return index
        self._cjk = has_cjk("".join(guess(band.box) for band in bands))
        index = self._index(self._cjk)
        index.add("".join(guess(band.box) for band in bands))
        return index if any(self._read_band(band, index) for band in bands) else None

    def _read_surely(self, band: _Band, index: GlyphIndex, guess: Guess) -> str | None:
        """Read a line, with more glyphs as long as it cannot be read."""
        more: list[Callable[[], str]] = [lambda: "", lambda: guess(band.box), lambda: _SIGNS]
        if self._cjk:
            more[1:1] = [lambda: _MORE_CHINESE]
            more.append(lambda: _BIG5)
        for number, characters in enumerate(more):
            if index.add(characters()) or number == 0:
                text = self._read_band(band, index)
                if text is not None:
                    return text
        return None

    def _index(self, cjk: bool) -> GlyphIndex:
        if cjk not in self._indexes:
            fonts = self._style.chain(cjk)
            atlas = load_atlas(fonts, self._style.pixel_size)
            index = GlyphIndex(atlas, atlas.above - self._above, atlas.above + self._below)
            for font in fonts:
                index.add(CHARACTERS.get(font, "") if cjk or font is not SOURCE_HAN else "")
            index.add_missing()
            self._indexes[cjk] = index
        return self._indexes[cjk]

    def _bands(self, ink: NDArray[np.uint8]) -> Iterator[_Band]:
        """The rows of text with ink, each with the pixels from its top to the next one's."""
        style = self._style
        baselines = baseline_rows(style, 0, style.rows).tolist()
        for baseline, after in zip(baselines, [*baselines[1:], baselines[-1] + 10**6], strict=True):
            top, bottom = baseline - self._above, baseline + self._below
            if top >= len(ink):
                return
            band = np.zeros((bottom - top, ink.shape[1]), np.uint8)
            own = ink[max(0, top) : min(bottom, after - self._above)]
            band[max(0, -top) : max(0, -top) + len(own)] = own
            columns = np.flatnonzero(band.any(axis=0))
            if columns.size:
                box = int(columns[0]), max(0, top), int(columns[-1]) + 1, min(bottom, len(ink))
                yield _Band(box, band.T.copy())

    def _read_band(self, band: _Band, index: GlyphIndex) -> str | None:
        line = _Line(band.columns, index, self._style)
        found = line.read(0.0) or line.read(SQUEEZE)
        if found is None:
            return None
        return spell([" " if number == SPACE else index.characters[number] for number in found])


class _Band(NamedTuple):
    box: Box
    columns: NDArray[np.uint8]  # (W, rows) coverage


class _Place(NamedTuple):
    """How far a line is read. `pen` is in 1/UNITS em; `spaces` were before it. `drawn` are the columns from `begin` on
    that the glyphs so far have drawn and the next one may draw on; all before are explained. The spaces shrink by
    `least` to `most` pixels each. `last` is the number of the glyph that led here, `before` the place before it."""

    pen: int = 0
    spaces: int = 0
    begin: int = 0
    drawn: tuple[bytes, ...] = ()
    least: float = 0.0
    most: float = 0.0
    last: int = SPACE
    before: _Place | None = None


class _Line:
    """A search for the glyphs whose pixels are those of a line."""

    def __init__(self, columns: NDArray[np.uint8], index: GlyphIndex, style: Style) -> None:
        height = columns.shape[1]
        inked = np.flatnonzero(columns.any(axis=1))
        self._end = int(inked[-1]) + 1
        self._blank = bytes(height)
        data = columns[: self._end].tobytes() + PAPER * self._blank
        starts = range(0, len(data), height)
        self._columns = [data[i : i + height] for i in starts]
        self._pairs = [data[i : i + 2 * height].ljust(2 * height, b"\0") for i in starts]
        self._index = index
        self._pixel = style.pixel_size / UNITS
        self._margin = style.inset * style.scale

    def read(self, squeeze: float) -> list[int] | None:
        """The numbers of the glyphs. `squeeze` is the share of their width that spaces may have lost."""
        places = [_Place(most=squeeze * self._index.space * self._pixel)]
        for _ in range(MOST_STEPS):
            if not places:
                return None
            place = places.pop()
            if place.begin + len(place.drawn) >= self._end:
                if self._is_drawn(place, place.begin + len(place.drawn)):
                    return _path(place)
                continue
            blank = self._has_blank(place)
            if blank:
                places.append(self._space(place))
            quarters = list(self._quarters(place))
            found = self._after(place, quarters, self._glyphs)
            places += found if found or blank else self._after(place, quarters, self._narrow)
        return None

    def _after(
        self, place: _Place, quarters: list[tuple[int, float, float]], glyphs: Callable[[int], Iterator[Glyph]]
    ) -> list[_Place]:
        """The places after each glyph that fits; those to be tried first, which are wide and likely, come last."""
        found = [
            following
            for quarter, least, most in quarters
            for glyph in glyphs(quarter)
            if (following := self._put(place, glyph, quarter, least, most))
        ]
        if len(found) > 1:
            found.sort(key=self._preference)
        return found

    def _preference(self, place: _Place) -> tuple[int, int, int]:
        kind, code = min(map(rank, self._index.characters[place.last]))
        return place.begin + len(place.drawn), -kind, -code

    def _has_blank(self, place: _Place) -> bool:
        """Whether a space fits. A glyph may reach two columns into it from each side."""
        after = int((place.pen + self._index.space) * self._pixel + self._margin)
        after -= 2 + math.ceil((place.spaces + 1) * place.most)
        begin = place.begin + len(place.drawn)
        return all(column == self._blank for column in self._columns[begin:after])

    def _space(self, place: _Place) -> _Place:
        return place._replace(pen=place.pen + self._index.space, spaces=place.spaces + 1, last=SPACE, before=place)

    def _quarters(self, place: _Place) -> Iterator[tuple[int, float, float]]:
        """The quarter pixels where the pen may be, and how far the spaces are then shrunk."""
        x = place.pen * self._pixel + self._margin
        first = math.floor((x - place.spaces * place.most) * PHASES + 1e-6)
        last = math.floor((x - place.spaces * place.least) * PHASES + 1e-6)
        if first == last:
            yield first, place.least, place.most
            return
        for quarter in range(last, first - 1, -1):
            least = max(place.least, (x - (quarter + 1) / PHASES) / place.spaces)
            yield quarter, least, min(place.most, (x - quarter / PHASES) / place.spaces)

    def _glyphs(self, quarter: int) -> Iterator[Glyph]:
        pen, at = quarter // PHASES, self._index.at[quarter % PHASES]
        for offset in range(self._index.first, self._index.last + 1):
            if 0 <= pen + offset < self._end:
                yield from at.get((offset, self._pairs[pen + offset]), ())

    def _narrow(self, quarter: int) -> Iterator[Glyph]:
        yield from self._index.narrow[quarter % PHASES]

    def _put(self, place: _Place, glyph: Glyph, quarter: int, least: float, most: float) -> _Place | None:
        """The place after a glyph; None if its pixels are not there."""
        first = quarter // PHASES + glyph.left
        end = first + len(glyph.columns)
        if first < place.begin or end > len(self._columns) or not self._is_drawn(place, first):
            return None
        drawn_to = place.begin + len(place.drawn)
        if first >= drawn_to and self._columns[first:end] == glyph.columns:
            drawn: tuple[bytes, ...] = tuple(glyph.columns[-2:])
            first = end - len(drawn)
        else:
            below = list(place.drawn[first - place.begin :]) if first < drawn_to else []
            longest = max(len(below), len(glyph.columns))
            below += [self._blank] * (longest - len(below))
            above = glyph.columns + [self._blank] * (longest - len(glyph.columns))
            drawn = tuple(map(_blend, below, above))
            if not all(map(_within, drawn, self._columns[first : first + longest])):
                return None
        return _Place(place.pen + glyph.advance, place.spaces, first, drawn, least, most, glyph.number, place)

    def _is_drawn(self, place: _Place, end: int) -> bool:
        """Whether all columns before `end` are as drawn, blank where nothing is."""
        drawn_to = place.begin + len(place.drawn)
        if tuple(self._columns[place.begin : min(end, drawn_to)]) != place.drawn[: max(0, end - place.begin)]:
            return False
        return all(column == self._blank for column in self._columns[drawn_to:end])


def _path(place: _Place) -> list[int]:
    glyphs = []
    at: _Place | None = place
    while at is not None and at.before is not None:
        glyphs.append(at.last)
        at = at.before
    return glyphs[::-1]


def _blend(below: bytes, above: bytes) -> bytes:
    """As rendering/paint.py blends pictures."""
    if not any(below):
        return above
    if not any(above):
        return below
    return bytes(255 - ((255 - a) * (255 - b) + 127) // 255 for a, b in zip(below, above, strict=True))


def _within(drawn: bytes, page: bytes) -> bool:
    return drawn == page or all(a <= b for a, b in zip(drawn, page, strict=True))
