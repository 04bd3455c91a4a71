"""Quotations in an answer, and where a document has them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from glyph_demo.conversation.checked.folding import Folded
from glyph_demo.conversation.checked.source import Source, Span

MIN_WORDS, MIN_WIDE = 4, 6  # shorter ones are terms as often as quotations
LONGEST = 2000  # characters

_QUOTED = re.compile(
    rf"“((?:[^“”]|“[^“”]*”){{1,{LONGEST}}}?)”|「([^「」]{{1,{LONGEST}}})」|『([^『』]{{1,{LONGEST}}})』"
    rf"|(?<!\w)\"([^\"\n]{{1,{LONGEST}}})\"(?!\w)"
)
_LEFT_OUT = re.compile(r"…+|\.{3,}|(?:\. ){2}\.|\[[^\]\n]{0,40}\]")
_WORD = re.compile(r"(?P<wide>[\u3400-\u9fff])|(?:(?![\u3400-\u9fff])\w)+")


def quotations(answer: str) -> Iterator[Span]:
    """The insides of quotation marks that are long enough to be words of a document."""
    for match in _QUOTED.finditer(answer):
        start, end = match.span(match.lastindex or 0)
        words = [word.lastgroup for word in _WORD.finditer(answer, start, end)]
        wide = words.count("wide")
        if wide >= MIN_WIDE or len(words) - wide >= MIN_WORDS:
            yield start, end


def find_quotation(text: str, source: Source) -> list[Span]:
    """Where the document has the words, up to spaces, hyphens and the form of the marks; where something was left out,
    all of its parts, of which the places of the longest are given."""
    parts = sorted(filter(None, (Folded.of(part).bare for part in _LEFT_OUT.split(text))), key=len, reverse=True)
    places = [source.folded.find(part) for part in parts]
    return places[0] if places and all(places) else []
