"""The characters of a PDF page and where they stand, by pdfium, in the order of the file."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Any, NamedTuple

from glyph_demo.documents.pdfium import pdfium, raw

UNKNOWN = "\ufffd"  # a glyph that the file gives no letter for
_SNAP = 5  # degrees
_SAME_PLACE = 0.12  # of the font size: fake bold and shadows are drawn closer, letters are not
_SPACES = frozenset(" \t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f")
_VOWELS = frozenset("aeiouyàáâãäåèéêëìíîïòóôõöøùúûüýąęóаеёиоуыэюяіїєαεηιουω")
_FARTHEST = 1e6  # points; a page has 14,400 at most, files have anything
_STEP = 25.0  # points, of the grid in which characters are found again
_STRETCH = re.compile("[^\r\n\x02\ufffe]+|[\x02\ufffe]")
# What is read letter by letter: controls, spaces of other widths or several, marks on letters, scripts written
# leftwards, private letters, dots to write on, and words too long to be one.
_ODD = re.compile(
    "[\x00-\x1f\x7f-\xa0\u0300-\u036f\u0590-\u08ff\u2000-\u200f\u202f\u205f\ud800-\uf8ff\ufb1d-\ufdff\ufe70-\ufeff\uffff]"
    "|  |[_.…·]{3}|[^ \u2e80-\uffff]{25}"
)
_HYPHEN_CODES = (0x02, 0xFFFE)  # pdfium's own for a hyphen at the end of a line

# The text object of a character as a plain number, which takes a third of the time of the pointer that raw gives.
_address = ctypes.cast(raw.FPDFText_GetTextObject, ctypes.CFUNCTYPE(ctypes.c_void_p, raw.FPDF_TEXTPAGE, ctypes.c_int))


@dataclass(slots=True)
class Character:
    """A letter, or a run of letters and single spaces that stand as their font has them. `turn` is the direction of the
    text, in degrees against the clock. `start` and `end` are measured along that direction, `base` (the baseline)
    upwards across it, in points; `size` is the font size in points. A space on its own is " ". `piece` counts text
    objects."""

    text: str
    start: float
    end: float
    base: float
    size: float
    turn: int
    piece: int

    @property
    def width(self) -> float:
        """Of one letter."""
        return (self.end - self.start) / len(self.text)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in the page's coordinates, from a little below the baseline to its capitals."""
        low, high = self.base - 0.2 * self.size, self.base + 0.7 * self.size
        ends = [_along(-self.turn, *corner) for corner in ((self.start, low), (self.end, high))]
        sides = [_across(-self.turn, *corner) for corner in ((self.start, low), (self.end, high))]
        return min(ends), min(sides), max(ends), max(sides)


class Piece(NamedTuple):
    """What all characters of one text object of pdfium share. `place` is that of its first character."""

    handle: Any
    turn: int
    size: float
    place: tuple[float, float]


def characters_of(text: pdfium.PdfTextPage) -> tuple[list[Character], list[Piece]]:
    """All characters, also those nobody sees, each once. `Character.piece` counts in the list of pieces."""
    read = _Reader(text)
    count = text.count_chars()
    buffer = (ctypes.c_ushort * (count + 1))()
    length = raw.FPDFText_GetText(text, 0, count, buffer) - 1
    letters = bytes(buffer).decode("utf-16-le", "surrogatepass")[:-1] if length == count else ""
    if len(letters) == count:
        for stretch in _STRETCH.finditer(letters):
            read.take_all(stretch.start(), letters[stretch.start() : stretch.end()])
    else:  # characters beyond 16 bits, or left out of the text
        for number in range(count):
            read.take(number)
    read.judge_unmapped()
    return read.characters, read.pieces


