"""Tables of documents: cells over several rows and columns, and rows of names."""

from __future__ import annotations

from glyph_demo.documents.problems import problem
from glyph_demo.documents.rows import bars, labelled, names_of

MAX_COLUMNS = 1000


class Table:
    """Takes cells and gives rows as lines. A cell that spans rows is repeated in each, so that each says what it is
    about."""

    def __init__(self) -> None:
        self.repeated = 0  # characters that cells of several rows, and names, added
        self._cells: list[str] = []
        self._lines: list[str] = []
        self._is_layout = self._is_names = False
        self._span = (1, 1)
        self._wide: list[tuple[int, int]] = []  # the places from and to which a cell of this row spans
        self._down: dict[int, tuple[int, str]] = {}  # by column: for how many more rows, and the text
        self._headers: list[list[str]] | None = []  # rows of names that were not told; None when others have come
        self._names: list[str] = []

    def start_cell(self, rows: str, columns: str, is_name: bool) -> None:
        """`rows` and `columns` are the spans as the file has them. A row whose cells are all names labels the cells of
        the rows that follow."""
        self._fill()
        self._is_names = is_name and (self._is_names or not self._cells)
        self._span = (_number(rows), _number(columns))

    def end_cell(self, lines: list[str], is_layout: bool = False) -> None:
        """`is_layout` is for a cell with a table in it."""
        text = " ".join(lines)
        rows, columns = self._span
        for column in range(len(self._cells), len(self._cells) + columns if rows > 1 else 0):
            self._down[column] = (rows - 1, text if column == len(self._cells) else "")
        if columns > 1:
            self._wide.append((len(self._cells), len(self._cells) + columns))
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
        cells, lines, wide = self._cells, self._lines, self._wide
        is_alone = sum(map(bool, cells)) <= 1 and (bool(cells[0]) or not (self._names or self._headers))
        is_layout = self._is_layout
        self._cells, self._lines, self._wide, self._is_layout = [], [], [], False
        if is_layout or is_alone:
            return lines
        if self._is_names and self._headers is not None:
            for start, end in wide:
                cells[start:end] = [cells[start]] * (end - start)
            self._headers.append(cells)
            return []
        return self._row(cells, wide)

    def end(self) -> list[str]:
        """Rows of names that name nothing."""
        rows, self._headers = self._headers or [], None
        return [bars(row) for row in rows]

    def _row(self, cells: list[str], wide: list[tuple[int, int]]) -> list[str]:
        told: list[str] = []
        if self._headers is not None:
            self._names = names_of(self._headers)
            told = [] if self._names else self.end()
            self._headers = None
        if not self._names:
            return [*told, bars(cells)]
        names = self._names.copy()
        for start, end in wide:
            names[start : start + 1] = [" / ".join(filter(None, names[start:end]))]
        self.repeated += sum(map(len, names))
        return [labelled(names, cells)]

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
