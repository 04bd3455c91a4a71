"""Rows and columns of a table (ECMA-376 part 1, 17.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_xml import W, is_on, value
from glyph_demo.documents.tables import Table as LineTable

_WRAPPERS = {f"{W}{name}" for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")}

_NONE = Element("none")


class Cell(NamedTuple):
    """`start` and `end` are lines of the table's grid. `continues` tells the part of a merged cell that has no text of
    its own: "down" below the cell that has it, "right" beside it."""

    element: Element
    start: int
    end: int
    continues: str


class Table:
    """Rows become lines in order: `line` remembers what goes on in the rows below."""

    def __init__(self, table: Element) -> None:
        """Deleted rows and cells are left out."""
        rows = [
            (list(_cells(row, properties)), is_on(properties.find(f"{W}tblHeader")))
            for row in _inside(table, f"{W}tr")
            if (properties := _properties(row, "trPr")).find(f"{W}del") is None
        ]
        self.rows = [cells for cells, _ in rows]
        self._starts = sorted({cell.start for row in self.rows for cell in row} | {0})
        self._table = LineTable()
        self._is_names = [is_header for _, is_header in rows]
        self._above: dict[int, str] = {}  # by place on the grid, the text that merged cells below go on with

    def lines(self, number: int, texts: list[str]) -> list[str]:
        """A row whose cells have these texts: "A |  | C", or with the names of columns from rows that are repeated on
        every page. A cell over several columns is followed by empty ones, so that columns stay under each other."""
        row = self.rows[number]
        if before := self._columns(0, row[0].start):
            self._add("", before, number)
        for cell, text in zip(row, texts, strict=True):
            if cell.continues:
                text = self._above.get(cell.start, "") if cell.continues == "down" else ""
            self._above[cell.start] = text
            self._add(text, self._columns(cell.start, cell.end), number)
        return self._table.end_row()

    def _add(self, text: str, columns: int, number: int) -> None:
        self._table.start_cell("1", str(columns), is_name=self._is_names[number])
        self._table.end_cell([text] if text else [])

    def _columns(self, start: int, end: int) -> int:
        """Of all lines of the grid only those count at which a cell begins."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def end(self) -> list[str]:
        return self._table.end()


def _inside(element: Element, tag: str) -> Iterator[Element]:
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _inside(child, tag)


def _properties(element: Element, name: str) -> Element:
    found = element.find(f"{W}{name}")
    return _NONE if found is None else found


def _cells(row: Element, of_row: Element) -> Iterator[Cell]:
    start = _number(of_row.find(f"{W}gridBefore"), 0)
    for element in _inside(row, f"{W}tc"):
        properties = _properties(element, "tcPr")
        if properties.find(f"{W}cellDel") is not None:
            continue
        end = start + max(1, _number(properties.find(f"{W}gridSpan"), 1))
        merges = {name: properties.find(f"{W}{mark}") for name, mark in (("down", "vMerge"), ("right", "hMerge"))}
        goes_on = [name for name, merge in merges.items() if merge is not None and value(merge) != "restart"]
        yield Cell(element, start, end, goes_on[-1] if goes_on else "")
        start = end


def _number(element: Element | None, default: int) -> int:
    text = value(element)
    return int(text) if text.isdecimal() and len(text) < 6 else default
