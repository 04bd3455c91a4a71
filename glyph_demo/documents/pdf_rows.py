"""One row of a PDF page: its characters to words, cells and raised digits. Lengths are in em, the font size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from glyph_demo.documents.bidi import logical, written_leftwards
from glyph_demo.documents.pdf_characters import Character
from glyph_demo.documents.reflow import BAR, LIST_ITEM, NO_SPACE, Line
from glyph_demo.documents.text import clean

_SMALLEST = 0.44  # of the size beside it: a raised or lowered mark; an initial over two lines is larger than that
LEVEL = 0.3  # baselines closer than this are one
_INK_ONLY = 0.07  # Arabic letters are as wide as their ink: some stand apart
_SPACE = 0.15  # typesetters squeeze a space to 0.2 at least, kerning never adds as much
_WIDE_LETTERS = 0.4  # Chinese letters are set apart to fill a line
_COLONS = (":", "：")
CELL = 1.0
_WIDE_SPACE = 2.5  # beyond this a drawn space is a gap between cells, however the line is justified
_TRACKING = 0.6  # letters of a spaced-out heading stand at most this far apart
_HEAD = re.compile(r"\[[ x]\]|[0-9A-Z]{1,3}(\.[0-9]{1,3})*\.?")  # of a section, or a box to tick
_OPERATOR = re.compile(r"(?<=\w)[-+−/=]")
_RAISED = re.compile(r"[\[(]?[+−-]?[.,]?\d|[+−-]")  # how exponents and marks of notes begin
_ORDINAL = re.compile(r"st|nd|rd|th|o|a|os|as|er|re|e|ème")


@dataclass(slots=True)
class Row:
    """Characters on one baseline, with what is raised and lowered. `base` and `size` are those of its larger ones."""

    turn: int
    base: float
    size: float
    characters: list[Character] = field(default_factory=list)

    def add(self, character: Character) -> None:
        self.characters.append(character)
        if character.size > 1.15 * self.size:  # what stood there was a raised mark
            self.base, self.size = character.base, character.size

    def takes(self, character: Character) -> bool:
        last, size = self.characters[-1], max(self.size, character.size)
        if character.turn != self.turn:
            return False
        up = abs(character.base - self.base)
        if up < LEVEL * min(self.size, character.size):
            return character.piece == last.piece or not self._is_taken(character)
        small = _SMALLEST * size < min(self.size, character.size) < 0.85 * size
        if character.size > 1.15 * self.size and sum(len(each.text) for each in self.characters) > 6:
            return False
        gap = max(character.start - last.end, last.start - character.end)
        return up < 0.7 * size and (gap < 0.5 * size if small else up < 0.5 * size and abs(gap) < _SPACE * size)

    def _is_taken(self, character: Character) -> bool:
        """Another character stands there."""
        last = self.characters[-1]
        if character.start > last.end - 0.7 * last.width:
            return False
        room = 0.5 * character.width
        return any(
            min(other.end, character.end) - max(other.start, character.start) > room
            for other in self.characters
            if other.text != " "
        )

    def is_beside(self, row: Row) -> bool:
        """On the same baseline, to the right."""
        level = abs(self.base - row.base) < LEVEL * min(self.size, row.size)
        return level and self.turn == row.turn and self.characters[0].start > row.characters[-1].end

    def shift(self, character: Character) -> int:
        """1 for a raised character, -1 for a lowered one."""
        up = character.base - self.base
        limit = (0.12 if character.size < 0.9 * self.size else 0.2) * self.size
        return (up > limit) - (up < -limit)

    def lines(self) -> list[Line]:
        """One line; none if nothing is left of it but control characters."""
        characters = self._from_left()
        words = _words(self, characters)
        text = _spell(words)
        if written_leftwards(text):
            text = logical(text)
        text = clean(text).replace("\n", " ").strip()
        x = words[1].start if len(words) > 1 and LIST_ITEM.match(text) else words[0].start
        return [Line(text, x, self.base, self.size)] if text else []

    @property
    def start(self) -> float:
        return min(each.start for each in self.characters)

    @property
    def end(self) -> float:
        return max(each.end for each in self.characters)

    @property
    def letters(self) -> str:
        return "".join(each.text for each in self.characters).strip()

    def cells(self) -> list[Row]:
        """The row, parted at its wide gaps."""
        if len(self.characters) == 1:
            return [self]
        cells: list[Row] = []
        for each in self._from_left():
            if cells and (each.text == " " or each.start < cells[-1].characters[-1].end + CELL * self.size):
                cells[-1].characters.append(each)
            elif each.text != " ":
                cells.append(replace(self, characters=[each]))
        return cells

    def _from_left(self) -> list[Character]:
        """The characters by place. Those that follow each other in the file stay so, since a space may begin behind the
        next letter, where that is kerned; only a line written leftwards is sorted letter by letter."""
        if any(written_leftwards(each.text) for each in self.characters):
            return sorted(self.characters, key=lambda each: each.start + each.end)
        runs: list[list[Character]] = []
        for each in self.characters:
            last = runs[-1][-1] if runs else each
            if runs and last.end - last.width - 0.5 * self.size < each.start < last.end + CELL * self.size:
                runs[-1].append(each)
            else:
                runs.append([each])
        return [each for run in sorted(runs, key=lambda run: run[0].start) for each in run]


class _Word(NamedTuple):
    """Characters without anything between them, all raised, all lowered or neither; `before` parts it from the last."""

    before: str
    text: str
    shift: int
    start: float


def _words(row: Row, characters: Sequence[Character]) -> list[_Word]:
    words: list[_Word] = []
    slack = 0.4 if row.turn % 90 else 0.0  # where a slanted letter ends is not known
    tracking, justified = _tracking(characters), _is_justified(characters, row.size)
    last: Character | None = None
    spaces = 0
    for character in characters:
        if character.text == " ":
            spaces += 1
            continue
        shift = row.shift(character)
        before = _between(last, character, spaces, tracking + slack, justified) if last else ""
        is_mark = len(words) == 1 and _stands_before(words[0].text, character, last)
        if before == BAR and (is_mark or (last and last.text.endswith(_COLONS))):  # a label with its value is no row
            before = " "
        if last and not before and shift == words[-1].shift:
            words[-1] = words[-1]._replace(text=words[-1].text + character.text)
        else:
            words.append(_Word(before, character.text, shift, character.start))
        last, spaces = character, 0
    return words


def is_mark(text: str) -> bool:
    """Of a list's item: a bullet, which may be any sign of a font of signs, or a number."""
    return LIST_ITEM.match(text + " ") is not None or _HEAD.fullmatch(text) is not None or not text[0].isalnum()


