"""Text of a DOCX. docx2txt reads the parts. Before that, each part's XML tree is edited where docx2txt would flatten or
repeat text. Runs in the child process only."""

from __future__ import annotations

import contextlib
import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers.expat import errors

from docx2txt.docx2txt import xml2text

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.numbering import NAMESPACE as W
from glyph_demo.documents.numbering import Numbering
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean

# Of all uncompressed XML. Parsing takes 5 to 25 times as much memory, most for the shortest text runs, which reach
# documents.max_memory_mb first.
MAX_XML_BYTES = 64 << 20
_NO_MEMORY = errors.codes[errors.XML_ERROR_NO_MEMORY]
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_DOCTYPES = tuple("<!DOCTYPE".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))
_SPACES = {f"{W}p", f"{W}tab", f"{W}br", f"{W}cr"}


def read_docx(path: Path, max_pages: int, max_characters: int) -> Parsed:
    """Clean paragraphs in reading order: headers, body, footnotes, endnotes, footers, a header or footer that repeats
    an earlier one left out. A table row is one line, "cell | cell", but a row of one cell keeps its paragraphs. List
    items carry their bullet or number. Empty paragraphs are dropped. A DOCX has no pages before it is printed, so
    `max_pages` does not apply. Raises DocumentError and the errors of zipfile and ElementTree."""
    with _memory_errors(), zipfile.ZipFile(path) as archive:
        if any(info.flag_bits & 1 for info in archive.infolist()):
            raise problem("password")
        reader = _Parts(archive)
        main = reader.main_part()
        folder = posixpath.dirname(main)
        numbering = Numbering(reader.tree(f"{folder}/numbering.xml"), reader.tree(f"{folder}/styles.xml"))
        paragraphs: list[str] = []
        seen: set[str] = set()
        for name in reader.text_parts(main):
            text = _part_text(reader.tree(name), numbering)
            if text in seen:
                continue
            seen.add(text)
            paragraphs += [clean(block).strip("\n") for block in text.split("\n\n") if block.strip()]
            if sum(map(len, paragraphs)) > max_characters:
                raise problem("too_many_characters", limit=max_characters)
    return Parsed(paragraphs, "paragraph")


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """The XML parser raises the same error for broken XML and for no memory; raise MemoryError for the latter."""
    try:
        yield
    except ElementTree.ParseError as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from None
        raise


class _Parts:
    """The XML parts of an archive, with a limit on what they may expand to and no DTD allowed."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = archive.namelist()
        self._left = MAX_XML_BYTES

    def main_part(self) -> str:
        """By the package's relationships; usually word/document.xml. Raises `not_a_document` where there is none."""
        relations = self.tree("_rels/.rels")
        for relation in [] if relations is None else relations:
            target = relation.get("Target", "").lstrip("/")
            if relation.get("Type", "").endswith("/officeDocument") and target.startswith("word/"):
                return target
        raise problem("not_a_document")

    def text_parts(self, main: str) -> list[str]:
        def found(kind: str) -> list[str]:
            pattern = re.compile(rf"{re.escape(posixpath.dirname(main))}/{kind}[0-9]*\.xml")
            return [name for name in self._names if pattern.fullmatch(name)]

        return [*found("header"), main, *found("footnotes"), *found("endnotes"), *found("footer")]

    def tree(self, name: str) -> ElementTree.Element | None:
        """None for a part that is not there."""
        if name not in self._names:
            return None
        self._left -= self._archive.getinfo(name).file_size
        if self._left < 0:
            raise problem("too_complex")
        data = self._archive.read(name)
        if any(doctype in data for doctype in _DOCTYPES):
            raise problem("too_complex")
        return ElementTree.fromstring(data.replace(_STRICT, W.strip("{}").encode()))


def _part_text(root: ElementTree.Element | None, numbering: Numbering) -> str:
    if root is None:
        raise problem("damaged", kind="DOCX")
    _drop_repeats(root)
    for paragraph in list(root.iter(f"{W}p")):
        label = numbering.label(paragraph)
        if label and any(text.text for text in paragraph.iter(f"{W}t")):
            paragraph.insert(0, _run(f"{label} "))
    for row in reversed(list(root.iter(f"{W}tr"))):  # inner tables before outer ones
        _join_cells(row)
    return xml2text(ElementTree.tostring(root, encoding="unicode"))


def _drop_repeats(root: ElementTree.Element) -> None:
    """Remove the second copy of text boxes, text moved elsewhere and tab stops, which docx2txt takes for tabs. End a
    text box, which is inside a paragraph, with a paragraph break."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith("}Fallback") or child.tag in (f"{W}moveFrom", f"{W}tabs"):
                parent.remove(child)
        if parent.tag == f"{W}txbxContent":
            parent.extend([ElementTree.Element(f"{W}br"), ElementTree.Element(f"{W}br")])


def _join_cells(row: ElementTree.Element) -> None:
    cells = [_cell_text(cell) for cell in row.iter(f"{W}tc")]
    if len(cells) > 1:
        paragraph = ElementTree.Element(f"{W}p")
        if any(cells):
            paragraph.append(_run(" | ".join(cells)))
        row[:] = [paragraph]


def _cell_text(cell: ElementTree.Element) -> str:
    pieces = (node.text or "" if node.tag == f"{W}t" else " " if node.tag in _SPACES else "" for node in cell.iter())
    return " ".join("".join(pieces).split())


def _run(text: str) -> ElementTree.Element:
    run = ElementTree.Element(f"{W}r")
    ElementTree.SubElement(run, f"{W}t").text = text
    return run
