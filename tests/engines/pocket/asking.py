"""Questions to the pocket engine about drawn pages."""

from collections.abc import Sequence

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.pocket.document import PocketDocument
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.engines.pocket.refusals import NEAREST
from tests.answers import joined
from tests.engines.drawing import draw


def opened(engine: PocketEngine, text: str) -> PocketDocument:
    """A document of the pages of a text."""
    return engine.open_document([engine.encode(page) for page in draw(text)])


def whole(document: PocketDocument, question: str, history: Sequence[Turn] = ()) -> list[str]:
    """The parts of an answer: what stands above the quotes, and these with their places."""
    return joined(document.answer(question, history, AskOptions())).split("\n\n")


def ask(document: PocketDocument, question: str, history: Sequence[Turn] = ()) -> list[str]:
    """The quotes of an answer with their places, or its one sentence."""
    parts = whole(document, question, history)
    return [part for part in parts if part.startswith("“")] or parts


def short(document: PocketDocument, question: str, history: Sequence[Turn] = ()) -> str:
    """What stands above the quotes; empty if nothing does, or only the doubt about them."""
    first = whole(document, question, history)[0]
    return "" if first.startswith("“") or first in (NEAREST.en, NEAREST.zh) else first
