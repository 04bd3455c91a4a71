"""A part of an answer that can be looked up in the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from glyph_demo.conversation.heat import MOST_LINES
from glyph_demo.engines.events import FilePage, Region

Kind = Literal["number", "date", "name", "quotation"]


@dataclass(frozen=True, slots=True)
class Claim:
    """`start` and `end` are character offsets in the answer. `place` is where the document has it, None if nowhere. A
    place without boxes is a page that has it in text that is not seen line by line."""

    start: int
    end: int
    kind: Kind
    place: Region | None = None

    @classmethod
    def kept(cls, saved: Mapping[str, Any]) -> Claim:
        """From its JSON."""
        if (place := saved["place"]) is None:
            return cls(**saved)
        boxes, where = tuple(map(tuple, place["boxes"])), place["file_page"]
        region = Region(**{**place, "boxes": boxes, "file_page": FilePage(*where) if where else None})
        return cls(**{**saved, "place": region})


def lines_of(claims: Sequence[Claim]) -> tuple[Region, ...]:
    """The lines that have what was claimed, those with most of it first, MOST_LINES at most. Pages without a line in
    sight are left out."""
    lines: dict[tuple[int, int], list[Region]] = {}
    for claim in claims:
        if (place := claim.place) is not None and place.boxes:
            lines.setdefault((place.page, place.line), []).append(place)
    return tuple(found[0] for found in sorted(lines.values(), key=len, reverse=True)[:MOST_LINES])
