"""What the page view of a window shows."""

from __future__ import annotations

from dataclasses import dataclass

from glyph_demo.conversation.find import find
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Heat, Region


@dataclass(frozen=True, slots=True)
class PageFocus:
    """What the page view shows: a page by number (0 means the first one), a page of the file by number (0 means the
    first that is on that page), the places an answer rests on, the one of them that was chosen, and where the answer
    looked."""

    page: int = 0
    file_page: int = 0
    regions: tuple[Region, ...] = ()
    chosen: Region | None = None
    heat: tuple[Heat, ...] = ()

    @classmethod
    def of(cls, exchange: Exchange, line: int = 0) -> PageFocus:
        """The focus on line `line` of those that an answer rests on."""
        region = exchange.regions[line]
        file_page = region.file_page.number if region.file_page else 0
        return cls(region.page, file_page, exchange.regions, region, exchange.heat)

    @classmethod
    def of_answer(cls, exchange: Exchange) -> PageFocus:
        """The focus on the best of the places that an answer rests on, if it has any."""
        return cls.of(exchange) if exchange.regions else cls()

    @classmethod
    def of_quote(cls, quote: QuotedLine, reading: Reading) -> PageFocus:
        """The focus on a line that was quoted from a document, of several like it on the nearest to where it was; on
        the page alone if it is not found. The pages may have been drawn in another way since."""
        lines = reading.handle.read_lines() if reading.handle else None
        found = find(quote.text, reading.document, list(reading.pages), lines or ()) if reading.document else []

        def distance(place: Region) -> tuple[int, int]:
            return abs(QuotedLine.of(place).page_number - quote.page_number), abs(place.line - quote.line)

        place = min(found, key=distance, default=None)
        of_file = (place or quote).file_page
        file_page = of_file.number if of_file else 0
        return cls(place.page, file_page, (place,), place) if place else cls(quote.page, file_page)
