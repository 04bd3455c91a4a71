"""A part of an answer that can be looked up in the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from glyph_demo.engines.events import Region

Kind = Literal["number", "date", "name", "quotation"]


@dataclass(frozen=True, slots=True)
class Claim:
    """`start` and `end` are character offsets in the answer. `place` is where the document has it, None if nowhere. A
    place without boxes is a page that has it in text that is not seen line by line."""

    start: int
    end: int
    kind: Kind
    place: Region | None = None
