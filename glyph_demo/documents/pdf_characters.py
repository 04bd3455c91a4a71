"""The characters of a PDF page and where they stand, by pdfium, in the order of the file."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from math import atan2, cos, degrees, hypot, radians, sin
from typing import NamedTuple

from glyph_demo.documents.pdfium import pdfium, raw

UNKNOWN = "\ufffd"  # a glyph that the file gives no letter for
_SNAP = 5  # degrees
_SAME_PLACE = 0.07  # of the font size: fake bold and shadows are drawn closer, no letters stand twice as far
_SPACES = frozenset(" \t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f")
_VOWELS = frozenset("aeiouyàáâãäåèéêëìíîïòóôõöøùúûüýąęóаеёиоуыэюяіїєαεηιουω")
_FARTHEST = 1e6  # points; a page has 14,400 at most, files have anything
_HYPHEN_CODES = (0x02, 0xFFFE)  # pdfium's own for a hyphen at the end of a line


@dataclass(slots=True)
class Character:
    """`turn` is the direction of the text, in degrees against the clock. `start` and `end` are measured along that
    direction, `base` (the baseline) upwards across it, in points; `size` is the font size in points. All spaces are
    " ". `piece` counts text objects."""

    text: str
    start: float
    end: float
    base: float
    size: float
    turn: int
    piece: int

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in the page's coordinates, from a little below the baseline to its capitals."""
        low, high = self.base - 0.2 * self.size, self.base + 0.7 * self.size
        ends = [_along(-self.turn, *corner) for corner in ((self.start, low), (self.end, high))]
        sides = [_across(-self.turn, *corner) for corner in ((self.start, low), (self.end, high))]
        return min(ends), min(sides), max(ends), max(sides)


class Piece(NamedTuple):
    """What all characters of one text object of pdfium share. `place` is that of its first character."""

    handle: raw.FPDF_PAGEOBJECT
    turn: int
    size: float
    place: tuple[float, float]


def characters_of(text: pdfium.PdfTextPage) -> tuple[list[Character], list[Piece]]:
    """All characters, also those nobody sees. `Character.piece` counts in the list of pieces."""
    read = _Reader(text)
    for number in range(text.count_chars()):
        read.take(number)
    read.judge_unmapped()
    return read.characters, read.pieces


