"""Characters of a PDF page to its lines: spaces, cells of tables, raised digits, vertical columns.

The order of lines is the file's: sorting them by place breaks pages of two columns. Lengths here are in em, the font
size."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from glyph_demo.documents.bidi import logical, written_leftwards
from glyph_demo.documents.pdf_characters import Character
from glyph_demo.documents.reflow import BAR, LIST_ITEM, NO_SPACE, Line
from glyph_demo.documents.text import clean

_LEVEL = 0.3  # baselines closer than this are one
_SPACE = 0.15  # typesetters squeeze a space to 0.2 at least, kerning never adds as much
_WIDE_LETTERS = 0.4  # Chinese letters are set apart to fill a line
_CELL = 1.0
_COLONS = (":", "：")
_WIDE_SPACE = 2.5  # beyond this a drawn space is a gap between cells, however the line is justified
_LONGEST_COLUMN = 100  # rows
_TRACKING = 0.6  # letters of a spaced-out heading stand at most this far apart
_HEAD = re.compile(r"\[[ x]\]|[0-9A-Z]{1,3}(\.[0-9]{1,3})*\.?")  # of a section, or a box to tick
_OPERATOR = re.compile(r"(?<=\w)[-+−/=]")
_ORDINAL = re.compile(r"st|nd|rd|th|o|a|os|as|er|re|e|ème")


def lines_of(characters: Sequence[Character]) -> list[Line]:
    """Lines in the order of the file. Columns of vertical text come from right to left, each as one line whose `x`
    grows downwards and whose `y` is the column's middle."""
    rows: list[_Row] = []
    for character in _stand_upright(characters):
        if rows and rows[-1].takes(character):
            rows[-1].add(character)
        elif character.text != " ":
            rows.append(_Row(character.turn, character.base, character.size, [character]))
    return [line for row in _right_to_left(_by_row(rows)) for line in row.lines()]


@dataclass(slots=True)
class _Row:
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
        if up < _LEVEL * min(self.size, character.size):
            return character.piece == last.piece or not self._is_taken(character)
        small = min(self.size, character.size) < 0.85 * size
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

    def is_beside(self, row: _Row) -> bool:
        """On the same baseline, to the right."""
        level = abs(self.base - row.base) < _LEVEL * min(self.size, row.size)
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

    def _from_left(self) -> list[Character]:
        """The characters by place. Those that follow each other in the file stay so, since a space may begin behind the
        next letter, where that is kerned; only a line written leftwards is sorted letter by letter."""
        if any(written_leftwards(each.text) for each in self.characters):
            return sorted(self.characters, key=lambda each: each.start + each.end)
        runs: list[list[Character]] = []
        for each in self.characters:
            last = runs[-1][-1] if runs else each
            if runs and last.end - last.width - 0.5 * self.size < each.start < last.end + _CELL * self.size:
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


def _words(row: _Row, characters: Sequence[Character]) -> list[_Word]:
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
        is_mark = len(words) == 1 and _is_mark(words[0].text, character, last)
        if before == BAR and (is_mark or (last and last.text.endswith(_COLONS))):  # a label with its value is no row
            before = " "
        if last and not before and shift == words[-1].shift:
            words[-1] = words[-1]._replace(text=words[-1].text + character.text)
        else:
            words.append(_Word(before, character.text, shift, character.start))
        last, spaces = character, 0
    return words


def _is_mark(text: str, character: Character, last: Character | None) -> bool:
    """A bullet, or a number with a word not far behind."""
    if LIST_ITEM.match(text + " "):
        return True
    near = last is not None and character.start - last.end < _WIDE_SPACE * character.size
    return bool(_HEAD.fullmatch(text)) and near and character.text[0].isalpha()


