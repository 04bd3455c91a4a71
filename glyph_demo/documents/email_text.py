"""Text of a saved message: EML, and MHT, which is a web page in the same form. Runs in the child process only."""

from __future__ import annotations

import codecs
import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.html_text import decode_page, html_lines
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean, decode, decode_declared, encoding_warnings

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_FAR_LESS = 4  # times
_MAX_DEPTH = 20  # of parts in parts
_MAX_PARTS = 10_000
_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")


def read_email(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """The headers that people read, then the text of the message, which is its HTML where it has no other. Messages
    in it follow in the same form. Attachments are named in a warning. `max_pages` does not apply. Raises
    DocumentError."""
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not message.keys():
        raise problem("damaged", kind="EML")
    reader = _Reader(max_characters, encoding)
    lines = [clean(line) for line in reader.message(message, 0)]
    if reader.encrypted and not reader.has_text:
        raise problem("password")
    names = sorted(set(reader.attachments))
    warnings = encoding_warnings(reader.bad, reader.guessed)
    if names:
        warnings["attachments"] = {"count": len(reader.attachments), "names": ", ".join(names)[:300]}
    return Parsed(lines, "paragraph", warnings)


def body_lines(data: bytes, max_characters: int) -> list[str] | None:
    """The text of a message without its headers; None where it has none. Raises DocumentError."""
    reader = _Reader(max_characters, "auto")
    message = email.message_from_bytes(data, policy=email.policy.default)
    lines = [clean(line) for line in reader.part(message, 0)]
    return lines if reader.has_text else None


class _Reader:
    def __init__(self, max_characters: int, encoding: str) -> None:
        """`encoding` is for parts that name none."""
        self._encoding = "" if encoding == "auto" else encoding
        self.bad, self.guessed = 0, ""
        self.attachments: list[str] = []
        self.encrypted = self.has_text = self._is_page = False
        self._left = self._limit = max_characters
        self._parts = 0

    def message(self, message: EmailMessage, depth: int) -> Iterator[str]:
        # As browsers sign a page; read as an address it would be nothing.
        self._is_page = any(name.lower() == "from" and "Saved by " in value for name, value in message.raw_items())
        for name in () if self._is_page else _HEADERS:
            if value := _header(message, name):
                yield f"{name}: {value}"
        yield ""
        yield from self.part(message, depth)

    def part(self, part: EmailMessage, depth: int) -> Iterator[str]:
        self._parts += 1
        if depth > _MAX_DEPTH or self._parts > _MAX_PARTS:
            raise problem("too_complex")
        kind = part.get_content_type()
        self.encrypted |= kind in _ENCRYPTED
        if kind == "message/rfc822" and part.is_multipart():
            yield ""
            yield from self.message(cast(EmailMessage, part.get_payload(0)), depth + 1)
        elif part.is_multipart():
            yield from self._parts_of(part, kind, depth)
        elif part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            self._attach(part)
        else:
            self.has_text = True
            yield from self._text(part, kind)

    def _parts_of(self, part: EmailMessage, kind: str, depth: int) -> Iterator[str]:
        parts = cast("list[EmailMessage]", part.get_payload())
        if kind == "multipart/related":
            for other in parts[1:]:
                self._parts += 1
                if other.get_content_disposition() == "attachment":
                    self._attach(other)
            parts = parts[:1]
        elif kind == "multipart/alternative":
            yield from self._alternative(parts, depth)
            return
        for inner in parts:
            yield from self.part(inner, depth + 1)

    def _alternative(self, parts: list[EmailMessage], depth: int) -> Iterator[str]:
        """The plain form, which comes first in most messages. One that holds far less than another, such as "This
        message is in HTML", stands for none."""
        sizes: list[int] = []
        texts: list[list[str]] = []
        for choice in sorted(parts, key=lambda choice: choice.get_content_type() != "text/plain"):
            lines = list(self.part(choice, depth + 1))
            texts.append(lines)
            sizes.append(sum(len(line.strip()) for line in lines))
        if sizes:
            enough = max(sizes) / _FAR_LESS
            yield from next(text for text, size in zip(texts, sizes, strict=True) if size >= enough)

    def _attach(self, part: EmailMessage) -> None:
        kind = part.get_content_type()
        name = part.get_filename() or (kind if part.get_content_maintype() in ("text", "application") else "")
        if name and kind not in ("application/pgp-signature", "application/pkcs7-signature"):
            self.attachments.append(" ".join(clean(str(name)).split())[:80])

    def _text(self, part: EmailMessage, kind: str) -> Iterator[str]:
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or not data.strip():
            return
        decoded = (decode_page if kind == "text/html" else decode_declared)(
            data, part.get_content_charset("") or self._encoding, "auto"
        )
        text = decoded.text
        self.bad, self.guessed = self.bad + decoded.bad, self.guessed or decoded.guessed
        if kind == "text/html":
            lines = html_lines(text, self._left, has_title=self._is_page)
        else:
            if part.get_param("format") == "flowed":  # RFC 3676: a line that ends with a space goes on in the next
                text = re.sub(r"(?<!\n-- ) \r?\n(?!>)", " ", text)
            lines = clean(text).split("\n")
        self._left -= sum(map(len, lines))
        if self._left < 0:
            raise problem("too_many_characters", limit=self._limit)
        yield from lines


def _header(message: EmailMessage, name: str) -> str:
    """The decoded value; one with bytes that no rule allows is read as text of a guessed encoding."""
    value = " ".join(str(message.get(name, "")).split())
    raw = value.encode("utf-8", "surrogateescape")
    return value if raw == value.encode("utf-8", "replace") else decode(raw, "auto").text
