"""What an answer's events say."""

from collections.abc import Iterable

from glyph_demo.engines.events import Event, Token


def joined(events: Iterable[Event], kind: type = Token) -> str:
    """The text of the events of a kind."""
    return "".join(event.text for event in events if isinstance(event, kind))
