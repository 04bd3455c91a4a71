"""Rows of an HTML table as lines."""

from __future__ import annotations

from glyph_demo.documents.problems import problem

MAX_COLUMNS = 1000


class Table:
    """Takes cells and gives rows. A cell that spans rows is repeated in each, so that each says what it is about."""

    def __init__(self) -> None:
        self.repeated = 0  # characters that cells of several rows added
        self._cells: list[str] = []
        self._lines: list[str] = []
        self._is_layout = False
        self._span = (1, 1)
        self._down: dict[int, tuple[int, str]] = {}  # by column: for how many more rows, and the text

    def start_cell(self, attributes: dict[str, str]) -> None:
        self._fill()
        self._span = (_number(attributes.get("rowspan", "")), _number(attributes.get("colspan", "")))

    def end_cell(self, lines: list[str], is_layout: bool) -> None:
        """`is_layout` is for a cell with a table in it."""
        text = " ".join(lines)
        rows, columns = self._span
        if rows > 1:
            self._down[len(self._cells)] = (rows - 1, text)
        self._cells += [text, *[""] * (columns - 1)]
        if len(self._cells) > MAX_COLUMNS:
            raise problem("too_complex")
        self._lines += lines
        self._is_layout |= is_layout

    def end_row(self) -> list[str]:
        """Lines of the row that ends here; none if there were no cells. A row that only lays out the page keeps the
        lines of its cells."""
        if not self._cells:
            return []
        self._fill()
        cells, lines = self._cells, self._lines
        single = self._is_layout or sum(map(bool, cells)) <= 1
        self._cells, self._lines, self._is_layout = [], [], False
        while cells and not cells[-1]:
            cells.pop()
        return lines if single else [" | ".join(cells)]

    def _fill(self) -> None:
        """Put what comes down from rows above where the next cell would stand."""
        while (column := len(self._cells)) in self._down:
            rows, text = self._down.pop(column)
            self._cells.append(text)
            self.repeated += len(text)
            if rows > 1:
                self._down[column] = (rows - 1, text)


def _number(text: str) -> int:
    """A span; HTML ends rowspan at 65,534 and colspan at 1,000."""
    return min(max(int(text), 1), MAX_COLUMNS) if text.isascii() and text.isdigit() and len(text) < 6 else 1
