"""Text of a workbook. Sheets are read as a stream, since they may have millions of cells. Runs in the child process
only."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from glyph_demo.documents.archive import Archive, local, stream
from glyph_demo.documents.cell_formats import BUILT_IN, shown
from glyph_demo.documents.drawings import drawn_lines
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.rows import row_lines
from glyph_demo.documents.text import clean, joined

_MAX_COLUMN = 1000  # cells further to the right follow each other
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]+)(\d+):[A-Z]+(\d+)"')
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold


def read_xlsx(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """A part for each sheet: its name, then its rows as `row_lines` writes them, with the values that the cells show.
    Formulas have the value that was saved with them. What is hidden is left out, with a warning. `max_pages` does not
    apply. Raises DocumentError and the errors of zipfile and ElementTree."""
    with Archive(path) as archive:
        book = _Book(archive)
        parts: list[str] = []
        left = max_characters
        for name, target in book.sheets:
            lines = [f"{clean(name)}\n"]
            for line in chain(row_lines(book.rows(target)), book.drawn(target)):
                lines.append(clean(line))
                left -= len(line) + 1
                if left < 0:
                    raise problem("too_many_characters", limit=max_characters)
            if len(lines) > 1:
                parts.append("\n".join(lines))
    return Parsed(parts, "paragraph", book.warnings())


class _Cell(NamedTuple):
    column: int
    text: str


class _Book:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._hidden_sheets: list[str] = []
        self._hidden_rows = self._hidden_columns = 0
        self._unread: Counter[str] = Counter()  # by the code of its warning
        main = archive.main_part()
        relations = archive.relations(main)
        tree = archive.tree(main)
        if tree is None or local(tree.tag) != "workbook":
            raise problem("not_a_document")
        self._is_1904 = any(
            node.get("date1904") in ("1", "true") for node in tree.iter() if local(node.tag) == "workbookPr"
        )
        parts = {relation.kind: relation.target for relation in relations.values()}
        self._strings = self._shared_strings(parts.get("sharedStrings", ""))
        self._formats = self._cell_formats(parts.get("styles", ""))
        self.sheets: list[tuple[str, str]] = []
        for node in tree.iter():
            if local(node.tag) == "sheet":
                self._add_sheet(node, relations)

    def _add_sheet(self, node: ElementTree.Element, relations: dict[str, Any]) -> None:
        name = node.get("name", "")
        key = next((value for attribute, value in node.items() if local(attribute) == "id"), "")
        if node.get("state", "visible") != "visible":
            self._hidden_sheets.append(name)
        elif (key in relations and relations[key].kind == "chartsheet") or (
            key in relations and relations[key].kind == "worksheet"
        ):
            self.sheets.append((name, relations[key].target))

    def warnings(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        if self._hidden_sheets:
            names = ", ".join(map(clean, self._hidden_sheets))[:300]
            found["hidden_sheets"] = {"count": len(self._hidden_sheets), "names": names}
        if self._hidden_rows or self._hidden_columns:
            found["hidden_cells"] = {"rows": self._hidden_rows, "columns": self._hidden_columns}
        return found | {code: {"count": count} for code, count in sorted((+self._unread).items())}

    def _shared_strings(self, name: str) -> list[str]:
        return [_string(node) for node in stream(self._archive.xml(name), "si")]

    def _cell_formats(self, name: str) -> list[str]:
        tree = self._archive.tree(name)
        if tree is None:
            return []
        own = {node.get("numFmtId"): node.get("formatCode", "") for node in tree.iter() if local(node.tag) == "numFmt"}
        ids = [style.get("numFmtId", "0") for node in tree if local(node.tag) == "cellXfs" for style in node]
        return [own[key] if key in own else BUILT_IN.get(int(key), "") for key in ids]

    def rows(self, target: str) -> Iterator[list[str]]:
        """The cells of each row that is shown; an empty row where rows are left out."""
        data = self._archive.xml(target)
        down = {
            (int(first), _column(column.decode())): int(last)
            for column, first, last in _MERGED.findall(data)
            if int(last) > int(first)
        }
        repeated: dict[int, tuple[int, str]] = {}  # by column: the last row of a merged cell, and its text
        hidden: set[int] = set()
        before = 0
        for node in stream(data, "row", "col"):
            if local(node.tag) == "col":
                hidden |= self._hidden_range(node)
                continue
            number = int(node.get("r", before + 1))
            if node.get("hidden") in ("1", "true"):
                self._hidden_rows += any(True for _ in self._cells(node, hidden))
                before = number
                continue
            if number > before + 1:
                yield []
            before = number
            cells = dict(self._cells(node, hidden))
            for column in [column for column, (last, _) in repeated.items() if last < number]:
                del repeated[column]
            cells |= {column: text for column, (_, text) in repeated.items()}
            repeated |= {at: (down[number, at], text) for at, text in cells.items() if (number, at) in down}
            yield _dense(cells)

    def drawn(self, target: str) -> Iterator[str]:
        """What lies over the cells of a sheet: text boxes and charts."""
        for relation in self._archive.relations(target).values():
            tree = self._archive.tree(relation.target) if relation.kind in ("drawing", "comments") else None
            if tree is None:
                continue
            if relation.kind == "comments":
                self._unread["comments_left_out"] += sum(local(node.tag) == "comment" for node in tree.iter())
            else:
                yield from drawn_lines(self._archive, relation.target, tree, self._unread)

    def _hidden_range(self, node: ElementTree.Element) -> set[int]:
        if node.get("hidden") not in ("1", "true"):
            return set()
        first, last = int(node.get("min", "1")), min(int(node.get("max", "1")), 1 << 14)
        if last < 1 << 14:  # all to the right of the table are often hidden
            self._hidden_columns += last - first + 1
        return set(range(first, last + 1))

    def _cells(self, row: ElementTree.Element, hidden: set[int]) -> Iterator[_Cell]:
        at = 0
        for node in row:
            if local(node.tag) == "c":
                at = _column(node.get("r", "")) or at + 1
                text = self._text(node) if at not in hidden else ""
                if text.strip():
                    yield _Cell(at, text)

    def _text(self, cell: ElementTree.Element) -> str:
        kind = cell.get("t", "n")
        children = {local(child.tag): child for child in cell}
        if kind == "inlineStr":
            return _string(children["is"]) if "is" in children else ""
        value = children["v"].text or "" if "v" in children else ""
        if not value:
            self._unread["formulas_without_value"] += "f" in children and kind != "str"
        elif kind == "s":
            return self._strings[int(value)]
        elif kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        elif kind == "n":
            style = int(cell.get("s", "0"))
            number = float(value)
            if not math.isfinite(number):
                return value
            return shown(number, self._formats[style] if style < len(self._formats) else "", self._is_1904)
        return _unescaped(value)


def _string(node: ElementTree.Element) -> str:
    """The text of its runs, without the readings above characters."""
    pieces: list[tuple[str, bool]] = []
    for child in node:
        if local(child.tag) == "t":
            pieces.append((child.text or "", False))
        elif local(child.tag) == "r":
            is_raised = any(part.get("val") == "superscript" for part in child.iter() if local(part.tag) == "vertAlign")
            pieces += [(inner.text or "", is_raised) for inner in child if local(inner.tag) == "t"]
    return _unescaped(joined(pieces))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _column(reference: str) -> int:
    """The number of a column from 1: of "AB12" 28; 0 where there is none."""
    number = 0
    for letter in reference.rstrip("0123456789$").upper()[:3]:
        number = number * 26 + ord(letter) - 64
    return number


def _dense(cells: dict[int, str]) -> list[str]:
    row: list[str] = []
    for column, text in sorted(cells.items()):
        row += [""] * (min(column, _MAX_COLUMN) - 1 - len(row))
        row.append(text)
    return row
