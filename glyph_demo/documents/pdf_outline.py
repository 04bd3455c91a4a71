"""The outline that a PDF has of itself. Runs in the child process only."""

from __future__ import annotations

from itertools import islice

from glyph_demo.documents.pdfium import pdfium

MAX_ENTRIES = 100
MAX_DEPTH = 3
_MAX_TITLE = 300  # characters


def outline_of(document: pdfium.PdfDocument) -> list[tuple[str, int]]:
    """Titles in order, each with its page from 0. Entries that lead to no page of the file are left out."""
    found: list[tuple[str, int]] = []
    try:
        for entry in islice(document.get_toc(max_depth=MAX_DEPTH), MAX_ENTRIES):
            target = entry.get_dest()
            page = target.get_index() if target is not None else None
            if page is not None and 0 <= page < len(document):
                found.append((entry.get_title()[:_MAX_TITLE], page))
    except MemoryError:
        raise
    except Exception:  # what a broken outline makes of pdfium; the pages are read without
        return found
    return found
