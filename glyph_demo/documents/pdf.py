"""Text of a PDF. Runs in the child process only."""

from __future__ import annotations

from pathlib import Path

import pypdf

from glyph_demo.documents import pdf_annotations
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.pdf_characters import characters_of
from glyph_demo.documents.pdf_lines import lines_of
from glyph_demo.documents.pdf_open import opened
from glyph_demo.documents.pdf_outline import outline_of
from glyph_demo.documents.pdf_pages import parsed
from glyph_demo.documents.pdf_pictures import Look, look_at
from glyph_demo.documents.pdf_seen import seen
from glyph_demo.documents.pdfium import pdfium
from glyph_demo.documents.problems import problem
from glyph_demo.documents.reflow import Line, reflow, words_of


def read_pdf(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """The clean text of every page. Pages that cannot be parsed, or have no text layer, are empty and counted as
    warnings. Raises DocumentError."""
    document, layers_off = opened(path)
    count = len(document)
    if not count:
        raise problem("no_pages")
    if count > max_pages:
        raise problem("too_many_pages", count=count, limit=max_pages)
    pages: list[list[Line]] = []
    looks: list[Look | None] = []
    characters = 0
    for number in range(count):
        try:
            lines = _page_lines(document, number, layers_off)
            page = document[number]
            looks.append(look_at(page, "\n".join(line.text for line in lines)))
            page.close()
        except MemoryError:
            raise
        except Exception:  # whatever a page makes of pdfium or of us, the others are read
            lines = []
            looks.append(None)
        pages.append(lines)
        characters += sum(len(line.text) + 1 for line in lines)
        if characters > max_characters:
            raise problem("too_many_characters", limit=max_characters)
    if not any(looks):
        raise problem("damaged", kind="PDF")
    words = words_of(pages)
    found = parsed(_reader(path), [reflow(lines, words) for lines in pages], looks)
    return found._replace(outline=outline_of(document))


def _reader(path: Path) -> pypdf.PdfReader | None:
    """The file as it is: `mended` leaves its reader changed."""
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted:
            reader.decrypt("")
        return reader
    except MemoryError:
        raise
    except Exception:  # what pypdf raises on a broken file
        return None


def _page_lines(document: pdfium.PdfDocument, number: int, layers_off: bool) -> list[Line]:
    page = document[number]
    groups, is_drawn = pdf_annotations.typed(document, page)
    first = None
    if is_drawn:
        first = pdf_annotations.flatten(page)
        page.close()
        page = document[number]
    text = page.get_textpage()
    characters, pieces = characters_of(text)
    characters = seen(page, characters, pieces, layers_off)
    if first is not None:
        drawn = pdf_annotations.drawn(page, pieces, first)
        groups += pdf_annotations.by_line(each for each in characters if each.piece in drawn)
        characters = [each for each in characters if each.piece not in drawn]
    text.close()
    page.close()
    return lines_of(pdf_annotations.placed(characters, groups))
