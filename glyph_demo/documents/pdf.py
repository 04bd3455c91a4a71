"""A PDF: text by pypdf, what is a picture by pdfium. Runs in the child process only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pypdf
from pypdf.errors import LimitReachedError

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.pdf_pages import parsed
from glyph_demo.documents.pdf_pictures import Look, look_at
from glyph_demo.documents.problems import problem
from glyph_demo.documents.reflow import Line, join_pieces, reflow, words_of
from glyph_demo.documents.text import clean

if TYPE_CHECKING:
    import pypdfium2


def read_pdf(path: Path, max_pages: int, max_characters: int) -> Parsed:
    """The clean text of every page with the comments on it, and what of the file is not read, as warnings. Raises
    DocumentError, and whatever pypdf or pypdfium2 raise on a file they cannot open."""
    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and reader.decrypt("") == pypdf.PasswordType.NOT_DECRYPTED:
        raise problem("password")
    count = len(reader.pages)
    if not count:
        raise problem("no_pages")
    if count > max_pages:
        raise problem("too_many_pages", count=count, limit=max_pages)
    pages: list[list[Line]] = []
    looks: list[Look | None] = []
    characters = 0
    with _drawn(path) as document:
        for number in range(count):
            try:
                lines = _page_lines(reader.pages[number])
                looks.append(look_at(document[number], "\n".join(line.text for line in lines)))
            except (LimitReachedError, MemoryError, RecursionError):
                raise
            except Exception:  # pypdf raises what the broken object makes Python raise: KeyError, TypeError, ...
                lines = []
                looks.append(None)
            pages.append(lines)
            characters += sum(len(line.text) + 1 for line in lines)
            if characters > max_characters:
                raise problem("too_many_characters", limit=max_characters)
    if not any(looks):
        raise problem("damaged", kind="PDF")
    words = words_of(pages)
    return parsed(reader, [reflow(lines, words) for lines in pages], looks)


def _drawn(path: Path) -> pypdfium2.PdfDocument:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    document.init_forms()
    return document


def _page_lines(page: pypdf.PageObject) -> list[Line]:
    pieces: list[tuple[str, float, float, float]] = []

    def keep(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        pieces.append((clean(text), x, y, abs(size * tm[3] * cm[3]) or abs(size) or 1.0))

    page.extract_text(visitor_text=keep)
    return join_pieces(pieces)
