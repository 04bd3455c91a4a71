"""Text of a web page as a browser would show it. Other types use it for the HTML in them. Runs in the child process
only, and loads nothing that a page refers to."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import TreeBuilder

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.html_styles import Rules, hides
from glyph_demo.documents.mathml import equation
from glyph_demo.documents.numbering import formatted
from glyph_demo.documents.problems import problem
from glyph_demo.documents.tables import Table
from glyph_demo.documents.text import CHECKED, UNCHECKED, Decoded, clean, decode_declared, encoding_warnings, raised

_DECLARED_BYTES = 4096  # browsers look 1,024 bytes far; saved pages often have long comments before it
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Not shown, or shown as something that is no text. Struck-out text no longer holds; rt and rp are the readings that
# ruby puts above characters.
_UNSEEN = {
    *("script", "style", "template", "noscript", "iframe", "object", "svg", "canvas", "audio", "video", "datalist"),
    *("del", "s", "strike", "rt", "rp"),
}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl"),
    *("dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html"),
    *("legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "title", "ul"),
}
# What an opening tag ends when it is still open (HTML standard, 13.1.2.4), and what such an element is kept in.
_ENDS = {tag: {"p"} for tag in _BLOCKS - {"body", "caption", "html", "title"}} | {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    **{tag: {"td", "th", "tr", "thead", "tbody"} for tag in ("thead", "tbody", "tfoot")},
    "option": {"option"},
}
_SCOPES = {"table": set(), "td": {"tr"}, "th": {"tr"}, "tr": {"tbody"}, "ul": {"p"}, "ol": {"p"}}
_NEAR = 50  # how many open elements are looked at for one to end
_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_INVISIBLE = str.maketrans({"\u00a0": " ", "\u00ad": None, "\u200b": None, "\u2060": None})


def read_html(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Lines of the page as one paragraph each. `max_pages` does not apply. Raises DocumentError."""
    text, bad, guessed = decode_page(path.read_bytes(), "", encoding)
    lines = [clean(line) for line in html_lines(text, max_characters, has_title=True)]
    return Parsed(lines, "paragraph", encoding_warnings(bad, guessed))


def decode_page(data: bytes, declared: str, encoding: str) -> Decoded:
    """As `decode_declared`; a page that came without the name of its encoding may hold it."""
    inner = _DECLARED.search(data[:_DECLARED_BYTES])
    return decode_declared(data, declared or (inner[1].decode("ascii") if inner else ""), encoding)


def html_lines(source: str, max_characters: int, has_title: bool = False) -> list[str]:
    """The lines that a page shows: a heading, a paragraph, an item with its bullet or number, a table row as
    "cell | cell" or with the names of its columns. `has_title` says that the title is shown. What is hidden or struck
    out is left out. Raises `too_many_characters`."""
    reader = _Reader(max_characters, has_title)
    reader.feed(source)
    reader.close()
    return reader.finish()


