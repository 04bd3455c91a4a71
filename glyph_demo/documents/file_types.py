"""The types of file that can be opened. A new one is a file with its parser and a line in FILE_TYPES."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from glyph_demo.errors import Message

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # old Office files, and new ones with a password
_PDF_HEADER_BYTES = 1024  # readers look for %PDF- this far (ISO 32000-1, annex H, note 13)


class Parsed(NamedTuple):
    """What a parser returns. It crosses from the child process as JSON.

    `parts` is the clean text (`text.clean`) of every part in reading order, and `kind` what the parts are. `warnings`
    has, by the codes of `problems`, what fills each warning's placeholders. `pictures` are the parts, from 0, that
    cannot be read from their text but from the image of their page. `labels` are the names that the file itself
    gives its pages, such as "iv", one a part; none if it gives no names. `notes` are how many characters at the end of
    each part are comments, which the image of its page does not show; empty if there are none. `outline` are the
    headings that the file lists itself, each with its part, from 0."""

    parts: list[str]
    kind: Literal["page", "paragraph"]
    warnings: dict[str, dict[str, Any]] = {}  # noqa: RUF012  nobody writes to it
    pictures: Sequence[int] = ()
    labels: Sequence[str] = ()
    notes: Sequence[int] = ()
    outline: Sequence[tuple[str, int]] = ()


class FileType(NamedTuple):
    """`name` is how people read it; in lower case it is `Document.kind`.

    `recognises(data, suffix)` looks at the whole file and at its suffix in lower case. A file with one of `suffixes`
    that is not recognised is refused.

    `parser`, `page_images` and `original` are "module:function" and are imported in the child process only. The parser
    is called with (path, max_pages, max_characters, encoding) and returns Parsed; it raises DocumentError, and whatever
    else it raises is a damaged file. `encoding` is the one that the user named, or "auto"; it is for types whose bytes
    may be in any. `page_images` is for a type whose pages may be pictures, see `rasters.write_rasters`; `original` for
    one whose pages can be drawn for people, see `rasters.write_original`."""

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes, str], bool]
    parser: str
    page_images: str = ""
    original: str = ""


class Refused(NamedTuple):
    """A format that is known but not read. `name` is how people read it, `instead` the type to save it as."""

    name: str
    recognises: Callable[[bytes, str], bool]
    instead: str


def _is_pdf(data: bytes, suffix: str) -> bool:
    head = data[:_PDF_HEADER_BYTES]
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in head)


def _is_zip(data: bytes, suffix: str) -> bool:
    return data.startswith(b"PK\x03\x04")


def _zip_with(name: bytes) -> Callable[[bytes, str], bool]:
    """An archive whose directory lists a part whose path begins with `name`. An archive that is cut off has no
    directory; its first part's name is looked at."""
    path = re.escape(name).replace(b"/", rb"[/\\]")
    entry = re.compile(rb"PK\x01\x02.{42}" + path, re.DOTALL | re.IGNORECASE)

    def recognises(data: bytes, suffix: str) -> bool:
        if not _is_zip(data, suffix):
            return False
        end = data.rfind(b"PK\x05\x06")
        start = int.from_bytes(data[end + 16 : end + 20], "little") if end >= 0 else 0
        return entry.search(data, start) is not None

    return recognises


def _zip_of(kind: bytes) -> Callable[[bytes, str], bool]:
    """An archive whose first part is its media type (EPUB 3.3, 4.2.3; OpenDocument 1.3 part 2, 3.3)."""
    return lambda data, suffix: _is_zip(data, suffix) and data[30:120].startswith(kind)


def _starts(*heads: bytes) -> Callable[[bytes, str], bool]:
    return lambda data, suffix: data.startswith(heads)


_OFFICE = (".doc", ".xls", ".ppt", ".wps")  # what programs also name a page that they saved for an old Office
_HTML = (".html", ".htm", ".xhtml")
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)


def _is_html(data: bytes, suffix: str) -> bool:
    """A .txt stays the source that it shows."""
    if suffix in _HTML:
        return True
    head = data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return suffix in (*_OFFICE, "") and _PAGE.match(head) is not None


_EML = (".eml", ".mht", ".mhtml")


def _is_email(data: bytes, suffix: str) -> bool:
    return suffix in _EML or (suffix in _OFFICE and data.lstrip()[:13].lower() == b"mime-version:")


