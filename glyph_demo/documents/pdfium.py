"""pdfium as this project sets it up. Child process only: a hostile file may take all memory or end the process."""

from __future__ import annotations

import ctypes
from pathlib import Path

try:
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw
except OSError as error:  # ctypes says so where it finds no memory for the library
    raise ImportError(str(error)) from None

_OUR_FONTS = Path(__file__).resolve().parents[1] / "assets" / "fonts"
# Where pdfium looks on Linux if nobody says otherwise (CLinuxPlatform::CreateDefaultSystemFontInfo).
_SYSTEM_FONTS = ("/usr/share/fonts", "/usr/share/X11/fonts/Type1", "/usr/share/X11/fonts/TTF", "/usr/local/share/fonts")
_kept: list[ctypes.Array[ctypes.c_char]] = []  # pdfium keeps pointers to the names of the folders


def open_pdf(file: Path | bytes) -> pdfium.PdfDocument:
    """The open file. Raises pdfium.PdfiumError; `is_locked` knows the one that means a password."""
    if not _kept:
        _use_our_fonts()
    return pdfium.PdfDocument(file)


def is_locked(error: pdfium.PdfiumError) -> bool:
    return bool(error.err_code == raw.FPDF_ERR_PASSWORD)


def _use_our_fonts() -> None:
    """Lets pdfium find Source Han Sans for Chinese, Japanese and Korean fonts that a file does not carry. Without a
    glyph it takes a character for empty, and leaves text of a single one out."""
    _kept.extend(ctypes.create_string_buffer(str(folder).encode()) for folder in (_OUR_FONTS, *_SYSTEM_FONTS))
    pointer = ctypes.POINTER(ctypes.c_char)
    folders = (pointer * (len(_kept) + 1))(*[ctypes.cast(name, pointer) for name in _kept])
    raw.FPDF_DestroyLibrary()  # pypdfium2 starts it without folders
    raw.FPDF_InitLibraryWithConfig(raw.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=folders))