class _Lines:
    """The lines of the page, or of one cell of a table."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.has_table = False
        self._pieces: list[str] = []

    def add(self, text: str, keep_spaces: bool = False) -> None:
        if keep_spaces:
            self._pieces.append(text.replace("\n", "\n\0"))
        else:
            self._pieces.append(re.sub(r"[ \t\n\r\f]+", " ", text))

    def tail(self) -> str:
        return next((piece for piece in reversed(self._pieces) if piece), "")

    def end_line(self) -> None:
        """A line of `pre` keeps its spaces, another has single ones."""
        text = "".join(self._pieces)
        self._pieces = []
        if "\n\0" in text:
            self.lines += [line for line in text.replace("\0", "").split("\n") if line.strip()]
        elif line := re.sub(" +", " ", text).strip():
            self.lines.append(line)


class _Reader(HTMLParser):
    def __init__(self, max_characters: int, has_title: bool) -> None:
        self._untitled = () if has_title else ("title",)
        super().__init__(convert_charrefs=True)
        self._left = self._limit = max_characters
        self._open: list[tuple[str, bool]] = []  # the elements with whether each hides what is in it
        self._count: Counter[str] = Counter()
        self._hidden = 0
        self._flows = [_Lines()]
        self._tables: list[Table] = []
        # Of each open list the number of the item before, None for bullets, and the format of its numbers.
        self._numbers: list[tuple[int | None, str]] = []
        self._rules = Rules()
        self._raised: list[str] | None = None  # text of the `sup`, or reference to a note, that is open
        self._raised_depth = 0
        self._is_note = False
        self._math: TreeBuilder | None = None  # the equation that is open

    def finish(self) -> list[str]:
        while self._open:
            self._close(self._open[-1][0])
        self._flows[0].end_line()
        return self._flows[0].lines

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = tag.removeprefix("m:")
        self._end_before(tag)
        named = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._void(tag, named)
            return
        hides = tag in _UNSEEN or tag in self._untitled or self._is_hidden(tag, named)
        self._open.append((tag, hides))
        self._count[tag] += 1
        self._hidden += hides
        if self._hidden:
            return
        if tag == "math" and self._math is None:
            self._math = TreeBuilder()
        if self._math is None:
            self._start(tag, named)
        else:
            self._math.start(tag, named)

    def handle_endtag(self, tag: str) -> None:
        tag = tag.removeprefix("m:")
        if tag == "p" and not self._count["p"]:
            self._flows[-1].end_line()
        if self._count[tag]:
            while self._open[-1][0] != tag:
                self._close(self._open[-1][0])
            self._close(tag)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "style":
            self._rules.read(data)
        if not self._hidden:
            self._write(data.translate(_INVISIBLE), keep_spaces=self._count["pre"] > 0)

    def _end_math(self, tag: str) -> None:
        """Go out of an element of the equation that is open; the last one writes it."""
        assert self._math is not None
        self._math.end(tag)
        if not self._count["math"]:
            tree, self._math = self._math.close(), None
            self._write(equation(tree))

    def _write(self, text: str, keep_spaces: bool = False) -> None:
        self._spend(len(text))
        if self._math is not None:
            self._math.data(text)
        elif self._raised is not None:
            self._raised.append(text)
        else:
            self._flows[-1].add(text, keep_spaces)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise problem("too_many_characters", limit=self._limit)

    def _is_hidden(self, tag: str, attributes: dict[str, str]) -> bool:
        closed = (tag == "dialog" and "open" not in attributes) or (tag == "option" and "selected" not in attributes)
        hidden = "hidden" in attributes and attributes["hidden"].lower() != "until-found"
        own = hides(attributes.get("style", ""))
        return closed or hidden or (self._rules.hide(tag, attributes) if own is None else own)

    def _end_before(self, tag: str) -> None:
        """Close what the tag ends without an end tag."""
        ends = _ENDS.get(tag, set())
        if not any(self._count[name] for name in ends):
            return
        for name, _ in self._open[: -_NEAR - 1 : -1]:
            if name in ends:
                while self._open[-1][0] != name:
                    self._close(self._open[-1][0])
                self._close(name)
                if tag not in ("tr", "thead", "tbody", "tfoot"):
                    return
            elif name in _SCOPES and not _SCOPES[name] & ends:
                return

    def _void(self, tag: str, attributes: dict[str, str]) -> None:
        if self._hidden or self._is_hidden(tag, attributes):
            return
        if tag == "br" and self._count["pre"]:
            self._write("\n", keep_spaces=True)
        elif tag in ("br", "hr"):
            self._flows[-1].end_line()
        elif tag == "img" and attributes.get("alt", "").strip():
            self._write(f" [picture: {attributes['alt'].strip()}] ")
        elif tag == "input" and attributes.get("type", "").lower() in ("checkbox", "radio"):
            self._write(f" {CHECKED if 'checked' in attributes else UNCHECKED} ")
        elif tag == "input" and attributes.get("type", "text").lower() in ("text", "number", "date", "email", "tel"):
            self._write(f" {attributes.get('value', '')} ")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _BLOCKS:
            self._end_raised()
            self._flows[-1].end_line()
        if tag == "table":
            self._flows[-1].has_table = True
            self._tables.append(Table())
        elif tag == "tr" and self._tables:
            self._end_row()
        elif tag in ("td", "th") and self._tables:
            spans = attributes.get("rowspan", ""), attributes.get("colspan", "")
            self._tables[-1].start_cell(*spans, is_name=tag == "th" or self._count["thead"] > 0)
            self._flows.append(_Lines())
        elif tag in ("ul", "ol", "menu"):
            start = attributes.get("start", "1")
            first = int(start) if re.fullmatch(r"-?\d{1,6}", start) else 1
            self._numbers.append((first - 1 if tag == "ol" else None, _FORMATS.get(attributes.get("type", ""), "")))
        elif tag == "li":
            self._start_item(attributes.get("value", ""))
        elif tag == "sup" or "noteref" in attributes.get("role", "") + attributes.get("epub:type", ""):
            if self._raised is None:
                self._raised, self._raised_depth = [], len(self._open)
            self._is_note |= tag != "sup"

    def _start_item(self, value: str) -> None:
        number, style = self._numbers[-1] if self._numbers else (None, "")
        if number is None:
            self._write("• ")
            return
        number = int(value) if re.fullmatch(r"-?\d{1,6}", value) else number + 1
        self._numbers[-1] = number, style
        self._write(f"{formatted(number, style)}. ")

    def _close(self, tag: str) -> None:
        """Close the innermost element, which is a `tag`."""
        _, hides = self._open.pop()
        self._count[tag] -= 1
        shown = not self._hidden
        self._hidden -= hides
        if not shown:
            return
        if self._math is not None:
            self._end_math(tag)
            return
        if len(self._open) < self._raised_depth:
            self._end_raised()
        if tag in _BLOCKS:
            self._flows[-1].end_line()
        if tag in ("td", "th") and self._tables and len(self._flows) > 1:
            cell = self._flows.pop()
            cell.end_line()
            self._tables[-1].end_cell(cell.lines, cell.has_table)
        elif tag in ("tr", "table") and self._tables:
            self._end_row()
            if tag == "table":
                self._flows[-1].lines += self._tables.pop().end()
        elif tag in ("ul", "ol", "menu") and self._numbers:
            self._numbers.pop()

    def _end_raised(self) -> None:
        if self._raised is None:
            return
        text, is_note = "".join(self._raised), self._is_note
        self._raised, self._raised_depth, self._is_note = None, 0, False
        self._flows[-1].add(f"[{text.strip(' []')}]" if is_note else raised(text, self._flows[-1].tail()))

    def _end_row(self) -> None:
        self._flows[-1].end_line()
        self._flows[-1].lines += self._tables[-1].end_row()
        self._spend(self._tables[-1].repeated)
        self._tables[-1].repeated = 0