def _named(*suffixes: str) -> Callable[[bytes, str], bool]:
    """For types that are written as text: only the suffix tells them from a text about them."""
    return lambda data, suffix: suffix in suffixes


def _ole_with(name: str) -> Callable[[bytes, str], bool]:
    """An old Office file that has a stream of this name."""
    wanted = name.encode("utf-16-le")
    return lambda data, suffix: data.startswith(OLE) and wanted in data


_HERE = "glyph_demo.documents"
_CSV = (".csv", ".tsv", ".tab")
_MARKDOWN = (".md", ".markdown")
_MIME = b"mimetypeapplication/"
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
    FileType("PPTX", (".pptx", ".ppsx", ".pptm"), _zip_with(b"ppt/"), f"{_HERE}.pptx:read_pptx"),
    FileType("XLSX", (".xlsx", ".xlsm"), _zip_with(b"xl/"), f"{_HERE}.xlsx:read_xlsx"),
    FileType("EPUB", (".epub",), _zip_with(b"META-INF/container.xml"), f"{_HERE}.epub:read_epub"),
    FileType("ODT", (".odt",), _zip_of(_MIME + b"vnd.oasis.opendocument.text"), f"{_HERE}.odt:read_odt"),
    FileType("DOCX", (".docx",), _is_zip, f"{_HERE}.docx:read_docx"),
    FileType("RTF", (".rtf",), _starts(b"{\\rtf"), f"{_HERE}.rtf:read_rtf"),
    FileType("HTML", _HTML, _is_html, f"{_HERE}.html_text:read_html"),
    FileType("EML", _EML, _is_email, f"{_HERE}.email_text:read_email"),
    FileType("CSV", _CSV, _named(*_CSV), f"{_HERE}.csv_text:read_csv"),
    FileType("Markdown", _MARKDOWN, _named(*_MARKDOWN), f"{_HERE}.markdown_text:read_markdown"),
]
# Formats that cannot be opened, each with one that its program can save.
REFUSED = [
    Refused("DOC (Word 97–2003)", _ole_with("WordDocument"), "DOCX"),
    Refused("XLS (Excel 97–2003)", _ole_with("Workbook"), "XLSX"),
    Refused("PPT (PowerPoint 97–2003)", _ole_with("PowerPoint Document"), "PPTX"),
    Refused("MSG (Outlook)", _ole_with("__substg1.0_"), "EML"),
    Refused("XLSB", _zip_with(b"xl/workbook.bin"), "XLSX"),
    Refused("ODS", _zip_of(_MIME + b"vnd.oasis.opendocument.spreadsheet"), "XLSX"),
    Refused("ODP", _zip_of(_MIME + b"vnd.oasis.opendocument.presentation"), "PPTX"),
    Refused("Pages, Numbers and Keynote", _zip_with(b"Index/"), "PDF"),
    Refused("XPS", _zip_with(b"FixedDocumentSequence"), "PDF"),
    Refused("PNG", _starts(b"\x89PNG\r\n"), "PDF"),
    Refused("JPEG", _starts(b"\xff\xd8\xff"), "PDF"),
    Refused("GIF", _starts(b"GIF87a", b"GIF89a"), "PDF"),
    Refused("TIFF", _starts(b"II*\0", b"MM\0*"), "PDF"),
    Refused("WebP", lambda data, suffix: data[:4] == b"RIFF" and data[8:12] == b"WEBP", "PDF"),
    Refused("HEIC", lambda data, suffix: data[4:12] in (b"ftypheic", b"ftypmif1"), "PDF"),
    Refused("DjVu", _starts(b"AT&TFORM"), "PDF"),
    Refused("PostScript", _starts(b"%!PS"), "PDF"),
    Refused("MOBI", lambda data, suffix: data[60:68] == b"BOOKMOBI", "EPUB"),
]
# What no type recognises. It is read in our own process, so it has no parser here.
PLAIN_TEXT = FileType("TXT", (".txt",), lambda data, suffix: True, parser="")


def offered_types() -> Message:
    """The names of all types, for a sentence."""
    *first, last = [file_type.name for file_type in (*FILE_TYPES, PLAIN_TEXT)]
    return Message(f"{', '.join(first)} or {last}", f"{'、'.join(first)} 或 {last}")
