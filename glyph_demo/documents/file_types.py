"""The types of file that can be opened. A new one is a file with its parser and a line in FILE_TYPES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from glyph_demo.errors import Message

_PDF_HEADER_BYTES = 1024  # readers look for %PDF- this far (ISO 32000-1, annex H, note 13)


class Parsed(NamedTuple):
    """What a parser returns. It crosses from the child process as JSON.

    `parts` is the clean text (`text.clean`) of every part in reading order, and `kind` what the parts are. `warnings`
    has, by the codes of `problems`, what fills each warning's placeholders. `pictures` are the parts, from 0, that
    cannot be read from their text but from the image of their page. `labels` are the names that the file itself
    gives its pages, such as "iv", one a part; none if it gives no names."""

    parts: list[str]
    kind: Literal["page", "paragraph"]
    warnings: dict[str, dict[str, Any]] = {}  # noqa: RUF012  nobody writes to it
    pictures: Sequence[int] = ()
    labels: Sequence[str] = ()


class FileType(NamedTuple):
    """`name` is how people read it; in lower case it is `Document.kind`.

    `recognises(data, suffix)` looks at the whole file and at its suffix in lower case. A file with one of `suffixes`
    that is not recognised is refused.

    `parser`, `page_images` and `original` are "module:function" and are imported in the child process only. The parser
    is called with (path, max_pages, max_characters) and returns Parsed; it raises DocumentError, and whatever else it
    raises is a damaged file. `page_images` is for a type whose pages may be pictures, see `rasters.write_rasters`;
    `original` for one whose pages can be drawn for people, see `rasters.write_original`."""

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes, str], bool]
    parser: str
    page_images: str = ""
    original: str = ""


def _is_pdf(data: bytes, suffix: str) -> bool:
    head = data[:_PDF_HEADER_BYTES]
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in head)


def _is_zip(data: bytes, suffix: str) -> bool:
    return data.startswith(b"PK\x03\x04")


_HERE = "glyph_demo.documents"
# The first that recognises a file reads it. DOCX takes every archive that those before it leave.
FILE_TYPES = [
    FileType(
        "PDF",
        (".pdf",),
        _is_pdf,
        parser=f"{_HERE}.pdf:read_pdf",
        page_images=f"{_HERE}.rasters:write_rasters",
        original=f"{_HERE}.rasters:write_original",
    ),
    FileType("DOCX", (".docx",), _is_zip, f"{_HERE}.docx:read_docx"),
]
# What no type recognises. It is read in our own process, so it has no parser here.
PLAIN_TEXT = FileType("TXT", (".txt",), lambda data, suffix: True, parser="")


def offered_types() -> Message:
    """The names of all types, for a sentence."""
    *first, last = [file_type.name for file_type in (*FILE_TYPES, PLAIN_TEXT)]
    return Message(f"{', '.join(first)} or {last}", f"{'、'.join(first)} 或 {last}")