def _stands_before(text: str, character: Character, last: Character | None) -> bool:
    """A bullet, or a number with a word not far behind."""
    if LIST_ITEM.match(text + " "):
        return True
    near = last is not None and character.start - last.end < _WIDE_SPACE * character.size
    return bool(_HEAD.fullmatch(text)) and near and character.text[0].isalpha()


def _between(last: Character, character: Character, spaces: int, tracking: float, justified: bool) -> str:
    gap = (character.start - last.end) / min(last.size, character.size)
    if spaces:
        is_stretched = justified or (spaces == 1 and last.piece == character.piece)
        return BAR if gap > 1.3 * CELL and not is_stretched else " "
    if gap > CELL and not justified:
        return BAR
    limit = _SPACE + tracking
    if NO_SPACE.match(last.text[-1]) and NO_SPACE.match(character.text):
        limit = _WIDE_LETTERS
    elif written_leftwards(last.text[-1]) and written_leftwards(character.text):
        limit += _INK_ONLY
    return " " if gap > limit else ""


def _tracking(characters: Sequence[Character]) -> float:
    """Usual distance of the letters of a line that is spaced out, else 0. Digits in columns are not spaced out."""
    gaps = [
        (second.start - first.end) / first.size
        for first, second in pairwise(characters)
        if len(first.text) == len(second.text) == 1 and first.text.isalpha() and second.text.isalpha()
    ]
    usual = median(gaps) if len(gaps) >= 3 else 0.0
    return usual if _SPACE / 2 < usual <= _TRACKING else 0.0


def _is_justified(characters: Sequence[Character], size: float) -> bool:
    """At least four words, all the same gap apart: cells of a table end at different places."""
    drawn = [character for character in characters if character.text != " "]
    gaps = [second.start - first.end for first, second in pairwise(drawn)]
    between = [gap for gap in gaps if gap > _SPACE * size]
    if any(" " in character.text for character in drawn):
        return False
    return len(between) >= 3 and max(between) < min(1.2 * min(between), _WIDE_SPACE * size)


def _spell(words: Sequence[_Word]) -> str:
    """Raised digits as 10^6, an ordinal's letters as they are; lowered ones as they are but behind a digit."""
    text = ""
    for number, word in enumerate(words):
        behind = words[number + 1] if number + 1 < len(words) else None
        if word.before or not text:
            text += word.before + word.text
        elif words[number - 1].shift and not word.shift:
            opens = number == 1  # a note begins with its raised mark
            text += " " * (opens and word.text[0].isalnum()) + word.text
        elif word.shift > 0 and (_RAISED.match(word.text) or _is_exponent(text, word.text)):
            fraction = behind is not None and not behind.before and behind.text[:1] in "/⁄"
            text += " " + word.text if fraction else "^" + _grouped(word.text)
        elif word.shift < 0 and words[number - 1].shift > 0 and word.text[0] in "+-−":  # the bounds of a value
            text += "_" + _grouped(word.text)
        elif word.shift < 0 and text[-1].isdigit() and word.text[0].isdigit() and "/" not in text[-2:]:
            text += "_" + word.text
        else:
            text += word.text
    return text


def _is_exponent(before: str, text: str) -> bool:
    """Letters behind letters are abbreviations, such as Mme, and behind a digit mostly ordinals."""
    if not text[0].isalpha() or _ORDINAL.fullmatch(text) or not before[-1].isalnum():
        return False
    return before[-1].isdigit() or len(text) == 1 or bool(_OPERATOR.search(text))


def _grouped(text: str) -> str:
    return f"({text})" if _OPERATOR.search(text) else text
