"""Questions that lean on the ones before: "When was that?", "And the year before?", "那前一年呢"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from glyph_demo.engines.base import Turn
from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.terms import question_terms, terms

_SHIFTS = (
    (
        -1,
        re.compile(
            r"\b(?:the )?(?:(?:previous|preceding|prior) year|year (?:before|earlier))\b|[前上]一?年", re.IGNORECASE
        ),
    ),
    (
        1,
        re.compile(
            r"\b(?:the )?(?:(?:next|following) year|year (?:after|later))\b|[后後次]一?年|下一年", re.IGNORECASE
        ),
    ),
)

FOLLOW_UP = 3  # a question of at most so many terms may refer to the one before
_GOES_ON = re.compile(r"^(?:and|but|what about|how about)\b|呢[？?。]?$", re.IGNORECASE)

# Words that name the kind of answer and not what it is about.
_KINDS = (
    "amount answer cause date day else exactly hour money month name number person place price reason since sum time "
    "total year"
)
_CHINESE_KINDS = re.compile(
    "年份|日期|日子|时间|时候|地点|地方|价格|金额|费用|原因|理由|名字|数量|具体|确切|[年钱人他她它]"
)


def has_own_words(question: str) -> bool:
    """Whether a question says what it is about."""
    kinds = dict(terms(_KINDS))
    return not question_terms(_CHINESE_KINDS.sub(" ", simplified(question))).keys() <= kinds.keys()


def leans(question: str) -> bool:
    """Whether a question goes on with the one before: it is short, or begins or ends as such questions do."""
    words = [term for term in question_terms(question) if len(term) > 1 or term.isascii()]
    return len(words) <= FOLLOW_UP or _GOES_ON.search(question.strip()) is not None


def topic(history: Sequence[Turn]) -> str:
    """The last question that has words of its own; empty if there is none."""
    return next((turn.question for turn in reversed(history) if has_own_words(turn.question)), "")


def resolved(question: str, history: Sequence[Turn]) -> str:
    """`question` with the year that it counts from the last question or its answer ("the year before") written out. One
    that says nothing else is the last question about another year."""
    if not history:
        return question
    year = _year(history[-1].question) or _year(history[-1].answer)
    for shift, pattern in _SHIFTS:
        if year is not None and pattern.search(question):
            if has_own_words(pattern.sub(" ", question)):
                return pattern.sub(f" {year + shift} ", question)
            before = topic(history)
            other = re.sub(f"{year}|[〇零一二三四五六七八九]{{4}}(?=年)", str(year + shift), before)
            return other if other != before else f"{before} {year + shift}"
    return question


def resolved_turns(history: Sequence[Turn]) -> list[Turn]:
    """The turns with their questions resolved, so that a follow-up of a follow-up counts from the right year."""
    turns: list[Turn] = []
    for turn in history:
        turns.append(replace(turn, question=resolved(turn.question, turns)))
    return turns


def _year(text: str) -> int | None:
    """The year in a text; None if there is none, or more than one."""
    years = {int(term) for term, _ in terms(text) if re.fullmatch("1[0-9]{3}|20[0-9]{2}", term)}
    return years.pop() if len(years) == 1 else None
