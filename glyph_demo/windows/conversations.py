"""What people call conversations, which have the words that they look for, and how much of one is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glyph_demo.conversation.checked.folding import Folded
from glyph_demo.conversation.find import wanted
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.documents.extraction import shown_title
from glyph_demo.windows.window import Window

SHOWN = 20  # turns that a page shows of a conversation, and adds when asked: it draws and is sent all of them each time


def first_shown(window: Window) -> int:
    """The number, from 0, of the first turn to show of the conversation in front."""
    more = window.earlier.get(window.session.current_id or "", 0)
    return max(0, len(window.transcript) - SHOWN - more)


def show_earlier(window: Window) -> None:
    """Show more of the conversation in front."""
    identifier = window.session.current_id or ""
    window.earlier[identifier] = window.earlier.get(identifier, 0) + SHOWN


def rename(window: Window, identifier: str, title: str) -> None:
    """Name a document with its conversation. Without words in the title it is called as its file again."""
    reading = window.session.documents.get(identifier)
    if reading is not None:
        title = shown_title(title)
        reading.transcript.title = title if title != reading.name else ""
        window.save()


def hits(words: str, documents: Mapping[str, Reading]) -> dict[str, int]:
    """How often the name, the questions and the answers of each document have these words, of which there are some;
    see `wanted`. Documents without are left out."""
    pattern = wanted(words)
    counts = {
        identifier: sum(len(pattern.findall(Folded.of(text).text)) for text in _texts(reading))
        for identifier, reading in documents.items()
    }
    return {identifier: count for identifier, count in counts.items() if count}


def show_sought(window: Window) -> int | None:
    """The number, from 0, of the first turn of the conversation in front that has the words that are looked for. It is
    shown from now on. None if there is none, or no words."""
    if not window.searched.strip():
        return None
    pattern = wanted(window.searched)
    for number, exchange in enumerate(window.transcript):
        if any(pattern.search(Folded.of(text).text) for text in _said(exchange)):
            identifier = window.session.current_id or ""
            hidden = max(0, first_shown(window) - number)
            window.earlier[identifier] = window.earlier.get(identifier, 0) + hidden
            return number
    return None


def _texts(reading: Reading) -> Iterator[str]:
    yield reading.title
    for exchange in reading.transcript.shown:
        yield from _said(exchange)


def _said(exchange: Exchange) -> Iterator[str]:
    yield from (exchange.question, exchange.answer, *(row.answer for row in exchange.others))
