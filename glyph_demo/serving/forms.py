"""Multipart forms (RFC 7578), parsed from a whole body."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as Text
from python_multipart.multipart import File, parse_options_header
from starlette.exceptions import HTTPException

from glyph_demo.serving.fields import MAX_PARTS

MULTIPART = "multipart/form-data"
_BLOCK = 1 << 20  # bytes parsed at a time
_MAX_BOUNDARY = 70  # RFC 2046
_MAX_PADDING = 100  # blanks after a boundary


@dataclass(frozen=True, slots=True)
class FormPart:
    """A field of a form. `filename` is None for a plain text."""

    name: str
    filename: str | None
    data: bytes = field(repr=False)


def is_form(kind: str) -> bool:
    return kind.lower().startswith(MULTIPART)


def form_parts(body: bytes, kind: str) -> list[FormPart]:
    """The fields of a form whose Content-Type is `kind`. Raises HTTPException 400 if it is malformed."""
    boundary = parse_options_header(kind)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= _MAX_BOUNDARY or not _plain(body, b"\r\n--" + boundary):
        raise HTTPException(400)
    parts: list[FormPart] = []

    def on_text(text: Text) -> None:
        parts.append(FormPart(_decoded(text.field_name), None, text.value or b""))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        parts.append(FormPart(_decoded(file.field_name), _decoded(file.file_name), file.file_object.read()))

    config = {"MAX_MEMORY_FILE_SIZE": len(body)}
    parser = FormParser(MULTIPART, on_text, on_file, boundary=boundary, config=config)
    try:
        for start in range(0, len(body), _BLOCK):
            parser.write(body[start : start + _BLOCK])
        parser.finalize()
    except FormParserError:
        raise HTTPException(400) from None
    return parts


def _plain(body: bytes, boundary: bytes) -> bool:
    """Whether a form has at most MAX_PARTS parts and no long padding. The parser handles each byte of those in Python,
    which could take half a minute."""
    place = 0
    for _ in range(MAX_PARTS + 1):
        place = body.find(boundary, place) + len(boundary)
        if place < len(boundary):
            return True
        if not body[place : place + _MAX_PADDING].strip(b" \t") and place + _MAX_PADDING < len(body):
            return False
    return False


def _decoded(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