class _Reader:
    def __init__(self, text: pdfium.PdfTextPage) -> None:
        self.characters: list[Character] = []
        self.pieces: list[Piece] = []
        self._text = text.raw
        self._box, self._matrix = raw.FS_RECTF(), raw.FS_MATRIX()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._known: int | None = None  # address of the last text object
        self._places: dict[tuple[str, int, int, int], int] = {}  # letter, turn and rounded place to piece
        self._unmapped: list[Character] = []
        self._compared, self._repeats = -1, False  # a text object, and whether its last letter stood there already

    def take(self, number: int) -> None:
        code = raw.FPDFText_GetUnicode(self._text, number)
        letter = chr(code) if code < sys.maxunicode else UNKNOWN
        handle = raw.FPDFText_GetTextObject(self._text, number)
        if not handle or letter in "\r\n":  # what pdfium adds belongs to no object
            return
        if letter in _SPACES:
            if raw.FPDFText_IsGenerated(self._text, number):
                return
            letter = " "
        elif code in _HYPHEN_CODES:
            letter = "-"
        elif code == 0:
            letter = UNKNOWN
        piece = self._piece(handle, number)
        start, end = self._extent(piece, number)
        base = _across(piece.turn, *piece.place)
        if not (abs(start) < _FARTHEST and abs(end) < _FARTHEST and abs(base) < _FARTHEST):
            return  # also what is no number
        character = Character(letter, start, end, base, piece.size, piece.turn, len(self.pieces) - 1)
        if letter == " " or not self._is_there(character):
            self.characters.append(character)
            if letter != " " and raw.FPDFText_HasUnicodeMapError(self._text, number):
                self._unmapped.append(character)

    def judge_unmapped(self) -> None:
        """Where a font has no table of its letters pdfium gives the numbers of its glyphs. In files of some programs
        they are letters all the same; in others they become UNKNOWN."""
        fonts: dict[int, list[Character]] = defaultdict(list)
        for character in self._unmapped:
            font = raw.FPDFTextObj_GetFont(self.pieces[character.piece].handle)
            fonts[ctypes.cast(font, ctypes.c_void_p).value or 0].append(character)
        for characters in fonts.values():
            if not _is_language("".join(character.text for character in characters)):
                for character in characters:
                    character.text = UNKNOWN

    def _piece(self, handle: raw.FPDF_PAGEOBJECT, number: int) -> Piece:
        address = ctypes.cast(handle, ctypes.c_void_p).value
        if address != self._known:
            self._known = address
            raw.FPDFText_GetMatrix(self._text, number, self._matrix)
            raw.FPDFText_GetCharOrigin(self._text, number, self._x, self._y)
            a, b, c, d = self._matrix.a, self._matrix.b, self._matrix.c, self._matrix.d
            size = raw.FPDFText_GetFontSize(self._text, number)
            if size < 0:
                a, b, c, d = -a, -b, -c, -d
            turn = round(degrees(atan2(b, a))) % 360
            right = round(turn / 90) * 90
            size = abs(size) * hypot(c, d)
            size = size if 0.01 < size < _FARTHEST else 1.0
            place = (self._x.value, self._y.value)
            self.pieces.append(Piece(handle, right % 360 if abs(turn - right) <= _SNAP else turn, size, place))
        return self.pieces[-1]

    def _is_there(self, character: Character) -> bool:
        """The same letter stands at the same place already, in another text object: fake bold, or a shadow."""
        step = _SAME_PLACE * character.size
        along, across = int(character.start / step), int(character.base / step)
        if character.piece != self._compared or self._repeats:
            near = product((along - 1, along, along + 1), (across - 1, across, across + 1))
            pieces = (self._places.get((character.text, character.turn, *place)) for place in near)
            self._repeats = any(piece not in (None, character.piece) for piece in pieces)
            self._compared = character.piece
        if not self._repeats:
            self._places[character.text, character.turn, along, across] = character.piece
        return self._repeats

    def _extent(self, piece: Piece, number: int) -> tuple[float, float]:
        """Start and end along the text's direction. For slanted text pdfium's boxes are too wide: half an em then."""
        if piece.turn % 90:
            raw.FPDFText_GetCharOrigin(self._text, number, self._x, self._y)
            start = _along(piece.turn, self._x.value, self._y.value)
            return start, start + 0.5 * piece.size
        box = self._box
        raw.FPDFText_GetLooseCharBox(self._text, number, box)
        if piece.turn == 0:
            return box.left, box.right
        ends = _along(piece.turn, box.left, box.bottom), _along(piece.turn, box.right, box.top)
        return min(ends), max(ends)


def _is_language(text: str) -> bool:
    """Whether numbers of glyphs, taken for letters, are such: of ten or more a quarter are vowels; four or more of
    Chinese or Japanese are all common ones, which one in three ideographs is; fewer are nothing but figures."""
    if any(letter < " " for letter in text):
        return False
    wide = [letter for letter in text if letter >= "\u2e80"]
    if len(wide) >= 4:
        return any(_encodes("".join(wide), codec) for codec in ("gb2312", "big5", "shift_jis", "euc_kr"))
    letters = [letter for letter in text.lower() if letter.isalpha()]
    if len(letters) >= 10:
        return 0.25 < sum(letter in _VOWELS for letter in letters) / len(letters) < 0.6
    return bool(re.fullmatch(r"[\d.,%−-]+", text))


def _encodes(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _along(turn: int, x: float, y: float) -> float:
    return x * cos(radians(turn)) + y * sin(radians(turn))


def _across(turn: int, x: float, y: float) -> float:
    return y * cos(radians(turn)) - x * sin(radians(turn))
