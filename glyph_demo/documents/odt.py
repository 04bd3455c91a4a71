"""Text of an OpenDocument text. Runs in the child process only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import Archive, local
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.mathml import equation
from glyph_demo.documents.odt_styles import Styles, attribute
from glyph_demo.documents.problems import problem
from glyph_demo.documents.tables import Table
from glyph_demo.documents.text import clean, joined

# Not part of the text as it is printed: what was deleted, comments, the readings above characters.
_LEFT_OUT = {"tracked-changes", "annotation", "ruby-text", "forms", "sequence-decls", "note-citation", "title", "desc"}
_LEFT_OUT |= {"page-number", "page-count"}
_HEADERS = ("header", "header-left", "header-first")
_FOOTERS = ("footer", "footer-left", "footer-first")
_MAX_SPACES = 100
_MAX_REPEATED = 100
_Pieces = list[tuple[str, bool]]  # texts, each with whether it is raised


def read_odt(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Headers, then paragraphs, headings and list items in reading order, then footers. A table row is a line as in
    other types. Footnotes follow the paragraph that they belong to. Comments are left out, with a warning. `max_pages`
    does not apply. Raises DocumentError and the errors of zipfile and ElementTree."""
    with Archive(path) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise problem("password")
        content = archive.tree("content.xml")
        styles = archive.tree("styles.xml")
        if content is None:
            raise problem("damaged", kind="ODT")
        trees = [tree for tree in (styles, content) if tree is not None]
        reader = _Reader(archive, Styles(trees))
        lines: list[str] = []
        size = 0
        for line in reader.document(content, styles):
            lines.append(clean(line))
            size += len(line)
            if size > max_characters:
                raise problem("too_many_characters", limit=max_characters)
    return Parsed(lines, "paragraph", {code: {"count": count} for code, count in sorted((+reader.unread).items())})