def _between(last: Character, character: Character, spaces: int, tracking: float, justified: bool) -> str:
    gap = (character.start - last.end) / min(last.size, character.size)
    if spaces:
        is_stretched = justified or (spaces == 1 and last.piece == character.piece)
        return BAR if gap > 1.3 * _CELL and not is_stretched else " "
    if gap > _CELL and not justified:
        return BAR
    limit = _WIDE_LETTERS if NO_SPACE.match(last.text[-1]) and NO_SPACE.match(character.text) else _SPACE + tracking
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
        elif (word.shift > 0 and word.text[0] in "0123456789+-−") or (word.shift > 0 and _is_exponent(text, word.text)):
            fraction = behind is not None and not behind.before and behind.text[:1] in "/⁄"
            text += " " + word.text if fraction else "^" + _grouped(word.text)
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


def _stand_upright(characters: Sequence[Character]) -> Iterable[Character]:
    """The same characters; those that stand one below the other, at least three, become a line that runs downwards."""
    run: list[Character] = []
    column: Character | None = None  # the first of the column before
    for character in characters:
        if run and not _is_below(run[-1], character):
            column = yield from _standing(run, column)
            run = []
        run.append(character)
    if run:
        yield from _standing(run, column)


def _standing(run: list[Character], column: Character | None) -> Generator[Character, None, Character | None]:
    """The run as a column if it is one, and the column's first character."""
    beside = column is not None and abs(column.base - run[0].base) < run[0].size and _is_wide(run[0])
    if len(run) < 3 and not (beside and column and 0 < column.start - run[0].start < 4 * column.size):
        yield from run
        return None
    for character in run:
        top = -character.base - 0.88 * character.size  # of the em box of Chinese fonts
        middle = (character.start + character.end) / 2
        yield replace(character, turn=270, start=top, end=top + character.size, base=middle)
    return run[0]


def _is_below(upper: Character, lower: Character) -> bool:
    if upper.turn or lower.turn or not (_is_wide(upper) and _is_wide(lower)):
        return False
    aside = abs((upper.start + upper.end) - (lower.start + lower.end)) / 2
    down = (upper.base - lower.base) / upper.size
    return aside < 0.3 * upper.size and 0.5 < down < 2 and abs(upper.size - lower.size) < 0.1 * upper.size


def _is_wide(character: Character) -> bool:
    return len(character.text) == 1 and bool(NO_SPACE.match(character.text))


def _by_row(rows: Sequence[_Row]) -> list[_Row]:
    """The rows of tables that the file has column by column are put together."""
    found: list[_Row] = []
    at = 0
    while at < len(rows):
        beside = _column_beside(found, rows[at : at + _LONGEST_COLUMN])
        for row, cell in beside:
            row.characters += cell.characters
        if not beside:
            found.append(rows[at])
        at += len(beside) or 1
    return found


def _column_beside(found: Sequence[_Row], rows: Sequence[_Row]) -> list[tuple[_Row, _Row]]:
    """Those of `rows` that are a column of cells right of the last ones found, with the rows that they belong to: at
    least three, all short and half of them figures. Columns of prose are neither."""
    if not found or rows[0].base < found[-1].base + 0.5 * rows[0].size:
        return []
    cells: list[tuple[_Row, _Row]] = []
    for cell in rows:
        text = "".join(each.text for each in cell.characters)
        level = [row for row in found[-_LONGEST_COLUMN:] if cell.is_beside(row)]
        if not level or len(text) > 20 or (cells and cell.base > cells[-1][1].base):
            break
        cells.append((level[-1], cell))
    figures = sum(any(letter.isdigit() for each in cell.characters for letter in each.text) for _, cell in cells)
    return cells if len(cells) >= 3 and 2 * figures >= len(cells) else []


def _right_to_left(rows: list[_Row]) -> list[_Row]:
    """Neighbouring columns of vertical text that the file has from left to right are turned round."""
    groups: list[list[_Row]] = []
    for row in rows:
        if groups and row.turn == 270 == groups[-1][-1].turn:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [
        row for group in groups for row in (group[::-1] if all(a.base < b.base for a, b in pairwise(group)) else group)
    ]
