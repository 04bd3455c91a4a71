"""What the parts of one DOCX share while they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from glyph_demo.documents.docx_notes import Comments, Notes
from glyph_demo.documents.docx_package import Package
from glyph_demo.documents.docx_styles import HiddenText, RaisedText
from glyph_demo.documents.numbering import Numbering
from glyph_demo.documents.text import clean

_MAX_NAMES = 5
_MAX_NAME = 60


@dataclass
class Inventory:
    """What a document holds that is not read. The keys of `counts` are codes of warnings."""

    counts: Counter[str] = field(default_factory=Counter)
    _names: list[str] = field(default_factory=list)

    def embedded(self, name: str) -> None:
        self._names.append(" ".join(clean(name).split())[:_MAX_NAME] or "?")

    def warnings(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {
            code: {"count": count} for code, count in sorted(self.counts.items()) if count
        }
        if self._names:
            names = ", ".join(self._names[:_MAX_NAMES]) + (", …" if len(self._names) > _MAX_NAMES else "")
            found["embedded_files"] = {"count": len(self._names), "names": names}
        return found


@dataclass
class Context:
    """`nested(data)` gives the paragraphs of a DOCX inside this one, None where it cannot be read. `wordart` are the
    drawn texts that were read, since a watermark is drawn in every header."""

    package: Package
    hidden: HiddenText
    raised: RaisedText
    numbering: Numbering
    comments: Comments
    notes: dict[str, Notes]  # "footnote", "endnote"
    inventory: Inventory
    nested: Callable[[bytes], list[str] | None]
    max_characters: int
    wordart: set[str] = field(default_factory=set)
