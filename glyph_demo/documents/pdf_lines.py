"""Characters of a PDF page to its lines.

The order of lines is the file's: sorting them by place breaks pages of two columns."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from glyph_demo.documents.pdf_characters import Character
from glyph_demo.documents.pdf_rows import Row
from glyph_demo.documents.pdf_tables import by_row, lines_by_cell
from glyph_demo.documents.reflow import NO_SPACE, Line


def lines_of(characters: Sequence[Character]) -> list[Line]:
    """Lines in the order of the file. Columns of vertical text come from right to left, each as one line whose `x`
    grows downwards and whose `y` is the column's middle."""
    rows: list[Row] = []
    for character in _stand_upright(characters):
        if rows and rows[-1].takes(character):
            rows[-1].add(character)
        elif character.text != " ":
            rows.append(Row(character.turn, character.base, character.size, [character]))
    return list(lines_by_cell(_right_to_left(by_row(rows))))


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


def _right_to_left(rows: list[Row]) -> list[Row]:
    """Neighbouring columns of vertical text that the file has from left to right are turned round."""
    groups: list[list[Row]] = []
    for row in rows:
        if groups and row.turn == 270 == groups[-1][-1].turn:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [
        row for group in groups for row in (group[::-1] if all(a.base < b.base for a, b in pairwise(group)) else group)
    ]
