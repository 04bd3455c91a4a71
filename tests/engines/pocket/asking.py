"""Questions to the pocket engine about drawn pages."""

from glyph_demo.engines.base import AskOptions
from tests.answers import joined
from tests.engines.drawing import draw


def opened(engine, text):
    """A document of the pages of a text."""
    return engine.open_document([engine.encode(page) for page in draw(text)])


def ask(document, question, history=()):
    """The quotes of an answer with their places, or its one sentence."""
    return joined(list(document.answer(question, history, AskOptions()))).split("\n\n")
