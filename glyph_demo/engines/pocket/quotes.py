"""Matches → the quotes to show: at most three, each one or more sentences of one paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from glyph_demo.engines.events import FilePage, Region
from glyph_demo.engines.pocket.retrieval import Index, Match
from glyph_demo.engines.pocket.sentences import PageLine, Sentence
from glyph_demo.errors import Language

MAX_QUOTES = 3
MAX_WORDS = 120  # in all quotes together; a Chinese character counts half a word
MIN_SHARE = 0.3  # of the best score; matches below are left out

_WORD = re.compile(r"(?P<cjk>[\u3400-\u9fff])|\w[\w'’.,-]*")


@dataclass(frozen=True, slots=True)
class Quote:
    """Consecutive sentences of the document, and the lines they are on."""

    sentences: tuple[str, ...]
    text: str
    lines: tuple[PageLine, ...]
    score: float

    def regions(self) -> list[Region]:
        """One region for every page that the quote is on."""
        regions = []
        for page, group in groupby(self.lines, key=lambda line: line.page):
            lines = list(group)
            boxes = tuple(line.box for line in lines)
            regions.append(Region(page, lines[0].number, self.text, boxes, self.score))
        return regions

    def cited(self, language: Language, file_page: FilePage | None) -> str:
        """The quote as text, with its place: the file's page, or without one the line of the page that was read."""
        page, line = self.lines[0].page, self.lines[0].number
        if file_page is not None:
            name = file_page.name.text(language)
            return f"“{self.text}”({name})" if language == "zh" else f"“{self.text}” ({name})"
        if language == "zh":
            return f"“{self.text}”(第 {page} 页，第 {line} 行)"
        return f"“{self.text}” (page {page}, line {line})"


def choose_quotes(index: Index, matches: Sequence[Match]) -> list[Quote]:
    """The best matches as quotes, best first, up to MAX_WORDS in all; adjacent sentences become one quote. `matches`
    includes neighbours of good sentences, because an answer is often next to the words of its question."""
    sentences = index.sentences
    chosen: dict[int, float] = {}
    said: set[str] = set()  # nothing is quoted twice
    budget, places = float(MAX_WORDS), 0
    for match in matches:
        words = count_words(sentences[match.sentence].text)
        bare = re.sub(r"[\W_]+", "", sentences[match.sentence].text).casefold()
        if match.score < MIN_SHARE * matches[0].score:
            break
        beside = any(_adjacent(sentences, match.sentence, i) for i in chosen)
        if bare not in said and (words <= budget or not chosen) and (beside or places < MAX_QUOTES):
            chosen[match.sentence] = match.score
            said.add(bare)
            budget -= words
            places += not beside
    return sorted(_merge(sentences, chosen), key=lambda quote: -quote.score)


def count_words(text: str) -> float:
    return sum(0.5 if match["cjk"] else 1.0 for match in _WORD.finditer(text))


def _adjacent(sentences: Sequence[Sentence], i: int, j: int) -> bool:
    return abs(i - j) == 1 and sentences[i].paragraph == sentences[j].paragraph


def _merge(sentences: Sequence[Sentence], chosen: dict[int, float]) -> list[Quote]:
    """Join chosen sentences that are adjacent in a paragraph into one quote."""
    runs: list[list[int]] = []
    for i in sorted(chosen):
        if runs and _adjacent(sentences, runs[-1][-1], i):
            runs[-1].append(i)
        else:
            runs.append([i])
    return [_quote([sentences[i] for i in run], max(chosen[i] for i in run)) for run in runs]


def _quote(sentences: list[Sentence], score: float) -> Quote:
    wide = any("\u3400" <= character <= "\u9fff" for character in sentences[0].text)
    lines = tuple(dict.fromkeys(line for sentence in sentences for line in sentence.lines))
    texts = tuple(sentence.text for sentence in sentences)
    return Quote(texts, ("" if wide else " ").join(texts), lines, score)
