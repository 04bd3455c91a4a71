"""Whether what was found answers the question, or is only near it.

The limits are from 493 questions of XQuAD in English and in Chinese (Artetxe et al. 2020, arXiv 1910.11856), each asked
of its document with and without the paragraph that answers it: of those with an answer in the language of the question
one in twenty-five is below them, of those without, one in two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from glyph_demo.engines.pocket.characters import EASTERN, script
from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.kinds import kind_asked
from glyph_demo.engines.pocket.matching import has_term, subject_terms
from glyph_demo.engines.pocket.retrieval import Match
from glyph_demo.engines.pocket.sentences import Sentence
from glyph_demo.engines.pocket.terms import terms

BEST = 3  # so many matches are looked at to tell whether anything is near
NEAR_WORDS = 0.12  # coverage; below it the words say nothing
NEAR_MEANING = 0.15  # cosine; below it the sentence vectors say nothing
SURE = 0.53  # coverage and cosine together
UNLIKELY = 0.1  # added to SURE where the sentence does not hold the kind of thing that is asked for
SURE_ACROSS = 0.2  # the same where question and sentence are in different scripts, so that few words can be shared
SURE_WORDS = 0.25  # coverage, where there are no sentence vectors

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_HOW_MANY = re.compile(r"\bhow many ([a-z]+)\b", re.IGNORECASE)


def is_near(matches: Sequence[Match]) -> bool:
    """Whether one of the best matches shares words or meaning with the question."""
    return any(match.coverage >= NEAR_WORDS or (match.nearness or 0.0) >= NEAR_MEANING for match in matches[:BEST])


def is_sure(question: str, sentences: Sequence[Sentence], matches: Sequence[Match], quoted: str) -> bool:
    """Whether the document seems to answer: the best match is near enough, and what is `quoted` holds the kind of thing
    that is asked for, if that can be told by its letters (a time, a price, a number to call), the year that is asked
    about and the word for what is counted."""
    best = sentences[matches[0].sentence]
    alike = _script(question) == _script(best.text)
    kind = kind_asked(question)
    likely = kind is None or kind.likely.search(simplified(best.text)) is not None
    if not _is_close(matches[0], alike, likely):
        return False
    if kind is not None and kind.needed is not None and kind.needed.search(quoted) is None:
        return False
    said = {term for term, _ in terms(f"{best.context} {quoted}")}
    return not alike or (_years(question) <= said and all(has_term(noun, said) for noun in _counted(question)))


def _is_close(match: Match, alike: bool, likely: bool) -> bool:
    if match.nearness is None:
        return match.coverage >= SURE_WORDS
    limit = SURE + UNLIKELY * (not likely) if alike else SURE_ACROSS
    return match.coverage + match.nearness >= limit


def _years(question: str) -> set[str]:
    return {term for term, _ in terms(question) if _YEAR.fullmatch(term)}


def _counted(question: str) -> Sequence[str]:
    """The term for what an English question counts; empty if it counts nothing, or things without a word of their own
    ("how many people")."""
    match = _HOW_MANY.search(question)
    return [term for term, _ in terms(match[1]) if term in subject_terms(question)] if match else ()


def _script(text: str) -> str | None:
    """The script that says most. A Chinese character says about as much as three letters; names in Latin letters may
    stand among them."""
    letters = Counter(script(letter) for letter in text if letter.isalpha())
    letters[EASTERN] *= 3
    return letters.most_common(1)[0][0] if letters.total() else None
