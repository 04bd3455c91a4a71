"""What the page view of a window shows, and how one moves about in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.places import file_pages, view_of
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Region
from glyph_demo.errors import Message
from glyph_demo.windows.focus import PageFocus

PAGES_CHANGED = Message(
    "The pages have changed since this answer. Ask again to see the place.",
    "回答之后页面已重新绘制。请重新提问以查看位置。",
)


class PageLook:
    """The part of a Window that its page view shows: pages of the document in front or, beside the conversation about
    that, of another one that is open."""

    session: DocumentSession
    notice: tuple[Message, Literal["error", "hint"]] | None
    focus: PageFocus
    beside: str  # id of the other document; empty for the one in front
    wanted: QuotedLine | None  # shown once the document of the page view is read

    @property
    def reading(self) -> Reading | None:
        """The document in front."""
        return self.session.current

    @property
    def transcript(self) -> list[Exchange]:
        """What is shown of the conversation about the document in front, see Transcript."""
        reading = self.reading  # which another thread may close at this moment
        return reading.transcript.shown if reading else []

    @property
    def looked_at(self) -> Reading | None:
        """The document of the page view. One that was closed meanwhile, as by another engine, leaves that to the one in
        front."""
        other = self.session.documents.get(self.beside)
        return self.reading if other is None or other.state in ("closed", "failed") else other

    def leave_closed(self) -> None:
        """Go back to the document in front if the one beside it has been closed, as by another engine."""
        if self.beside and self.looked_at is self.reading:
            self.look_at_front(self.last_focus())

    def look_at_front(self, focus: PageFocus) -> None:
        self.beside, self.focus, self.wanted = "", focus, None

    def look_beside(self, identifier: str, quote: QuotedLine) -> None:
        """Show a line that was quoted from an open document, at the latest when `show_wanted` is called, and leave the
        one in front there with its conversation. Raises DocumentError `document_closed`."""
        self.session.read(identifier)
        self.beside = "" if identifier == self.session.current_id else identifier
        self.focus, self.wanted = PageFocus(), quote
        self.show_wanted()

    def show_wanted(self) -> None:
        """Focus on the line that is to be shown, if its document is read."""
        quote, reading = self.wanted, self.session.documents.get(self.beside) if self.beside else self.reading
        if quote is None or reading is None or reading.state != "ready":
            return
        self.wanted = None
        self.focus = PageFocus.of_quote(quote, reading)

    def last_focus(self) -> PageFocus:
        """The focus on what the last answer about the document in front rests on."""
        return next((PageFocus.of(exchange) for exchange in reversed(self.transcript) if exchange.regions), PageFocus())

    def focus_on(self, exchange: Exchange, line: int) -> None:
        """Focus on line `line` of those that an answer rests on. Where the pages have been drawn in another way since,
        it is looked for on them; if it is not found there, a notice says so, and the file's page is shown."""
        self._focus_on(exchange.regions[line], PageFocus.of(exchange, line))

    def focus_on_claim(self, at: int, number: int) -> bool:
        """Focus on the place of a part of answer `at` that the document has. False, and nothing, if there is none."""
        if not 0 <= at < len(self.transcript) or not 0 <= number < len(self.transcript[at].claims):
            return False
        place = self.transcript[at].claims[number].place
        if place is None:
            return False
        self._focus_on(place, PageFocus.on(place, (place,)))
        return True

    def _focus_on(self, region: Region, focus: PageFocus) -> None:
        self.look_at_front(focus)
        reading, view = self.reading, self.view
        document = reading.document if reading else None
        if reading is None or document is None or view is None or region.digest in ("", view.digest):
            return
        if moved := reading.find(region.text):
            self.focus = replace(PageFocus.on(moved[0], (moved[0],)), file_page=focus.file_page)
            return
        self.notice = (PAGES_CHANGED, "hint")
        if focus.file_page and all(mark.number != focus.file_page for mark in file_pages(document, view)):
            self.turn_to_original(focus.file_page)
            self.focus = replace(self.focus, chosen=focus.chosen)

    def forget_marks(self) -> None:
        """Show the page in focus without the places of an answer."""
        self.focus = replace(self.focus, regions=(), chosen=None, heat=())

    def turn_to(self, page: int) -> bool:
        """Focus on a page that the model saw. False, and nothing, if there is none of this number."""
        if (reading := self.looked_at) is None or all(known.number != page for known in list(reading.pages)):
            return False
        self.focus = replace(self.focus, page=page, file_page=0, chosen=None)
        return True

    def turn_to_original(self, number: int) -> bool:
        """Focus on a page of the file. False, and nothing, if there is none of this number that can be drawn."""
        if (reading := self.looked_at) is None:
            return False
        document, originals, views = reading.document, reading.originals, list(reading.pages)
        if document is None or originals is None or not views or not 1 <= number <= originals.total:
            return False
        page = view_of(document, views, number).number
        self.focus = replace(self.focus, page=page, file_page=number, chosen=None)
        return True

    def find(self, words: str, step: int) -> tuple[int, int]:
        """Focus on the place of these words that is `step` places after the one in focus, or on the first. Returns its
        number, from 1, and how many places there are; zeros, and nothing, if there are none."""
        places = reading.find(words) if (reading := self.looked_at) else []
        if not places:
            self.focus = replace(self.focus, found=0)
            return 0, 0
        chosen = self.focus.chosen
        at = (places.index(chosen) + step) % len(places) if chosen in places else 0
        self.focus = replace(PageFocus.on(places[at], tuple(places)), found=at + 1)
        return at + 1, len(places)

    @property
    def view(self) -> PageView | None:
        """The page in focus, of those that the model saw, else the first."""
        pages = list(reading.pages) if (reading := self.looked_at) else []
        return next((page for page in pages if page.number == self.focus.page), pages[0] if pages else None)

    @property
    def file_page(self) -> int:
        """The number of the file's page in focus; 0 in a file without pages."""
        document, view = reading.document if (reading := self.looked_at) else None, self.view
        if document is None or view is None:
            return 0
        pages, number = file_pages(document, view), self.focus.file_page
        return (number if 0 < number <= len(document.marks) else pages[0].number) if pages else 0

    def draw_original(self) -> None:
        """Draw the file's page in focus and find the places on it, if that is not done. Raises GlyphErrors only."""
        if (reading := self.looked_at) and (originals := reading.originals) and (number := self.file_page):
            originals.draw(number, self.focus.regions, list(reading.pages))