class _Reader:
    """`unread` counts what is not read by the code of its warning."""

    def __init__(self, archive: Archive, styles: Styles) -> None:
        self.unread: Counter[str] = Counter()
        self._archive, self._styles = archive, styles
        self._lists: list[tuple[str, list[int]]] = []  # the styles of the lists that are open, and their numbers
        self._last: dict[tuple[str, int], int] = {}  # by style and level: the last number of the list before
        self._headings: list[int] = []

    def document(self, content: Element, styles: Element | None) -> Iterator[str]:
        pages = [] if styles is None else [node for node in styles.iter() if local(node.tag) == "master-page"]
        used = {attribute(node, "master-page-name") for node in content.iter() if local(node.tag) == "style"}
        used |= {attribute(page, "next-style-name") for page in pages if attribute(page, "name") in used}
        pages = [page for page in pages if page is pages[0] or attribute(page, "name") in used]
        yield from self._around(pages, _HEADERS)
        yield from self._lines(next(node for node in content if local(node.tag) == "body"))
        yield from self._around(pages, _FOOTERS)

    def _around(self, pages: list[Element], names: tuple[str, ...]) -> Iterator[str]:
        """Headers or footers, each text once."""
        parts = [part for page in pages for part in page if local(part.tag) in names]
        shown = [part for part in parts if attribute(part, "display") != "false"]
        yield from filter(None, dict.fromkeys("\n".join(self._lines(part)) for part in shown))

    def _lines(self, node: Element) -> Iterator[str]:
        for child in node:
            name = local(child.tag)
            if self._is_left_out(child):
                continue
            if name == "p":
                yield from self._paragraph(child)
            elif name == "h":
                yield from _labelled(self._heading(child), list(self._paragraph(child)))
            elif name == "list":
                yield from self._list(child)
            elif name == "table":
                yield from self._table(child)
            elif name in ("frame", "object"):
                pieces: _Pieces = []
                after: list[str] = []
                self._piece(child, False, pieces, after)
                yield from [*filter(str.strip, [joined(pieces)]), *after]
            else:
                yield from self._lines(child)

    def _is_left_out(self, node: Element) -> bool:
        name = local(node.tag)
        self.unread["comments_left_out"] += name == "annotation"
        is_off = name == "hidden-text" and attribute(node, "is-hidden") == "true"
        if name == "section":
            display = attribute(node, "display")
            is_off = display == "none" or (display == "condition" and attribute(node, "is-hidden") == "true")
        elif name in ("p", "h"):
            is_off = any(_hides_paragraph(child) for child in node)
        return name in _LEFT_OUT or is_off or self._styles.hides(attribute(node, "style-name"))

    def _heading(self, node: Element) -> str:
        level = min(max(int(attribute(node, "outline-level") or 1), 1), 10)
        if attribute(node, "is-list-header") == "true":
            return ""
        self._headings = (self._headings + [0] * level)[:level]
        self._headings[-1] += 1
        return self._styles.heading(self._headings)

    def _list(self, node: Element) -> Iterator[str]:
        """A list without a style has that of the list around it."""
        style = attribute(node, "style-name") or (self._lists[-1][0] if self._lists else "")
        level = len(self._lists) + 1
        goes_on = attribute(node, "continue-numbering") == "true" or attribute(node, "continue-list")
        before = self._styles.start(style, level) - 1
        numbers = self._lists[-1][1].copy() if self._lists else []
        numbers.append(self._last.get((style, level), before) if goes_on else before)
        self._lists.append((style, numbers))
        for item in node:
            label = ""
            if local(item.tag) == "list-item":
                start = attribute(item, "start-value")
                numbers[-1] = int(start) if start else numbers[-1] + 1
                label = self._styles.label(style, numbers)
            first = next((local(child.tag) for child in item), "")
            yield from _labelled(label if first != "list" else "", list(self._lines(item)))
        self._lists.pop()
        self._last[style, level] = numbers[-1]

    def _table(self, node: Element) -> Iterator[str]:
        table = Table()
        for row, is_names in _rows(node, False):
            for cell in row:
                spans = attribute(cell, "number-rows-spanned"), attribute(cell, "number-columns-spanned")
                if local(cell.tag) != "table-cell":  # covered ones have what a merged cell does not show
                    continue
                inner = list(self._lines(cell))
                for _ in range(min(int(attribute(cell, "number-columns-repeated") or 1), _MAX_REPEATED)):
                    table.start_cell(*spans, is_name=is_names)
                    table.end_cell(inner)
            yield from table.end_row()
        yield from table.end()

    def _paragraph(self, node: Element) -> Iterator[str]:
        pieces: _Pieces = []
        after: list[str] = []  # footnotes and text boxes
        self._collect(node, False, pieces, after)
        yield from (line.strip() for line in joined(pieces).split("\n") if line.strip())
        yield from after

    def _collect(self, node: Element, is_raised: bool, pieces: _Pieces, after: list[str]) -> None:
        pieces.append((_single_spaced(node.text), is_raised))
        for child in node:
            if not self._is_left_out(child):
                raised = is_raised or self._styles.raises(attribute(child, "style-name"))
                self._piece(child, raised, pieces, after)
            pieces.append((_single_spaced(child.tail), is_raised))

    def _piece(self, node: Element, is_raised: bool, pieces: _Pieces, after: list[str]) -> None:
        name = local(node.tag)
        if name == "s":
            pieces.append((" " * min(int(attribute(node, "c") or 1), _MAX_SPACES), False))
        elif name in ("tab", "line-break"):
            pieces.append(("\t" if name == "tab" else "\n", False))
        elif name in ("note-body", "text-box"):
            after += self._lines(node)
        elif name == "object":
            self._object(node, pieces, after)
        elif name == "frame":
            self._frame(node, pieces, after)
        elif name == "object-ole":
            self.unread["embedded_objects"] += 1
        elif any(local(child.tag) in ("p", "list") for child in node):  # a shape
            after += self._lines(node)
        else:
            self._collect(node, is_raised, pieces, after)

    def _frame(self, node: Element, pieces: _Pieces, after: list[str]) -> None:
        """Of what a frame holds the first is shown; a picture after it is for programs that cannot show it."""
        children = {local(child.tag): child for child in reversed(node)}
        shown = next((child for child in node if local(child.tag) not in _LEFT_OUT), None)
        if shown is not None and local(shown.tag) != "image":
            self._piece(shown, False, pieces, after)
            return
        texts = ["".join(children[name].itertext()) for name in ("desc", "title") if name in children]
        description = next((" ".join(text.split()) for text in texts if text.strip()), "")
        if description:
            pieces.append((f" [picture: {description}] ", False))
        elif "image" in children:
            self.unread["pictures_not_read"] += 1

    def _object(self, node: Element, pieces: _Pieces, after: list[str]) -> None:
        """An equation is part of the line; charts and tables follow it."""
        name = attribute(node, "href").removeprefix("./").rstrip("/")
        tree = next(iter(node), None) if len(node) else self._archive.tree(f"{name}/content.xml")
        if tree is None:
            self.unread["embedded_objects"] += 1
        elif local(tree.tag) == "math":
            pieces.append((equation(tree), False))
        else:
            after += self._lines(tree)


def _rows(node: Element, is_names: bool) -> Iterator[tuple[Element, bool]]:
    for child in node:
        name = local(child.tag)
        if name == "table-row":
            yield child, is_names
        elif name in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child, is_names or name == "table-header-rows")


def _hides_paragraph(node: Element) -> bool:
    return local(node.tag) == "hidden-paragraph" and attribute(node, "is-hidden") == "true"


def _labelled(label: str, lines: list[str]) -> list[str]:
    return [f"{label} {lines[0]}", *lines[1:]] if label and lines else lines


def _single_spaced(text: str | None) -> str:
    return " ".join(f".{text or ''}.".split())[1:-1]
