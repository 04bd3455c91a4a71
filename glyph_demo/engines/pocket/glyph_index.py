"""The glyphs that pages are drawn with, found by a column of their pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.lookalikes import ALPHABETS
from glyph_demo.rendering.atlas import PHASES, Atlas
from glyph_demo.rendering.characters import INK, character_classes
from glyph_demo.rendering.fonts import MISSING

NARROW = 3  # columns

Picture = NDArray[np.uint8]


class Glyph(NamedTuple):
    """A glyph at one quarter-pixel phase. `left` is its first column, counted from the whole pixel of the pen; a column
    has the coverage of the rows of a band. `advance` is in 1/UNITS em."""

    number: int
    advance: int
    left: int
    columns: list[bytes]


class GlyphIndex:
    """Glyphs of an atlas, of which the rows `top` to `bottom` count. `characters[number]` are all that look like one.
    `at[phase]` maps (column counted from the pen, its bytes and the next one's) to the glyphs with these in their
    middle, all between the columns `first` and `last`. `narrow[phase]` are those that the glyph before may reach into
    altogether, such as the i of "fi"."""

    def __init__(self, atlas: Atlas, top: int, bottom: int) -> None:
        self._atlas, self._rows = atlas, slice(top, bottom)
        self._known: set[int] = set()
        self._alike: dict[tuple[int, int, bytes], int] = {}  # advance, left and pixels → number
        self._seen: set[tuple[int, bytes]] = set()  # left and pixels
        self.characters: list[str] = []
        self.at: list[dict[tuple[int, bytes], list[Glyph]]] = [{} for _ in range(PHASES)]
        self.narrow: list[list[Glyph]] = [[] for _ in range(PHASES)]
        self.first, self.last = 0, 0
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
        missing = np.flatnonzero((self._atlas.chain.face == MISSING) & (character_classes() == INK))
        for code in {int(self._atlas.chain.advance[code]): int(code) for code in missing}.values():
            self._add([code], "\ufffd")

    def _add(self, codes: list[int], shown: str = "") -> None:
        atlas = self._atlas
        with atlas.lock:
            slots = atlas.slots(np.array(codes, np.uint32))
            for code, slot in zip(codes, slots.tolist(), strict=True):
                keys = range(PHASES * slot, PHASES * (slot + 1))
                pictures = [atlas.columns[atlas.first[key] : atlas.first[key] + atlas.width[key]] for key in keys]
                cut = [
                    picture.view(np.uint8).reshape(len(picture), atlas.height)[:, self._rows] for picture in pictures
                ]
                lefts = [int(atlas.left[key]) for key in keys]
                if all(len(picture) for picture in cut):
                    self._put(shown or chr(code), int(atlas.chain.advance[code]), lefts, cut)

    def _put(self, character: str, advance: int, lefts: list[int], pictures: list[Picture]) -> None:
        look = lefts[0], pictures[0].tobytes()
        if look in self._seen and (advance, *look) not in self._alike and ord(character) > ALPHABETS[-1][1]:
            return  # such as a Roman numeral that looks like a letter
        self._seen.add(look)
        number = self._alike.setdefault((advance, *look), len(self.characters))
        if number < len(self.characters):
            self.characters[number] += character
            return
        self.characters.append(character)
        for phase, (left, picture) in enumerate(zip(lefts, pictures, strict=True)):
            columns = [column.tobytes() for column in picture]
            glyph = Glyph(number, advance, left, columns)
            middle = (len(columns) - 1) // 2
            pair = b"".join((columns[middle], *columns[middle + 1 : middle + 2])).ljust(2 * len(columns[0]), b"\0")
            self.at[phase].setdefault((left + middle, pair), []).append(glyph)
            self.first, self.last = min(self.first, left + middle), max(self.last, left + middle)
            if len(columns) <= NARROW and ord(character) < ALPHABETS[-1][1]:
                self.narrow[phase].append(glyph)
