"""Text of a DOCX. The parts are prepared, so that they hold what Word shows; docx2txt turns them to text. Runs in the
child process only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from glyph_demo.documents.archive import memory_errors
from glyph_demo.documents.docx_context import Context, Inventory
from glyph_demo.documents.docx_notes import Comments, Notes
from glyph_demo.documents.docx_package import Budget, Package, Part
from glyph_demo.documents.docx_sections import header_parts
from glyph_demo.documents.docx_story import flow_of, paragraphs_of
from glyph_demo.documents.docx_styles import HiddenText, RaisedText
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.numbering import Numbering
from glyph_demo.documents.problems import problem
from glyph_demo.errors import DocumentError

_MAX_DEPTH = 3  # documents inside documents


def read_docx(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Clean paragraphs in reading order: headers, body, footnotes, endnotes, footers, a header or footer that repeats
    an earlier one left out. A table row is one line, "cell | cell", but a row of one cell keeps its paragraphs. List
    items carry their bullet or number. Comments stand at their place, "[comment by NAME: ...]"; of tracked changes
    only the outcome is text; hidden text is none. Empty paragraphs are dropped. The warnings tell what is not read. A
    DOCX has no pages before it is printed, so `max_pages` does not apply. Raises DocumentError and the errors of
    zipfile and ElementTree."""
    inventory = Inventory()
    paragraphs: list[str] = []
    with memory_errors(), zipfile.ZipFile(path) as archive:
        for added in _parts_text(Package(archive, Budget()), inventory, max_characters, depth=0):
            paragraphs += added
            if sum(map(len, paragraphs)) > max_characters:
                raise problem("too_many_characters", limit=max_characters)
    return Parsed(paragraphs, "paragraph", inventory.warnings())


def _parts_text(package: Package, inventory: Inventory, max_characters: int, depth: int) -> Iterator[list[str]]:
    """Paragraphs part by part. A document inside another lends its text, not its headers and footers."""
    main = package.main_part()
    settings = package.part(main.related("settings"))
    context = _context(package, main, settings, inventory, max_characters, depth)
    headers, footers = ([], []) if depth else header_parts(package, main, settings, inventory)
    seen: set[tuple[str, ...]] = set()
    for part in headers:
        yield _unless_seen(paragraphs_of(part, context), seen)
    yield paragraphs_of(main, context)
    for notes in context.notes.values():
        for mark, note in notes.referred():
            assert notes.part
            flow = flow_of(notes.part, note, context)
            flow.begin_with(mark)
            yield flow.paragraphs()
    for part in footers:
        yield _unless_seen(paragraphs_of(part, context), seen)


def _unless_seen(paragraphs: list[str], seen: set[tuple[str, ...]]) -> list[str]:
    key = tuple(paragraphs)
    if key in seen:
        return []
    seen.add(key)
    return paragraphs


def _context(
    package: Package, main: Part, settings: Part | None, inventory: Inventory, max_characters: int, depth: int
) -> Context:
    def root(kind: str) -> ElementTree.Element | None:
        part = package.part(main.related(kind))
        return None if part is None else part.root

    styles = root("styles")
    setting = None if settings is None else settings.root
    return Context(
        package,
        HiddenText(styles),
        RaisedText(styles),
        Numbering(root("numbering"), styles),
        Comments(package.part(main.related("comments")), package.part(main.related("commentsExtended")), main.root),
        {
            "footnote": Notes(package.part(main.related("footnotes")), setting, "footnote", "decimal"),
            "endnote": Notes(package.part(main.related("endnotes")), setting, "endnote", "lowerRoman"),
        },
        inventory,
        partial(_nested, package, inventory, max_characters, depth + 1),
        max_characters,
    )


def _nested(package: Package, inventory: Inventory, max_characters: int, depth: int, data: bytes) -> list[str] | None:
    """Paragraphs of a DOCX inside a DOCX; None for one that cannot be read. Its parts count against the same limits."""
    if depth > _MAX_DEPTH:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner = Package(archive, package.budget)
            return [text for added in _parts_text(inner, inventory, max_characters, depth) for text in added]
    except DocumentError as error:
        if error.code.startswith("too_"):
            raise
        return None
    except (zipfile.BadZipFile, ElementTree.ParseError):
        return None
