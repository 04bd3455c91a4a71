"""Text of what programs embed in a DOCX to be shown as part of it (altChunk): HTML, mail archives, RTF and plain
text."""

from __future__ import annotations

from glyph_demo.documents.text import clean, decode
from glyph_demo.errors import DocumentError


def chunk_lines(data: bytes, suffix: str, max_characters: int) -> list[str] | None:
    """Paragraphs of a chunk; None for one that cannot be read. Raises DocumentError `too_many_characters` and
    `too_complex`."""
    try:
        if suffix in ("mht", "mhtml", "eml"):
            from glyph_demo.documents.email_text import body_lines  # slow to import, and chunks are rare

            return body_lines(data, max_characters)
        if suffix in ("htm", "html", "xhtml") or b"<html" in data[:1000].lower():
            from glyph_demo.documents.html_text import decode_page, html_lines

            return [clean(line) for line in html_lines(decode_page(data, "", "auto").text, max_characters)]
        if suffix == "rtf":
            from glyph_demo.documents.rtf import rtf_lines

            return rtf_lines(data)[0]
        return clean(decode(data, "auto").text).split("\n") if suffix in ("txt", "text") else None
    except DocumentError as error:
        if error.code.startswith("too_"):
            raise
        return None
