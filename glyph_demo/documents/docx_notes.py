"""Footnotes, endnotes and comments: their marks, and where their text is."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_package import Part
from glyph_demo.documents.docx_xml import W, value
from glyph_demo.documents.numbering import formatted

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_W15 = "{http://schemas.microsoft.com/office/word/2012/wordml}"


class Notes:
    """The footnotes or the endnotes of a document. They are numbered as the text refers to them."""

    def __init__(self, part: Part | None, settings: Element | None, kind: str, number_format: str) -> None:
        """`kind` is "footnote" or "endnote"; `number_format` holds where the settings name none."""
        self.part = part
        own = None if settings is None else settings.find(f"{W}{kind}Pr/{W}numFmt")
        self._format = value(own) or number_format
        self._notes = {value(note, "id"): note for note in ([] if part is None else part.root.iter(f"{W}{kind}"))}
        self._marks: dict[str, str] = {}
        self._count = 0

    def mark(self, reference: Element) -> str:
        """ "[1]" for a reference to a note; "" where the text itself has the mark, or there is no such note."""
        identifier = value(reference, "id")
        if identifier not in self._notes:
            return ""
        if identifier not in self._marks:
            own = value(reference, "customMarkFollows") in ("1", "true", "on")
            self._count += not own
            self._marks[identifier] = "" if own else f"[{formatted(self._count, self._format)}]"
        return self._marks[identifier]

    def referred(self) -> list[tuple[str, Element]]:
        """Marks and notes, in the order in which the text refers to them."""
        return [(mark, self._notes[identifier]) for identifier, mark in self._marks.items()]


class Comments:
    """Comments as "[comment by NAME: text]", their replies behind them."""

    def __init__(self, part: Part | None, extended: Part | None, body: Element) -> None:
        self._part = part
        self._left = {value(item, "id"): item for item in ([] if part is None else part.root.iter(f"{W}comment"))}
        self._referred = {value(item, "id") for item in body.iter(f"{W}commentReference")}
        paragraphs = {
            paragraph.get(f"{_W14}paraId"): identifier
            for identifier, item in self._left.items()
            for paragraph in item.iter(f"{W}p")
        }
        self._replies: dict[str, list[str]] = {}  # to each comment
        for entry in [] if extended is None else extended.root.iter(f"{_W15}commentEx"):
            reply = paragraphs.get(entry.get(f"{_W15}paraId"))
            parent = paragraphs.get(entry.get(f"{_W15}paraIdParent"))
            if reply is not None and parent is not None and reply != parent:
                self._replies.setdefault(parent, []).append(reply)
        self._answers = {reply for replies in self._replies.values() for reply in replies}

    def at_reference(self, identifier: str, line: Callable[[Part, Element], str]) -> list[str]:
        """A comment that has not been told yet, and its replies that the text does not refer to. `line` gives the
        text of an element of the part."""
        item = self._left.pop(identifier, None)
        if item is None or self._part is None:
            return []
        kind, name = "reply" if identifier in self._answers else "comment", value(item, "author").strip()
        told = [f"[{kind} by {name}: {line(self._part, item)}]" if name else f"[{kind}: {line(self._part, item)}]"]
        for reply in self._replies.get(identifier, []):
            if reply not in self._referred:
                told += self.at_reference(reply, line)
        return told

    def at_end_of_range(self, identifier: str, line: Callable[[Part, Element], str]) -> list[str]:
        """As `at_reference`, for a comment that the text marks with a range only."""
        return [] if identifier in self._referred else self.at_reference(identifier, line)
