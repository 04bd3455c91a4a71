"""Which sentences of a document may answer a question: BM25 over sentences with what stands around them."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from glyph_demo.engines.pocket.sentences import Sentence
from glyph_demo.engines.pocket.terms import names, question_terms, terms

# Okapi BM25 (Robertson and Zaragoza 2009, doi 10.1561/1500000019); b is low because sentences are all short.
K1 = 1.2
B = 0.4
NEIGHBOUR = 0.35  # what a word in the sentence before or after counts, in the same paragraph
CONTEXT = 0.4  # what a word of the heading or the table's header counts
NAME = 1.0  # weight of a name of several words that stands together, beside that of its words
KIND = 0.2  # share of the question's weight that holding an answer of the asked kind adds
HISTORY = 0.3  # weight of the question before, for follow-ups

_KINDS = (
    (
        r"\bwhen\b|\bwhat (?:date|year|day)|since when|which year|何时|哪一?年|哪一?天|什么时候|日期",
        r"\d{4}|[一二三四五六七八九十]月|\d\s*[月日]",
    ),
    (
        r"\bhow (?:much|many|long|high|old|far|often|large|big|tall)|\bprice|\bcost|\bnumber\b|多少|多[久大高长]|几",
        r"\d|[一二三四五六七八九十百千]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|twice|once)\b",
    ),
    (r"\bwho(?:se|m)?\b", r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+"),
)


class Match(NamedTuple):
    """A sentence's place in the document, its score, and the share of the question's weight found there, in [0, 1]."""

    sentence: int
    score: float
    coverage: float


class Index:
    """Term statistics of a document's sentences, made once when it is opened."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self.sentences = sentences
        self._own = [_counts(sentence.text) for sentence in sentences]
        self._fields = [self._field(i) for i in range(len(sentences))]
        lengths = [sum(counts.values()) for counts in self._fields]
        mean = sum(lengths) / max(1, len(lengths))
        self._norms = [K1 * (1 - B + B * length / max(mean, 1e-9)) for length in lengths]
        frequency = Counter(term for counts in self._own for term in counts)
        total = len(sentences)
        self._idf = {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}
        self._unknown = math.log(1 + (total + 0.5) / 0.5)
        self._flat = [" ".join(term for term, _ in terms(s.text)) for s in sentences]

    def search(self, question: str, before: str = "") -> list[Match]:
        """Sentences that share words with `question`, best first. `before` is the question before, for follow-ups."""
        weights = {
            term: weight * self._idf.get(term, self._unknown) for term, weight in question_terms(question).items()
        }
        total = sum(weights.values())
        for term, weight in question_terms(before).items():
            if not term[0].isdigit():  # a follow-up is about another year, another number
                weights.setdefault(term, HISTORY * weight * self._idf.get(term, 0.0))
        wanted = [" ".join(words) for words in names(question)]
        kind = next((found for asked, found in _KINDS if re.search(asked, question, re.IGNORECASE)), None)
        matches = []
        for i, counts in enumerate(self._fields):
            found = {
                term: min(counts[term] / (counts[term] + self._norms[i]) * (1 + K1), 1.6)
                for term in weights
                if term in counts
            }
            if not found:
                continue
            score = sum(weights[term] * share for term, share in found.items())
            score += NAME * self._unknown * sum(name in self._flat[i] for name in wanted)
            if kind is not None and re.search(kind, self.sentences[i].text):
                score += KIND * total
            coverage = sum(weights[term] * min(1.0, counts[term] / CONTEXT) for term in found) / max(total, 1e-9)
            matches.append(Match(i, score, min(1.0, coverage)))
        return sorted(matches, key=lambda match: -match.score)

    def _field(self, i: int) -> dict[str, float]:
        """Weighted counts of a sentence, its neighbours and its context."""
        sentence = self.sentences[i]
        counts: dict[str, float] = dict(self._own[i])
        for j in (i - 1, i + 1):
            if 0 <= j < len(self.sentences) and self.sentences[j].paragraph == sentence.paragraph:
                for term, count in self._own[j].items():
                    counts[term] = counts.get(term, 0.0) + NEIGHBOUR * min(count, 1.0)
        for term, count in _counts(sentence.context).items():
            counts[term] = counts.get(term, 0.0) + CONTEXT * min(count, 1.0)
        return counts


def _counts(text: str) -> dict[str, float]:
    counts: defaultdict[str, float] = defaultdict(float)
    for term, weight in terms(text):
        counts[term] += weight
    return dict(counts)
