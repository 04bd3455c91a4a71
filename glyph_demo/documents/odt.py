"""Text of an OpenDocument text. Runs in the child process only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import Archive, local
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean

# Not part of the text as it is printed: what was deleted, comments, the readings above characters.
_LEFT_OUT = {"tracked-changes", "annotation", "ruby-text", "forms", "sequence-decls", "note-citation"}
_MAX_SPACES = 100
_MAX_REPEATED = 100


def read_odt(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Paragraphs, headings and list items in reading order, a table row as "cell | cell". Footnotes follow the
    paragraph that they belong to. Comments are left out, with a warning. `max_pages` does not apply. Raises
    DocumentError and the errors of zipfile and ElementTree."""
    with Archive(path) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise problem("password")
        content = archive.tree("content.xml")
        styles = archive.tree("styles.xml")
    if content is None:
        raise problem("damaged", kind="ODT")
    hidden = {style for tree in (content, styles) if tree is not None for style in _hidden_styles(tree)}
    body = next(node for node in content if local(node.tag) == "body")
    lines: list[str] = []
    size = 0
    for line in _lines(body, hidden):
        lines.append(clean(line))
        size += len(line)
        if size > max_characters:
            raise problem("too_many_characters", limit=max_characters)
    comments = sum(local(node.tag) == "annotation" for node in body.iter())
    return Parsed(lines, "paragraph", {"comments_left_out": {"count": comments}} if comments else {})


def _hidden_styles(tree: Element) -> Iterator[str]:
    for style in tree.iter():
        if local(style.tag) == "style" and any(_attribute(node, "display") == "none" for node in style):
            yield _attribute(style, "name")


def _lines(node: Element, hidden: set[str]) -> Iterator[str]:
    for child in node:
        name = local(child.tag)
        if name in _LEFT_OUT or _attribute(child, "style-name") in hidden:
            continue
        if name in ("p", "h"):
            yield from _paragraph(child, hidden)
        elif name == "list-item":
            items = list(_lines(child, hidden))
            yield from [f"• {items[0]}" if not items[0].startswith("• ") else items[0], *items[1:]] if items else []
        elif name == "table-row":
            cells = [
                " ".join(_lines(cell, hidden))
                for cell in child
                if local(cell.tag) in ("table-cell", "covered-table-cell")
                for _ in range(min(int(_attribute(cell, "number-columns-repeated") or 1), _MAX_REPEATED))
            ]
            if any(cells):
                yield " | ".join(cells).rstrip(" |")
        else:
            yield from _lines(child, hidden)


def _paragraph(node: Element, hidden: set[str]) -> Iterator[str]:
    pieces: list[str] = []
    after: list[str] = []  # footnotes and text boxes
    _collect(node, hidden, pieces, after)
    text = "".join(pieces)
    yield from (line.strip() for line in text.split("\n") if line.strip())
    yield from after


def _collect(node: Element, hidden: set[str], pieces: list[str], after: list[str]) -> None:
    pieces.append(" ".join(f".{node.text or ''}.".split())[1:-1])
    for child in node:
        name = local(child.tag)
        if name == "s":
            pieces.append(" " * min(int(_attribute(child, "c") or 1), _MAX_SPACES))
        elif name in ("tab", "line-break"):
            pieces.append("\t" if name == "tab" else "\n")
        elif name in ("note-body", "text-box"):
            after += _lines(child, hidden)
        elif name not in _LEFT_OUT and _attribute(child, "style-name") not in hidden:
            _collect(child, hidden, pieces, after)
        pieces.append(" ".join(f".{child.tail or ''}.".split())[1:-1])


def _attribute(node: Element, name: str) -> str:
    return next((value for key, value in node.items() if local(key) == name), "")
