"""Rows and columns of a table (ECMA-376 part 1, 17.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_xml import W, value

_WRAPPERS = {f"{W}{name}" for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")}

_NONE = Element("none")


class Cell(NamedTuple):
    """`start` and `end` are lines of the table's grid. A continued cell is the part of a merged one that has no text of
    its own."""

    element: Element
    start: int
    end: int
    is_continued: bool


class Table:
    def __init__(self, table: Element) -> None:
        """Deleted rows and cells are left out."""
        self.rows = [
            list(_cells(row, properties))
            for row in _inside(table, f"{W}tr")
            if (properties := _properties(row, "trPr")).find(f"{W}del") is None
        ]
        self._starts = sorted({cell.start for row in self.rows for cell in row} | {0})

    def line(self, row: list[Cell], texts: list[str]) -> str:
        """ "A |  | C": a row whose cells have these texts. A cell over several columns is followed by empty ones, so
        that columns stay under each other."""
        columns = [""] * self._columns(0, row[0].start)
        for cell, text in zip(row, texts, strict=True):
            columns += [text] + [""] * (self._columns(cell.start, cell.end) - 1)
        return " | ".join(columns)

    def _columns(self, start: int, end: int) -> int:
        """Of all lines of the grid only those count at which a cell begins."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)


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
        merges = [properties.find(f"{W}{name}") for name in ("vMerge", "hMerge")]
        yield Cell(element, start, end, any(merge is not None and value(merge) != "restart" for merge in merges))
        start = end


def _number(element: Element | None, default: int) -> int:
    text = value(element)
    return int(text) if text.isdecimal() and len(text) < 6 else default
