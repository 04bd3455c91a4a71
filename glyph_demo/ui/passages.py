"""How an answer is laid out: its own words, the passages that it quotes or rests on, and which of them are folded."""

from __future__ import annotations

import re
from typing import NamedTuple

from glyph_demo.conversation.transcript import Exchange

# What an engine writes after a quote: its place, which may have a label in brackets of its own.
_PLACE = re.compile(r"\s?\((?:[^()\n]|\([^()\n]*\))*\)")


class Passage(NamedTuple):
    """A text of the document, and the indices of the exchange's regions that are its places."""

    text: str
    places: tuple[int, ...]


class Words(NamedTuple):
    """The answer's own words from character `start` to `end`, and the numbers of the passages that bear them out."""

    start: int
    end: int
    cited: tuple[int, ...] = ()


class Layout(NamedTuple):
    """What stands open, in order, and what is folded. Integers are passages by their number, from 0."""

    passages: tuple[Passage, ...]
    open: tuple[Words | int, ...]
    folded: tuple[int, ...]


def layout(exchange: Exchange) -> Layout:
    """A quote in the answer becomes its passage, without the place after it, which the passage has. Of a ranked answer
    the first quote stands open. So does the first of the passages that are quoted nowhere if no quote is there."""
    found, quoted = _quotes(exchange)
    parts: list[Words | int] = []
    end = 0
    for number, (start, after) in enumerate(quoted):
        parts += [*_own(exchange.answer, end, start), number]
        end = after
        if place := _PLACE.match(exchange.answer, end):
            end = place.end()
    parts += _own(exchange.answer, end, len(exchange.answer))
    if found and not quoted:
        parts.append(0)
    last_open = max(1, len(quoted)) if not exchange.ranked else 1
    shown = [part for part in parts if isinstance(part, Words) or part < last_open]
    return Layout(found, _cited(shown, exchange, len(quoted)), tuple(range(last_open, len(found))))


def _quotes(exchange: Exchange) -> tuple[tuple[Passage, ...], list[tuple[int, int]]]:
    """The passages, those that the answer quotes first and in its order, and where their quotes begin and end."""
    places: dict[str, tuple[int, ...]] = {}
    for index, region in enumerate(exchange.regions):
        places[region.text] = (*places.get(region.text, ()), index)
    quoted: dict[str, tuple[int, int]] = {}
    end = 0
    for text in places:
        quote = r"[“\"]\s*" + r"\s*".join(map(re.escape, text.split())) + r"\s*[”\"]"  # a line may be broken in it
        if match := re.compile(quote).search(exchange.answer, end):
            quoted[text] = match.span()
            end = match.end()
    ordered = [*quoted, *(text for text in places if text not in quoted)]
    return tuple(Passage(text, places[text]) for text in ordered), list(quoted.values())


def _own(answer: str, start: int, end: int) -> list[Words]:
    """The words in a stretch of the answer, without the space around them; none if there are none."""
    text = answer[start:end]
    begin = start + len(text) - len(text.lstrip())
    return [Words(begin, begin + len(text.strip()))] if text.strip() else []


def _cited(parts: list[Words | int], exchange: Exchange, quoted: int) -> tuple[Words | int, ...]:
    """The same, in which the words before the best quote cite it, unless they introduce it. If nothing is quoted, the
    last words cite all that the answer rests on. The parts of an answer that is one text are cited nowhere."""
    if quoted and not exchange.ranked:
        return tuple(parts)
    cited: list[Words | int] = []
    for part, after in zip(parts, [*parts, None][1:], strict=True):
        if isinstance(part, Words) and isinstance(after, int) and exchange.answer[part.end - 1] not in ":：":
            everything = range(len({region.text for region in exchange.regions})) if not quoted else (after,)
            part = part._replace(cited=tuple(everything))
        cited.append(part)
    return tuple(cited)
