"""Text of what programs embed in a DOCX to be shown as part of it (altChunk): HTML, mail archives and plain text."""

from __future__ import annotations

from html.parser import HTMLParser

from glyph_demo.documents.text import clean, decode
from glyph_demo.errors import DocumentError

_SILENT = {"script", "style", "title", "template"}
_BLOCKS = {"address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "div", "dl", "dt", "fieldset"}
_BLOCKS |= {"figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"}
_BLOCKS |= {"p", "pre", "section", "table", "tr", "ul"}
_CELLS = {"td", "th"}


def chunk_lines(data: bytes, suffix: str) -> list[str] | None:
    """Paragraphs of a chunk; None for one that cannot be read."""
    try:
        if suffix in ("mht", "mhtml", "eml"):
            return _mail_lines(data)
        if suffix in ("htm", "html", "xhtml") or b"<html" in data[:1000].lower():
            return _html_lines(decode(data, "auto")[0])
        return clean(decode(data, "auto")[0]).split("\n") if suffix in ("txt", "text") else None
    except DocumentError:
        return None


def _mail_lines(data: bytes) -> list[str] | None:
    from email.message import EmailMessage  # rare, and slow to import
    from email.parser import BytesParser
    from email.policy import default

    message = BytesParser(EmailMessage, policy=default).parsebytes(data)
    body = message.get_body(("html", "plain"))
    if body is None:
        return None
    text = body.get_content()
    return _html_lines(text) if body.get_content_subtype() == "html" else clean(text).split("\n")


def _html_lines(text: str) -> list[str]:
    parser = _Lines()
    parser.feed(text)
    parser.close()
    parser.end_line()
    return parser.lines


class _Lines(HTMLParser):
    """Gathers a line a block, the cells of a row between bars."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._pieces: list[str] = []
        self._silent = 0
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _CELLS:
            self._pieces.append(" | " if self._cells else "")
            self._cells += 1
        elif tag == "tr":
            self.end_line()
            self._cells = 0
        elif tag in _BLOCKS:
            self._end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in ("tr", "table"):
            self.end_line()
            self._cells = 0
        elif tag in _BLOCKS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._pieces.append(data)

    def _end_block(self) -> None:
        if self._cells:
            self._pieces.append(" ")
        else:
            self.end_line()

    def end_line(self) -> None:
        line = " ".join(clean("".join(self._pieces)).split())
        self._pieces.clear()
        if line.strip(" |"):
            self.lines.append(line)
