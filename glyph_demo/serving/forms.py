"""Multipart forms (RFC 7578), taken apart by searching for their boundary: the usual parsers look at every byte in
Python, which takes minutes for bytes that are chosen for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

from glyph_demo.serving.fields import MAX_PARTS

MULTIPART = "multipart/form-data"
_MAX_HEAD = 8192  # bytes that say what a part is
_MAX_BOUNDARY = 70  # RFC 2046


@dataclass(frozen=True, slots=True)
class FormPart:
    """A field of a form. `filename` is None for a plain text."""

    name: str
    filename: str | None
    data: memoryview = field(repr=False)


def is_form(kind: str) -> bool:
    return kind.lower().startswith(MULTIPART)


def form_parts(body: bytes, kind: str) -> list[FormPart]:
    """The fields of a form whose Content-Type is `kind`; their data is that of `body`. Raises HTTPException 400 for
    what is none."""
    boundary = parse_options_header(kind)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise HTTPException(400)
    return [_part(body, *span) for span in _spans(body, b"\r\n--" + boundary)]


def _spans(body: bytes, boundary: bytes) -> Iterator[tuple[int, int]]:
    """From where to where each part goes, head and all. What stands before the first and after the last is nothing."""
    place = 0 if body.startswith(boundary[2:]) else body.find(boundary) + 2
    if place == 1:  # there is none
        raise HTTPException(400)
    for _ in range(MAX_PARTS + 1):
        start = place + len(boundary) - 2
        if body.startswith(b"--", start):
            return
        end = body.find(boundary, start)
        if end < 0:
            break
        yield start, end
        place = end + 2
    raise HTTPException(400)


def _part(body: bytes, start: int, end: int) -> FormPart:
    head = body.find(b"\r\n\r\n", start, min(start + _MAX_HEAD, end + 2))
    if head < 0:
        raise HTTPException(400)
    for line in body[start:head].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            options = parse_options_header(value.strip())[1]
            if b"name" in options:
                filename = options.get(b"filename")
                shown = None if filename is None else filename.decode(errors="replace")
                return FormPart(options[b"name"].decode(errors="replace"), shown, memoryview(body)[head + 4 : end])
    raise HTTPException(400)
