"""Whether what was found answers the question, or is only near it.

The limits are from 493 questions of XQuAD in English and in Chinese (Artetxe et al. 2020, arXiv 1910.11856), each asked
of its document with and without the paragraph that answers it: of those with an answer in the language of the question
one in a hundred is below them, of those without, two in five."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from glyph_demo.engines.pocket.characters import EASTERN, script
from glyph_demo.engines.pocket.kinds import kind_asked
from glyph_demo.engines.pocket.retrieval import Match
from glyph_demo.engines.pocket.sentences import Sentence

BEST = 3  # so many matches are looked at
NEAR_WORDS = 0.12  # coverage; below it the words say nothing
NEAR_MEANING = 0.15  # cosine; below it the sentence vectors say nothing
SURE = 0.48  # coverage and cosine together
SURE_ACROSS = 0.2  # the same where question and sentence are in different scripts, so that few words can be shared
SURE_WORDS = 0.25  # coverage, where there are no sentence vectors


def is_near(matches: Sequence[Match]) -> bool:
    """Whether one of the best matches shares words or meaning with the question."""
    return any(match.coverage >= NEAR_WORDS or (match.nearness or 0.0) >= NEAR_MEANING for match in matches[:BEST])


def is_sure(question: str, sentences: Sequence[Sentence], matches: Sequence[Match], quoted: str) -> bool:
    """Whether the document seems to answer: one of the best matches is near enough, and what is `quoted` holds the kind
    of thing that is asked for, if that can be told by its letters: a time, a price, a number to call."""
    if not any(_is_close(question, sentences[match.sentence].text, match) for match in matches[:BEST]):
        return False
    kind = kind_asked(question)
    return kind is None or kind.needed is None or kind.needed.search(quoted) is not None


def _is_close(question: str, text: str, match: Match) -> bool:
    if match.nearness is None:
        return match.coverage >= SURE_WORDS
    return match.coverage + match.nearness >= (SURE if _script(question) == _script(text) else SURE_ACROSS)


def _script(text: str) -> str | None:
    """The script that says most. A Chinese character says about as much as three letters; names in Latin letters may
    stand among them."""
    letters = Counter(script(letter) for letter in text if letter.isalpha())
    letters[EASTERN] *= 3
    return letters.most_common(1)[0][0] if letters.total() else None
