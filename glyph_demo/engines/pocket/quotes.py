"""Matches → the quotes to show: at most three, each one or more sentences of one paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from glyph_demo.engines.events import FilePage, Region
from glyph_demo.engines.pocket.matching import clauses, share_in, subject_terms
from glyph_demo.engines.pocket.retrieval import Index, Match
from glyph_demo.engines.pocket.sentences import PageLine, Sentence
from glyph_demo.engines.pocket.short_answers import answer_pattern
from glyph_demo.errors import Language

MAX_QUOTES = 3
MAX_WORDS = 120  # in all quotes together if there is more than one; a Chinese character counts half a word
FEW_WORDS = 45  # the same where the best sentence has no rival
RIVAL = 0.8  # share of the best score from which the next sentence is a rival
MIN_SHARE = 0.5  # of the best score; matches below are left out
BESIDE = 0.2  # the same for a sentence beside one that is shown
LONGEST = 45  # words of a sentence that is shown whole
KIND = 0.3  # bonus, as a share of what is asked, for clauses with an answer of the kind asked for
ALIKE = 0.9  # share of letters in common from which two sentences say the same

_TURNS = re.compile(
    r"\s*\(?(?:unless|except|but|if|however|provided|though|although|not|only if|但|除|不|如果|只有|然而|而不)", re.I
)
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

    def place(self, language: Language, file_page: FilePage | None, line: bool = True) -> str:
        """Where it begins: the file's page, or without one the page that was read, with its `line`."""
        first = self.lines[0]
        if file_page is not None:
            return file_page.name.text(language)
        if language == "zh":
            return f"第 {first.page} 页" + (f"，第 {first.number} 行" if line else "")
        return f"page {first.page}" + (f", line {first.number}" if line else "")

    def cited(self, language: Language, file_page: FilePage | None) -> str:
        """The quote as text, with its place."""
        place = self.place(language, file_page)
        return f"“{self.text}”({place})" if language == "zh" else f"“{self.text}” ({place})"


def choose_quotes(index: Index, matches: Sequence[Match], question: str = "") -> list[Quote]:
    """The best matches as quotes, best first: the best sentence, then up to two more places if they fit MAX_WORDS in
    all; adjacent sentences become one quote. `matches` includes neighbours of good sentences, because an answer is
    often next to the words of its question. Long sentences are cut to the clauses that `question` asks for."""
    sentences = index.sentences
    chosen: dict[int, _Chosen] = {}
    said: list[set[str]] = []  # nothing is quoted twice
    sure = all(match.score < RIVAL * matches[0].score for match in matches[1:2])
    budget, places = float(FEW_WORDS if sure else MAX_WORDS), 0
    for match in matches:
        beside = any(_adjacent(sentences, match.sentence, i) for i in chosen)
        if match.score < (BESIDE if beside else MIN_SHARE) * matches[0].score:
            continue
        sentence = sentences[match.sentence]
        text = essential(sentence.text, question) if question and not sentence.row else sentence.text
        words, letters = count_words(text), _pairs(sentence.text)
        fits = (words <= budget or not chosen) and (beside or places < MAX_QUOTES)
        if fits and not any(_is_double(letters, other) for other in said):
            chosen[match.sentence] = _Chosen(text, match.score)
            said.append(letters)
            budget -= words
            places += not beside
    return sorted(_merge(sentences, chosen), key=lambda quote: -quote.score)


class _Chosen(NamedTuple):
    text: str
    score: float


def _pairs(text: str) -> set[str]:
    """Pairs of neighbouring letters, to tell how alike two sentences are."""
    bare = re.sub(r"[\W_]+", "", text).casefold()
    return {bare[i : i + 2] for i in range(len(bare) - 1)} | {f"#{number}" for number in re.findall(r"\d+", text)} or {
        bare
    }


def _is_double(letters: set[str], other: set[str]) -> bool:
    return len(letters & other) > ALIKE * len(letters | other)


def essential(text: str, question: str) -> str:
    """The clauses of a long sentence that hold most of what is asked, and what follows them up to LONGEST words; "…"
    for the rest. A clause that takes something back ("unless", "but") stays with what it follows."""
    parts = clauses(text)
    if count_words(text) <= LONGEST or len(parts) < 2:
        return text
    asked, pattern = subject_terms(question), answer_pattern(question)
    best, first, last = -1.0, 0, 0
    for i in range(len(parts)):
        for j in range(i, len(parts)):
            piece = text[parts[i][0] : parts[j][1]]
            if j > i and count_words(piece) > LONGEST:
                break
            value = share_in(asked, piece) + KIND * bool(pattern and pattern.search(piece))
            if value > best + 1e-6 or (value > best - 1e-6 and i == first):
                best, first, last = value, i, j
    while last + 1 < len(parts) and _TURNS.match(text[slice(*parts[last + 1])]):
        last += 1
    while first and _TURNS.match(text[slice(*parts[first])]):
        first -= 1
    cut = text[parts[first][0] : parts[last][1]].strip()
    return ("… " if first else "") + cut + (" …" if last + 1 < len(parts) else "")


def quote_of(sentences: Sequence[Sentence], run: Sequence[int], score: float = 1.0) -> Quote:
    """Sentences, one after the other, as a quote."""
    return _quote([sentences[i] for i in run], [_Chosen(sentences[i].text, score) for i in run])


def count_words(text: str) -> float:
    return sum(0.5 if match["cjk"] else 1.0 for match in _WORD.finditer(text))


def _adjacent(sentences: Sequence[Sentence], i: int, j: int) -> bool:
    return abs(i - j) == 1 and sentences[i].paragraph == sentences[j].paragraph


def _merge(sentences: Sequence[Sentence], chosen: dict[int, _Chosen]) -> list[Quote]:
    """Join chosen sentences that are adjacent in a paragraph into one quote."""
    runs: list[list[int]] = []
    for i in sorted(chosen):
        if runs and _adjacent(sentences, runs[-1][-1], i):
            runs[-1].append(i)
        else:
            runs.append([i])
    return [_quote([sentences[i] for i in run], [chosen[i] for i in run]) for run in runs]


def _quote(sentences: list[Sentence], chosen: list[_Chosen]) -> Quote:
    wide = any("\u3400" <= character <= "\u9fff" for character in sentences[0].text)
    lines = tuple(dict.fromkeys(line for sentence in sentences for line in sentence.lines))
    texts = tuple(sentence.text for sentence in sentences)
    shown = ("" if wide else " ").join(one.text for one in chosen)
    return Quote(texts, re.sub("… ?…", "…", shown), lines, max(one.score for one in chosen))