class _Reader:
    """Calls of pdfium take most of the time, so what is plain is read as a run, by its ends, and the rest by letter."""

    def __init__(self, text: pdfium.PdfTextPage) -> None:
        self.characters: list[Character] = []
        self.pieces: list[Piece] = []
        self._text = text.raw
        self._box, self._matrix = raw.FS_RECTF(), raw.FS_MATRIX()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._known = 0  # address of the last text object
        self._places: dict[tuple[int, int, int], list[Character]] = defaultdict(list)
        self._unmapped: list[Character] = []

    def take_all(self, first: int, letters: str) -> None:
        """Characters from the `first`, that have these letters."""
        begin, end = first, first + len(letters)
        while begin < end:
            stop = self._end_of_piece(begin, end)
            if not self._take_run(begin, letters[begin - first : stop - first]):
                for number in range(begin, stop):
                    self.take(number)
            begin = stop

    def take(self, number: int) -> None:
        code = raw.FPDFText_GetUnicode(self._text, number)
        letter = chr(code) if code < sys.maxunicode else UNKNOWN
        if not _address(self._text, number) or letter in "\r\n":  # what pdfium adds belongs to no object
            return
        if letter in _SPACES:
            if raw.FPDFText_IsGenerated(self._text, number):
                return
            letter = " "
        elif code in _HYPHEN_CODES:
            letter = "-"
        elif code == 0:
            letter = UNKNOWN
        character = self._character(letter, number, number)
        if self._add(character) and letter != " " and raw.FPDFText_HasUnicodeMapError(self._text, number):
            self._unmapped.append(character)

    def _take_run(self, begin: int, letters: str) -> bool:
        """Whether these characters of one text object are plain: nothing but letters with single spaces that are in the
        file, on one line without gaps. If so they are taken."""
        inner = letters.strip(" ")
        if len(inner) < 2 or _ODD.search(letters) or not _address(self._text, begin):
            return False
        first = begin + letters.index(inner)
        last = first + len(inner) - 1
        is_mapped = not (
            raw.FPDFText_HasUnicodeMapError(self._text, first) or raw.FPDFText_HasUnicodeMapError(self._text, last)
        )
        spaces = (begin + space.start() for space in re.finditer(" ", letters))
        if not is_mapped or any(raw.FPDFText_IsGenerated(self._text, space) for space in spaces):
            return False
        run = self._character(inner, first, last)
        raw.FPDFText_GetCharOrigin(self._text, last, self._x, self._y)
        down = abs(run.base - _across(run.turn, self._x.value, self._y.value))
        if run.turn % 90 or down > 0.1 * run.size or not 0.1 * run.size < run.width < 1.1 * run.size:
            return False
        if first > begin:
            self._add(replace(run, text=" ", end=run.start))
        self._add(run)
        if last + 1 < begin + len(letters):
            self._add(replace(run, text=" ", start=run.end))
        return True

    def _character(self, text: str, first: int, last: int) -> Character:
        piece = self._piece(first)
        start, end = self._extent(piece, first)
        if last != first:
            end = self._extent(piece, last)[1]
        base = _across(piece.turn, *piece.place)
        return Character(text, start, end, base, piece.size, piece.turn, len(self.pieces) - 1)

    def _end_of_piece(self, begin: int, end: int) -> int:
        """Behind the last character before `end` that is of the same text object as the one at `begin`. Those of an
        object follow each other."""
        known = _address(self._text, begin)
        step, low = end - begin, begin + 1
        while low < end:
            step = min(step, end - low)
            if _address(self._text, low + step - 1) == known:
                low += step
            elif step == 1:
                break
            else:
                step //= 2
        return low

    def _add(self, character: Character) -> bool:
        """Unless it stands nowhere, or there already."""
        where = (character.start, character.end, character.base)
        if not all(abs(value) < _FARTHEST for value in where):  # also what is no number
            return False
        if character.text != " ":
            if self._is_there(character):
                return False
            across = int(character.base / _STEP)
            for along in range(int(character.start / _STEP), int(character.end / _STEP) + 1):
                self._places[character.turn, across, along].append(character)
        self.characters.append(character)
        return True

    def _is_there(self, character: Character) -> bool:
        """The same letters stand at the same place already, in another text object: fake bold, or a shadow."""
        near = _SAME_PLACE * character.size
        along = int(character.start / _STEP)
        rows = {int((character.base + aside) / _STEP) for aside in (-near, near)}
        return any(
            abs(other.base - character.base) < near
            and other.piece != character.piece
            and _is_within(character, other, near)
            for row in rows
            for other in self._places.get((character.turn, row, along), ())
        )

    def judge_unmapped(self) -> None:
        """Where a font has no table of its letters pdfium gives the numbers of its glyphs. In files of some programs
        they are letters all the same; in others they become UNKNOWN. A font with few of them goes with the page."""
        fonts: dict[int, list[Character]] = defaultdict(list)
        for character in self._unmapped:
            font = raw.FPDFTextObj_GetFont(self.pieces[character.piece].handle)
            fonts[ctypes.cast(font, ctypes.c_void_p).value or 0].append(character)
        whole = _is_language("".join(character.text for character in self._unmapped))
        for characters in fonts.values():
            text = "".join(character.text for character in characters)
            few = sum(map(str.isalpha, text)) < 10 and min(text) >= " "
            if not (_is_language(text) or (whole and few)):
                for character in characters:
                    character.text = UNKNOWN

    def _piece(self, number: int) -> Piece:
        address = _address(self._text, number)
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
            turn = right % 360 if abs(turn - right) <= _SNAP else turn
            size = abs(size) * hypot(c, d)
            handle = raw.FPDFText_GetTextObject(self._text, number)
            place = (self._x.value, self._y.value)
            self.pieces.append(Piece(handle, turn, size if 0.01 < size < _FARTHEST else 1.0, place))
        return self.pieces[-1]

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


def _is_within(character: Character, other: Character, near: float) -> bool:
    """`other` has the same letters at about the same place."""
    if len(other.text) == 1:
        return other.text == character.text and abs(other.start - character.start) < near
    if character.end > other.end + near or character.start < other.start - near:
        return False
    at = round((character.start - other.start) / other.width)
    slack = len(character.text) + 3  # letters are not equally wide
    return character.text in other.text[max(0, at - slack) : at + len(character.text) + slack]


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
