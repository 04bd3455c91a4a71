"""Which of the passages that an answer quotes stand open, and which are folded below it."""

from __future__ import annotations

from typing import NamedTuple

from glyph_demo.conversation.transcript import Exchange


class Passage(NamedTuple):
    """A quoted text, and the indices of the exchange's regions that are its places."""

    text: str
    places: tuple[int, ...]


def unfolded(exchange: Exchange) -> tuple[str, tuple[Passage, ...]]:
    """The part of the answer that stands open, and the passages that do not. Of a ranked answer that is all but the
    quotes after the first; any other answer is one text."""
    passages: dict[str, tuple[int, ...]] = {}
    for index, region in enumerate(exchange.regions):
        passages[region.text] = (*passages.get(region.text, ()), index)
    answer, end, starts = exchange.answer, 0, []
    for text in passages:
        start = answer.find(f"“{text}”", end)
        if start < 0:
            return answer, ()
        starts.append(start)
        end = start + len(text) + 2
    if not exchange.ranked or len(starts) < 2:
        return answer, ()
    _, gap, rest = answer[end:].partition("\n\n")  # after the place of the last one
    return answer[: starts[1]].rstrip() + gap + rest, tuple(Passage(*passage) for passage in passages.items())[1:]
