"""A PDF is opened, for its text and for its pictures. Runs in the child process only."""

from __future__ import annotations

from pathlib import Path

import pypdf

from glyph_demo.documents.pdf_mended import mended
from glyph_demo.documents.pdfium import is_locked, open_pdf, pdfium
from glyph_demo.documents.problems import problem


def opened(path: Path) -> tuple[pdfium.PdfDocument, bool]:
    """The document as pdfium has it, `mended` where it must be, and whether some of its layers are off. Raises
    DocumentError."""
    file: Path | bytes = path
    layers_off, is_empty = False, False
    try:
        reader = pypdf.PdfReader(path)
        unlocked = reader.decrypt("") if reader.is_encrypted else None
        is_empty = not reader.pages
        # pdfium tries no empty password as the owner's
        changed = mended(reader, always=unlocked == pypdf.PasswordType.OWNER_PASSWORD)
        file, layers_off = changed or path, changed is not None
    except MemoryError:
        raise
    except Exception:  # pypdf raises what the broken object makes Python raise; pdfium may still read the file
        pass
    try:
        document = open_pdf(file)
        document.init_forms()
    except pdfium.PdfiumError as error:
        if is_locked(error):
            raise problem("password") from None
        raise problem("no_pages") if is_empty else problem("damaged", kind="PDF") from None
    return document, layers_off
