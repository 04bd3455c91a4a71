"""Prepared XML: paragraphs of w:t, w:tab and w:br, one after the other, that docx2txt turns to text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, tostring

from docx2txt.docx2txt import xml2text

from glyph_demo.documents.docx_symbols import without_font
from glyph_demo.documents.docx_xml import T, W
from glyph_demo.documents.text import clean, raised

_P = f"{W}p"
_RAISED = "raised"


class Flow:
    """Gathers the text of a part, or of a cell. Empty paragraphs are never made."""

    def __init__(self) -> None:
        self._paragraphs: list[Element] = []
        self._open: Element | None = None
        self._pieces: list[Element] = []  # of the paragraph that is open; a text box parts it
        self._held = False

    def begin(self) -> None:
        """Begin a paragraph, or go on with the one whose mark was deleted or hidden."""
        if not self._held:
            self.end()
        self._held = False

    def hold(self) -> None:
        """The paragraph goes on in the next one."""
        self._held = True

    def end(self, label: str = "") -> None:
        """End the paragraph. `label` goes before its first text."""
        if label and self._pieces:
            first = Element(T)
            first.text = f"{label} "
            self._pieces[0].insert(0, first)
        self._open, self._pieces, self._held = None, [], False

    def begin_with(self, mark: str) -> None:
        """Put the mark of a note before the first text."""
        if mark and self._paragraphs:
            self._pieces = self._paragraphs[:1]
            self.end(mark)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Paragraphs of their own amid the open one, which goes on behind them."""
        opened, pieces, count = self._open, self._pieces, len(self._paragraphs)
        self._open, self._pieces = None, []
        yield
        self._open = opened if len(self._paragraphs) == count else None
        self._pieces, self._held = pieces, False

    def add(self, tag: str, text: str = "", is_raised: bool = False) -> None:
        if self._open is None:
            self._open = Element(_P)
            self._paragraphs.append(self._open)
            self._pieces.append(self._open)
        SubElement(self._open, tag, {_RAISED: "1"} if is_raised else {}).text = text or None

    def text(self, text: str, is_raised: bool = False) -> None:
        if text:
            self.add(T, text, is_raised)

    def spaced(self, text: str) -> None:
        """A text with a space before it where none is."""
        last = "" if self._open is None else self._open[-1].text or " "
        self.text(text if not last or last[-1].isspace() else f" {text}")

    def lines(self, lines: list[str]) -> None:
        """Paragraphs amid the open one."""
        with self.aside():
            for line in lines:
                self.text(clean(line))
                self.end()

    def paragraphs(self) -> list[str]:
        """The clean text of all paragraphs. Hyphens that only say where a line may break are left out."""
        self._lower()
        root = Element(f"{W}body")
        root.extend(self._paragraphs)
        text = clean(xml2text(tostring(root, encoding="unicode")))
        text = without_font(text).replace("\xad", "").replace("\u2011", "-")
        return [block.strip("\n") for block in text.split("\n\n") if block.strip()]

    def _lower(self) -> None:
        """Put raised texts on the line, each with those right behind it."""
        for paragraph in self._paragraphs:
            before = ""
            for is_raised, group in groupby(list(paragraph), lambda node: node.get(_RAISED) is not None):
                nodes = list(group)
                if is_raised:
                    first, *others = nodes
                    first.text = raised("".join(node.text or "" for node in nodes), before)
                    for node in others:
                        paragraph.remove(node)
                before = nodes[-1].text or " "

    def line(self) -> str:
        """All text on one line, without docx2txt: cells are many and short."""
        self._lower()
        pieces = (node.text or "" if node.tag == T else " " for part in self._paragraphs for node in part.iter())
        return " ".join("".join(pieces).split())
