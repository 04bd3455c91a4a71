"""Finds the sentences of a document that may answer a question: by their words, with BM25 over sentences and their
context, and by their meaning, with sentence vectors where there are any."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.kinds import kind_asked
from glyph_demo.engines.pocket.sentences import Sentence
from glyph_demo.engines.pocket.spelling import respelled
from glyph_demo.engines.pocket.terms import is_derived, names, question_terms, stem, synonyms, terms, words
from glyph_demo.engines.pocket.vectors import Cosines, Near

# Okapi BM25 (Robertson and Zaragoza 2009, doi 10.1561/1500000019); b is low because all sentences are short.
K1 = 1.2
B = 0.4
REACH = 5  # words of so many sentences on either side in the same paragraph count for a sentence
NEIGHBOUR = 0.35  # weight of a word in the sentence before or after
PARAGRAPH = 0.1  # in the others within REACH
REFERENCE = 0.6  # in the sentence that a pronoun refers to
CONTEXT = 0.4  # in the heading or the table's header
NAME = 1.0  # weight of a name of several words found as a whole, added to those of its words
NEAR = 0.5  # share of NAME if the name is within REACH
RECORD = 0.1  # weight of a word in the rows above a row, which may say what the row is of ("Model: …", then "Total: …")
ROWS_ABOVE = 20
KIND = 0.2  # bonus, as a share of the question's weight, for an answer of the kind asked for
SYNONYM = 0.6  # weight of a synonym of a question's word
HEADING = 0.5  # factor: a heading is seldom an answer itself
HISTORY = 0.3  # weight of the question before, for follow-ups
MEANING = 0.4  # weight of a sentence's cosine to the question, as a share of the question's weight
UNSAID = 1.5  # added to MEANING, times the share of the question that no sentence covers with its words
MOST = 100  # matches that are given
SAID = 0.2  # bonus, as a share of the question's weight, for what was quoted, for follow-ups without words of their own

_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|his|her)\b|[它他她这那]", re.IGNORECASE
)
_PRONOUN = re.compile(r"(?:It|He|She|They|His|Her|Their|Its|This|These|Both)\b|[他她它这该其]")


class Match(NamedTuple):
    """A sentence's index in the document, its score, the share of the question's weight it covers, in [0, 1], and its
    cosine to the question; None without sentence vectors."""

    sentence: int
    score: float
    coverage: float
    nearness: float | None = None


class Index:
    """Term statistics of a document's sentences. `near` tells the cosine of a question to each of them."""

    def __init__(self, sentences: Sequence[Sentence], near: Near | None = None) -> None:
        self.sentences = sentences
        self._near = near
        self._own = [_counts(sentence.text) for sentence in sentences]
        self._fields = [self._field(i) for i in range(len(sentences))]
        self._above = [
            frozenset(term for j in (*self._rows_above(i), i) for term in self._own[j])
            if sentences[i].row
            else frozenset()
            for i in range(len(sentences))
        ]
        lengths = [sum(counts.values()) for counts in self._fields]
        mean = sum(lengths) / max(1, len(lengths))
        self._norms = [K1 * (1 - B + B * length / max(mean, 1e-9)) for length in lengths]
        frequency = Counter(term for counts in self._own for term in counts)
        total = len(sentences)
        self._idf = {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}
        self._unknown = math.log(1 + (total + 0.5) / 0.5)
        self._vocabulary = {word for sentence in sentences for word, _ in words(sentence.text)}
        self._flat = [" ".join(term for term, _ in terms(s.text)) for s in sentences]

    def search(self, question: str, before: str = "", said: str = "") -> list[Match]:
        """Sentences that share words or meaning with `question`, at most MOST, best first. `before` is the question
        that a follow-up leans on. `said` is the answer to it, for a follow-up without words of its own, which asks
        about the same."""
        question = simplified(self._respelled(question))
        asked = question_terms(question)
        if said:
            asked = question_terms(before) | {term: weight for term, weight in asked.items() if term in self._idf}
        wanted = [self._want(term, weight) for term, weight in asked.items()]
        total = sum(weight * self._idf.get(term, self._unknown) for term, weight in asked.items())
        leaning = [
            {term: HISTORY * weight * self._idf[term]}
            for term, weight in question_terms(before).items()
            if term in self._idf and term not in asked and not term[0].isdigit()  # a follow-up may name another
        ]
        phrases = [" ".join(name) for name in names(question)]
        kind = kind_asked(question)
        matches = []
        for i, counts in enumerate(self._fields):
            found = [[(w, counts[term]) for term, w in one.items() if term in counts] for one in wanted + leaning]
            if not any(found):
                continue
            score = sum(max(w * self._saturated(i, n) for w, n in one) for one in found if one)
            score += RECORD * sum(max(one.values()) for one in wanted if one and not self._above[i].isdisjoint(one))
            score += NAME * self._unknown * sum(self._name_score(i, phrase) for phrase in phrases)
            text = self.sentences[i].text
            plain = simplified(text)
            score += total * (KIND * bool(kind and kind.likely.search(plain)) + SAID * (text in said))
            covered = sum(max(w * min(1.0, n / CONTEXT) for w, n in one) for one in found[: len(wanted)] if one)
            if self.sentences[i].heading:
                score *= HEADING
            matches.append(Match(i, score, min(1.0, covered / max(total, 1e-9))))
        if self._near is not None:
            meant = f"{before} {question}" if said or (before and _REFERS.search(question)) else question
            matches = self._with_meaning(matches, self._near(meant), total or 1.0)
        return sorted(matches, key=lambda match: -match.score)[:MOST]

    def _with_meaning(self, matches: list[Match], cosines: Cosines, total: float) -> list[Match]:
        """The matches of the words and all other sentences, with what their `cosines` add."""
        by_words = {match.sentence: match for match in matches}
        weight = total * (MEANING + UNSAID * (1 - max((match.coverage for match in matches), default=0.0)))
        found = []
        for i, around in enumerate(self._smoothed(cosines)):
            score, coverage = by_words[i][1:3] if i in by_words else (0.0, 0.0)
            score += weight * float(around) * (HEADING if self.sentences[i].heading else 1.0)
            if score > 0:
                found.append(Match(i, score, coverage, float(cosines[i])))
        return found

    def _smoothed(self, cosines: Cosines) -> Cosines:
        """Weighted means of each cosine and those of the sentences before and after in the same paragraph."""
        beside = np.array([a.paragraph == b.paragraph for a, b in pairwise(self.sentences)], bool)
        total, weight = cosines.copy(), np.ones_like(cosines)
        for here, other in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            total[here] += NEIGHBOUR * beside * cosines[other]
            weight[here] += NEIGHBOUR * beside
        return total / weight

    def _respelled(self, question: str) -> str:
        """The question with words that the document spells a little differently as they are there."""
        for word, name in words(question):
            if not self._want(stem(word), 1.0) and not synonyms(stem(word)):
                other = respelled(word, self._vocabulary, name)
                if other:
                    question = re.sub(rf"(?i)\b{word}\b", other, question)
        return question

    def _want(self, term: str, weight: float) -> dict[str, float]:
        """The weights of a term, its synonyms and its derived forms."""
        found = {term: weight * self._idf[term]} if term in self._idf else {}
        relatives = (other for other in self._idf if is_derived(term, other)) if term.isascii() else ()
        for other in {*synonyms(term), *relatives}:
            if other in self._idf:
                found[other] = SYNONYM * weight * self._idf[other]
        return found

    def _name_score(self, i: int, phrase: str) -> float:
        """1 if sentence `i` contains the name, NEAR if one within REACH or a row above it does, else 0."""
        if phrase in self._flat[i]:
            return 1.0
        return NEAR * any(phrase in self._flat[j] for j in (*self._beside(i), *self._rows_above(i)))

    def _saturated(self, i: int, count: float) -> float:
        return min(count / (count + self._norms[i]) * (1 + K1), 1.6)

    def _beside(self, i: int, itself: bool = False) -> list[int]:
        """Indices of the sentences of the same paragraph within REACH, in reading order."""
        near = range(max(0, i - REACH), min(len(self.sentences), i + REACH + 1))
        paragraph = self.sentences[i].paragraph
        return [j for j in near if self.sentences[j].paragraph == paragraph and (itself or j != i)]

    def _rows_above(self, i: int) -> list[int]:
        """Indices of the rows above a row, from the nearest on."""
        near = range(i - 1, max(-1, i - 1 - ROWS_ABOVE), -1) if self.sentences[i].row else ()
        return [j for j in near if self.sentences[j].row]

    def _field(self, i: int) -> dict[str, float]:
        """Weighted term counts of a sentence, its neighbours and its context. A pronoun at the start refers to the
        sentence before, or across paragraphs to the first sentence of the previous one."""
        sentence = self.sentences[i]
        counts: dict[str, float] = dict(self._own[i])
        around = {j: NEIGHBOUR if abs(j - i) == 1 else PARAGRAPH for j in self._beside(i)}
        context = CONTEXT
        if i and _PRONOUN.match(sentence.text):
            around[i - 1 if i - 1 in around else self._beside(i - 1, itself=True)[0]] = REFERENCE
            context = REFERENCE
        for j, weight in around.items():
            for term, count in self._own[j].items():
                counts[term] = counts.get(term, 0.0) + weight * min(count, 1.0)
        for term, count in _counts(sentence.context).items():
            counts[term] = counts.get(term, 0.0) + context * min(count, 1.0)
        return counts


def _counts(text: str) -> dict[str, float]:
    counts: defaultdict[str, float] = defaultdict(float)
    for term, weight in terms(text):
        counts[sys.intern(term)] += weight  # of a long document's terms each stands in a hundred sentences
    return dict(counts)
