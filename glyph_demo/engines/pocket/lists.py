"""Questions for a list, and the items that follow the sentence that announces them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glyph_demo.engines.pocket.quotes import count_words
from glyph_demo.engines.pocket.sentences import Sentence

MAX_ITEMS = 12
MAX_WORDS = 110  # of a list that is shown whole; of a longer one, the first sentence of each item is
_ASKS = re.compile(
    r"\b(?:which|what) (?:\w+ )?(?:two|three|four|five|six|seven|eight|nine|ten|\w{3,}s)\b|^(?:list|name"
    r"|enumerate)\b|\bwhat are\b"
    r"|\bwhat (?:\w+ ){1,3}(?:are|were|do|does|did|must|may|can)\b|哪些|哪几|哪[两二三四五六七八九十]|列出"
    r"|列举|包括什么|有什么",
    re.I,
)
_ITEM = re.compile(
    r"\s*(?:[-•·●▪–—*]\s|\(?\d{1,2}[.)、]|[(（][一二三四五六七八九十\da-z]+[)）]|[一二三四五六七八九十]+、)"
)
_UNFINISHED = re.compile(r"\b(?:to|are|is|must|should|include|including|of|by|for|with|as follows)\s*$")
_ANNOUNCES = re.compile(r"[:：]\s*$")


def asks_for_list(question: str) -> bool:
    return _ASKS.search(question.strip()) is not None


def list_after(sentences: Sequence[Sentence], candidates: Sequence[int]) -> list[int]:
    """The first of the candidates that announces a list, and its items; also where a candidate is an item of it. Empty
    if there is none."""
    for i in candidates[:1]:
        start = _announcement(sentences, i)
        if start is not None:
            return _items(sentences, start)
    for i in candidates[1:]:
        if _ANNOUNCES.search(sentences[i].text) and _announcement(sentences, i) == i:
            return _items(sentences, i)
    return []


def _announcement(sentences: Sequence[Sentence], i: int) -> int | None:
    """The sentence that announces the list that sentence `i` announces or begins; None if it does neither."""
    following = sentences[i + 1].text if i + 1 < len(sentences) else ""
    open_end = _ANNOUNCES.search(sentences[i].text) or _UNFINISHED.search(sentences[i].text)
    if open_end and _ITEM.match(following) and not _ITEM.match(sentences[i].text):
        return i
    return None


def _items(sentences: Sequence[Sentence], start: int) -> list[int]:
    run: list[int] = [start]
    items: list[list[int]] = []
    paragraph = None
    for i in range(start + 1, len(sentences)):
        if sentences[i].paragraph != paragraph:
            if not _ITEM.match(sentences[i].text) or len(items) == MAX_ITEMS:
                break
            items.append([])
            paragraph = sentences[i].paragraph
        items[-1].append(i)
    whole = [i for item in items for i in item]
    if sum(count_words(sentences[i].text) for i in whole) > MAX_WORDS:
        whole = [i for item in items for i in _first(sentences, item)]
    return run + whole


def _first(sentences: Sequence[Sentence], item: list[int]) -> list[int]:
    """The first sentence of an item, with the number before it."""
    ends = next((n for n, i in enumerate(item, 1) if count_words(sentences[i].text) > 1), len(item))
    return item[:ends]
