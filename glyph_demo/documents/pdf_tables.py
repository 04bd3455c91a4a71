"""Rows of tables that a PDF has in another order: column by column, or cell by cell with several lines each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf

from glyph_demo.documents.bidi import written_leftwards
from glyph_demo.documents.pdf_rows import LEVEL, Row, is_mark
from glyph_demo.documents.reflow import BAR, NO_SPACE, NUMBER, Line, joint

_LONGEST_COLUMN = 100  # rows
_HIGHEST_CELL = 6  # lines; higher ones are columns of prose
_LEADING = 1.8  # font sizes between the lines of a cell, at most


def by_row(rows: Sequence[Row]) -> list[Row]:
    """The rows of tables that the file has column by column are put together."""
    found: list[Row] = []
    at = 0
    while at < len(rows):
        beside = _column_beside(found, rows[at : at + _LONGEST_COLUMN])
        for row, cell in beside:
            row.characters += cell.characters
        if not beside:
            found.append(rows[at])
        at += len(beside) or 1
    return found


def _column_beside(found: Sequence[Row], rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Those of `rows` that are a column of cells right of the last ones found, with the rows that they belong to: at
    least three, all short and half of them figures. Columns of prose are neither."""
    if not found or rows[0].base < found[-1].base + 0.5 * rows[0].size:
        return []
    cells: list[tuple[Row, Row]] = []
    for cell in rows:
        text = "".join(each.text for each in cell.characters)
        level = [row for row in found[-_LONGEST_COLUMN:] if cell.is_beside(row)]
        if not level or len(text) > 20 or (cells and cell.base > cells[-1][1].base):
            break
        cells.append((level[-1], cell))
    figures = sum(any(letter.isdigit() for each in cell.characters for letter in each.text) for _, cell in cells)
    return cells if len(cells) >= 3 and 2 * figures >= len(cells) else []


def lines_by_cell(rows: Iterable[Row]) -> Iterator[Line]:
    """The lines of `rows`; a row of a table whose cells have several lines each is one. Programs write such a row cell
    by cell, so that its lines are not beside each other in the file."""
    band: _Band | None = None
    for row in rows:
        cells = row.cells()
        if band is None or not band.takes(row, cells):
            yield from band.lines() if band else ()
            band = _Band(row, cells)
    yield from band.lines() if band else ()


class _Band:
    """Cells beside each other, each with the rows below each other that are in it."""

    def __init__(self, row: Row, cells: Sequence[Row]) -> None:
        self._rows = [row]
        self._cells = [[cell] for cell in cells]
        self._end = cells[-1].end  # of all cells
        self._before = cells[-2].end if len(cells) > 1 else -inf  # the end of those before the last
        self._top = row.base
        self._is_by_cell = False  # the file has it cell by cell

    def takes(self, row: Row, cells: Sequence[Row]) -> bool:
        """Whether `row`, which has these cells, goes on with the last cell or has the next ones; it is added then."""
        first, last, size = cells[0], self._cells[-1], row.size
        down = last[-1].base - first.base
        if row.turn != last[-1].turn or abs(size - last[-1].size) > 0.15 * size:
            return False
        start = first.start
        is_below = 0.5 * size < down < _LEADING * size and start < self._end and first.end > last[0].start
        if len(cells) == 1 and is_below and start >= self._before:
            last.append(first)
        elif down < -LEVEL * size and first.base < self._top + 3 * size and start >= self._end:
            self._before = max([self._end, *(cell.end for cell in cells[:-1])])
            self._cells += [[cell] for cell in cells]
            self._is_by_cell = True
        else:
            return False
        self._end = max(self._end, cells[-1].end)
        self._rows.append(row)
        return True

    def lines(self) -> Iterator[Line]:
        if not self._is_row():
            yield from (line for row in self._rows for line in row.lines())
            return
        cells = [[line for row in cell for line in row.lines()] for cell in self._cells]
        texts = [_joined([line.text for line in cell]) for cell in cells if cell]
        if texts:
            first = self._rows[0]
            yield Line(BAR.join(texts), first.start, first.base, first.size, max(map(len, cells)))

    def _is_row(self) -> bool:
        """A list's item is none. Where a row's last cell alone goes on, or all cells have as many lines, these may be
        rows of their own: then a text of several lines is known by one that begins with a small letter."""
        if len(self._cells) < 2 or len(self._rows) == 1 or not all(map(_is_one_text, self._cells)):
            return False
        if len(self._cells) == 2 and is_mark(self._cells[0][0].letters):
            return False
        goes_on = any(_goes_on(row.letters) for cell in self._cells for row in cell[1:])
        return goes_on or (self._is_by_cell and len({len(cell) for cell in self._cells}) > 1)


def _goes_on(text: str) -> bool:
    return text[0].islower() or NO_SPACE.match(text) is not None


def _is_one_text(cell: Sequence[Row]) -> bool:
    """Not a column of numbers, nor of prose."""
    texts = [row.letters for row in cell]
    numbers = sum(NUMBER.fullmatch(text) is not None for text in texts)
    return len(cell) <= _HIGHEST_CELL and numbers < 2 and not any(map(written_leftwards, texts))


def _joined(lines: Sequence[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        text = joint(text, line, frozenset()) + line
    return text
