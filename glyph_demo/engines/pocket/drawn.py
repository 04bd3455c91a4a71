"""Reads pages that this app drew, from their pixels alone. Font, size and baselines are known, so nothing has to be
guessed: from left to right, the glyph at the pen is the one that has these pixels, and a line counts as read only if
all its pixels are explained. Any other line is left to the recognition network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.events import Box
from glyph_demo.engines.pocket.drawn_lines import DrawnLines
from glyph_demo.engines.pocket.glyph_index import GlyphIndex, padded
from glyph_demo.engines.pocket.line_search import SPACE
from glyph_demo.engines.pocket.lookalikes import spell
from glyph_demo.rendering.atlas import load_atlas
from glyph_demo.rendering.characters import codepoints, right_to_left
from glyph_demo.rendering.fonts import MISSING, load_chain
from glyph_demo.rendering.paint import baseline_rows
from glyph_demo.rendering.prebake import CHARACTERS
from glyph_demo.rendering.style import SOURCE_HAN, Style, has_cjk

BELOW = 0.3  # em under the baseline that a glyph may reach; 0.24 is the most of running text
ABOVE = 0.93  # em over it; styles whose lines are closer than both together are not read here
PAPER = 4  # columns beyond the page that a glyph may reach
FAILURES = 3  # lines; a page that begins with so many unread ones was not drawn by us
AROUND = 2.5  # em on either side of a glyph that is not known, which it is guessed from


# Added when a line cannot be read: first what is quick to draw and common, then what takes a second.
_MORE_CHINESE = "".join(
    bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xD8, 0xF8) for cell in range(0xA1, 0xFF)
)
_BIG5 = "".join(
    bytes((row, cell)).decode("big5", "ignore")
    for row in range(0xA4, 0xC7)
    for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
)
_SIGNS = tuple(
    "".join(map(chr, range(first, last)))
    for first, last in (
        (0x2000, 0x2300),  # punctuation, signs of mathematics
        (0x180, 0x250),  # Latin
        (0x250, 0x370),  # phonetic
        (0x1E00, 0x1F00),  # Latin with accents
        (0x1F00, 0x2000),  # Greek with accents
        (0x2300, 0x2800),
        (0x460, 0x530),  # Cyrillic
        (0xFB00, 0xFB07),  # ligatures
    )
)
# Returns characters that may be in a part of a page that could not be read.
Guess = Callable[[Box], str]

Lines = NDArray[np.uint8]


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

    def prepare(self) -> None:
        """Draw the usual glyphs of both kinds of text."""
        if self.possible:
            for cjk in (True, False):
                self._index(cjk)

    def read(self, gray: NDArray[np.uint8], guess: Guess) -> list[DrawnLine] | None:
        """The lines of a page (H, W) uint8 from top to bottom, those without ink left out. None if it was not drawn in
        this style."""
        if not self.possible or gray.shape[1] > self._style.page_pixels[0]:
            return None
        boxes, lines = self._cut(255 - gray)
        if not boxes:
            return None
        texts = self._read_with_one(boxes, lines, guess)
        if texts is None:
            return None
        return [DrawnLine(box, text) for box, text in zip(boxes, texts, strict=True)]

    def left_to_others(self, counts: dict[str, int], cjk: bool) -> dict[str, int]:
        """Those of these characters, in a text with or without ideographs, that are not read here: letters that are
        drawn joined and marks on other letters."""
        if not self.possible:
            return counts
        chain = load_chain(self._style.chain(cjk))
        codes = codepoints("".join(counts))
        apart = right_to_left(codes) | ((chain.advance[codes] == 0) & (chain.face[codes] != MISSING))
        return {one: count for (one, count), is_apart in zip(counts.items(), apart, strict=True) if is_apart}

    def _read_with_one(self, boxes: list[Box], lines: Lines, guess: Guess) -> list[str | None] | None:
        """The texts of the lines in the glyphs of a language; None if those of neither are on the first ones."""
        for cjk in (self._cjk, not self._cjk):
            texts = self._read(boxes, lines, cjk, guess)
            if texts is not None:
                return texts
        guessed = "".join(map(guess, boxes[:FAILURES]))
        self._index(has_cjk(guessed)).add(guessed)
        return self._read(boxes, lines, has_cjk(guessed), guess)

    def _read(self, boxes: list[Box], lines: Lines, cjk: bool, guess: Guess) -> list[str | None] | None:
        index = self._index(cjk)
        texts: list[str | None] = []
        for i, numbers in enumerate(DrawnLines(lines, index, self._style).read()):
            texts.append(_text(numbers, index))
            if i == min(FAILURES, len(lines)) - 1 and not any(texts):
                return None
        self._cjk = cjk
        self._read_more(boxes, lines, texts, guess)
        return texts

    def _read_more(self, boxes: list[Box], lines: Lines, texts: list[str | None], guess: Guess) -> None:
        """Read the lines without text: with the glyphs that may be where each cannot be read, then with as many as it
        takes."""
        index = self._index(self._cjk)
        more = list(_SIGNS) + self._cjk * [_MORE_CHINESE, _BIG5]
        guessed: set[Box] = set()
        while unread := [i for i, text in enumerate(texts) if text is None]:
            reading = DrawnLines(lines[unread], index, self._style)
            for i, numbers in zip(unread, reading.read(), strict=True):
                texts[i] = _text(numbers, index)
            places = [
                self._near(boxes[i], column)
                for i, column in zip(unread, reading.reached, strict=True)
                if texts[i] is None
            ]
            new = [place for place in places if place not in guessed]
            # One at a time: other lines often lack the same glyphs, and a guess takes as long as half a page.
            guessed.update(new[:1])
            grown = bool(new) and index.add(guess(new[0]))
            while places and not new and not grown:
                if not more:
                    return
                grown = index.add(more.pop(0))

    def _near(self, box: Box, column: int) -> Box:
        """The part of a line that shows the glyph at a column with those beside it."""
        left, top, right, bottom = box
        around = round(AROUND * self._style.pixel_size)
        return max(left, column - around), top, min(right, column + around), bottom

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

    def _cut(self, ink: NDArray[np.uint8]) -> tuple[list[Box], Lines]:
        """The boxes of the rows of text with ink, and the pixels of each from its top to the next one's: (n, columns,
        rows), a few columns wider than the page."""
        baselines = baseline_rows(self._style, 0, self._style.rows).tolist()
        boxes, lines = [], []
        for baseline, after in zip(baselines, [*baselines[1:], baselines[-1] + 10**6], strict=True):
            top, bottom = baseline - self._above, baseline + self._below
            if top >= len(ink):
                break
            own = ink[max(0, top) : min(bottom, after - self._above)]
            columns = np.flatnonzero(own.any(axis=0))
            if columns.size:
                line = np.zeros((ink.shape[1] + PAPER, padded(bottom - top)), np.uint8)
                line[: ink.shape[1], max(0, -top) : max(0, -top) + len(own)] = own.T
                lines.append(line)
                boxes.append((int(columns[0]), max(0, top), int(columns[-1]) + 1, min(bottom, len(ink))))
        return boxes, np.stack(lines) if lines else np.zeros((0, 1, padded(1)), np.uint8)


def _text(numbers: list[int] | None, index: GlyphIndex) -> str | None:
    if numbers is None:
        return None
    return spell([" " if number == SPACE else index.characters[number] for number in numbers])
