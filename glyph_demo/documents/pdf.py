"""Text of a PDF by pypdf. Runs in the child process only."""

from __future__ import annotations

from pathlib import Path

import pypdf
from pypdf.errors import LimitReachedError

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.reflow import Line, join_pieces, reflow, words_of
from glyph_demo.documents.text import clean


def read_pdf(path: Path, max_pages: int, max_characters: int) -> Parsed:
    """The clean text of every page. Pages that cannot be parsed, or have no text layer, are empty and counted as
    warnings. Raises DocumentError, and whatever pypdf raises on a file it cannot open."""
    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and reader.decrypt("") == pypdf.PasswordType.NOT_DECRYPTED:
        raise problem("password")
    count = len(reader.pages)
    if not count:
        raise problem("no_pages")
    if count > max_pages:
        raise problem("too_many_pages", count=count, limit=max_pages)
    pages: list[list[Line]] = []
    unreadable = characters = 0
    for number in range(count):
        try:
            lines = _page_lines(reader.pages[number])
        except (LimitReachedError, MemoryError, RecursionError):
            raise
        except Exception:  # pypdf raises what the broken object makes Python raise: KeyError, TypeError, ...
            lines, unreadable = [], unreadable + 1
        pages.append(lines)
        characters += sum(len(line.text) + 1 for line in lines)
        if characters > max_characters:
            raise problem("too_many_characters", limit=max_characters)
    if unreadable == count:
        raise problem("damaged", kind="PDF")
    words = words_of(pages)
    texts = [reflow(lines, words) for lines in pages]
    warnings = {"unreadable_pages": {"count": unreadable}} if unreadable else {}
    return Parsed(texts, "page", warnings, [part for part, text in enumerate(texts) if not text.strip()])


def _page_lines(page: pypdf.PageObject) -> list[Line]:
    pieces: list[tuple[str, float, float, float]] = []

    def keep(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        pieces.append((clean(text), x, y, abs(size * tm[3] * cm[3]) or abs(size) or 1.0))

    page.extract_text(visitor_text=keep)
    return join_pieces(pieces)
