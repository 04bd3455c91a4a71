"""Which words of a question a text has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.terms import is_derived, question_terms, stem, synonyms, terms

# Words that name the kind of answer or ask for it, and say nothing of what it is about.
_KINDS = (
    "amount answer cause code date day else exactly figure hour money month name number people percent percentage "
    "person place price reason since time value year old high tall wide deep heavy fast big large show state take"
)
_CHINESE_KINDS = re.compile(
    "年份|日期|日子|时间|时候|地点|地方|价格|金额|费用|原因|理由|名字|数量|数值|具体|确切|百分之|比例|最[多少长短高低]|[年月日钱人天]"
)
_KIND_STEMS = frozenset(term for term, _ in terms(_KINDS)) | frozenset(stem(word) for word in _KINDS.split())
_CLAUSE = re.compile(r"(?:[,;:](?=\s)|[，；：。]|\s[–—-]\s|—|\s(?=\()|(?<=\))\s)")
_FEW_WORDS, _FEW_CHARACTERS = 5, 7  # of a clause, at least
_WIDE = re.compile("[\u3400-\u9fff]")


def subject_terms(question: str) -> dict[str, float]:
    """The terms of a question that say what it is about, with their weights."""
    asked = question_terms(_CHINESE_KINDS.sub(" ", simplified(question)))
    return {term: weight for term, weight in asked.items() if term not in _KIND_STEMS and not _is_single(term)}


def has_term(term: str, words: Iterable[str]) -> bool:
    """Whether `words` have a term, a synonym or a derived form of it."""
    others = synonyms(term)
    return any(word == term or word in others or (term.isascii() and is_derived(term, word)) for word in words)


def share_in(asked: dict[str, float], text: str) -> float:
    """The share of the weight of `asked` that a text has, in [0, 1]; 1 if nothing is asked."""
    found = {term for term, _ in terms(text)}
    total = sum(asked.values())
    return sum(weight for term, weight in asked.items() if has_term(term, found)) / total if total else 1.0


def clauses(text: str) -> list[tuple[int, int]]:
    """(start, end) of the clauses of a sentence, one after the other; punctuation belongs to what it ends. A few words
    ("In 1962,") are no clause and belong to the one that follows, or at the end to the one before."""
    found: list[tuple[int, int]] = []
    start = 0
    for end in [*(match.end() for match in _CLAUSE.finditer(text)), len(text)]:
        if _is_clause(text[start:end]):
            found.append((start, end))
            start = end
    if start < len(text):
        start = found.pop()[0] if found else 0
        found.append((start, len(text)))
    return found


def _is_clause(text: str) -> bool:
    return len(text.split()) >= _FEW_WORDS or len(_WIDE.findall(text)) >= _FEW_CHARACTERS


def is_wide(text: str) -> bool:
    """Whether a text has Chinese characters."""
    return _WIDE.search(text) is not None


def _is_single(term: str) -> bool:
    return len(term) == 1 and not term.isascii()
