"""What the page view of a window shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Heat, Region


@dataclass(frozen=True, slots=True)
class PageFocus:
    """What the page view shows: a page by number (0 means the first one), a page of the file by number (0 means the
    first that is on that page), the places an answer rests on, the one of them that was chosen, and where the answer
    looked. Where the places are those of words that were looked for, `found` is the number of the last that was shown,
    from 1."""

    page: int = 0
    file_page: int = 0
    regions: tuple[Region, ...] = ()
    chosen: Region | None = None
    heat: tuple[Heat, ...] = ()
    found: int = 0

    @classmethod
    def on(cls, place: Region, places: tuple[Region, ...]) -> PageFocus:
        """The focus on one of several places."""
        return cls(place.page, place.file_page.number if place.file_page else 0, places, place)

    @classmethod
    def of(cls, exchange: Exchange, line: int = 0) -> PageFocus:
        """The focus on line `line` of those that an answer rests on."""
        return replace(cls.on(exchange.regions[line], exchange.regions), heat=exchange.heat)

    @classmethod
    def of_answer(cls, exchange: Exchange) -> PageFocus:
        """The focus on the best of the places that an answer rests on, if it has any."""
        return cls.of(exchange) if exchange.regions else cls()

    @classmethod
    def of_quote(cls, quote: QuotedLine, reading: Reading) -> PageFocus:
        """The focus on a line that was quoted from a document, of several like it on the nearest to where it was; on
        the page alone if it is not found. The pages may have been drawn in another way since."""

        def distance(place: Region) -> tuple[int, int]:
            return abs(QuotedLine.of(place).page_number - quote.page_number), abs(place.line - quote.line)

        place = min(reading.find(quote.text), key=distance, default=None)
        if place is not None:
            return cls.on(place, (place,))
        return cls(quote.page, quote.file_page.number if quote.file_page else 0)
