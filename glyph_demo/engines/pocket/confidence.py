"""Whether what was found answers the question, or is only near it.

The limits are from 493 questions of XQuAD in English and in Chinese (Artetxe et al. 2020, arXiv 1910.11856), each asked
of its document with and without the paragraph that answers it: of those with an answer in the language of the question
one in a hundred is below them, of those without, two in five."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from glyph_demo.engines.pocket.characters import EASTERN, script
from glyph_demo.engines.pocket.retrieval import MONEY, MONTHS, Match
from glyph_demo.engines.pocket.sentences import Sentence

BEST = 3  # so many matches are looked at
NEAR_WORDS = 0.12  # coverage; below it the words say nothing
NEAR_MEANING = 0.15  # cosine; below it the sentence vectors say nothing
SURE = 0.48  # coverage and cosine together
SURE_ACROSS = 0.2  # the same where question and sentence are in different scripts, so that few words can be shared
SURE_WORDS = 0.25  # coverage, where there are no sentence vectors

_SPAN = r"\b(?:second|minute|hour|day|week|month|year|decade|centur)|[年月日天周时秒]|分钟|星期|世纪"
_TIME = (
    rf"\d{{4}}|\d\s*[:：]\s*\d\d|\d\s*(?:[ap]\.?m\b|o['’]clock)|{_SPAN}|[号点季春夏秋冬]|\b(?:{MONTHS})\b|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:spring|summer|autumn|winter|noon|midnight|today|yesterday)\b"
)
_AMOUNT = rf"{MONEY}|\d{{1,3}}(?:[,，]\d{{3}})+|\d\.\d\d\b|[\d一二三四五六七八九十百千万亿]\s*(?:万|元|块|圆|円)"
# Patterns of a question and of what an answer to it has to hold. The first that matches counts.
_THINGS = (
    (r"\b(?:tele)?phone number|\bfax number|电话|手机号|传真号", r"\d[\d()\s./+-]{4,}\d"),
    (r"\be-?mail address|邮箱|邮件地址", "@"),
    (r"\bweb ?site|\burl\b|网址|网站地址", r"www\.|https?:|\w\.(?:com|org|net|edu|gov|io|cn|de|eu)\b"),
    (
        r"\bhow old\b|\bwhat age\b|几岁|多大年[纪龄]|多少岁|年龄是",
        r"\b(?:years? old|aged?|born)\b|\d{4}|岁|周年|[出诞]生",
    ),
    (
        r"\bwhat percent|\bhow many percent|百分之[几多]|比例是多少|占多大比例",
        r"%|\bper ?cent|％|百分之|[成倍]|\bhalf\b",
    ),
    (r"\bwhat temperature|\bhow (?:hot|cold|warm)\b|多少度|温度是多少", r"°|\bdegrees?\b|\d\s*[CF]\b|[度℃℉]"),
    (
        r"\b(?:which|what) (?:university|college)\b|哪所(?:大学|学校|学院)",
        r"\b(?:universit|college|school|institut)|[大中小]学|学[院校]",
    ),
    (r"^\W*when\b|\b(?:what|which) (?:date|year|month|day)\b|何时|什么时候|哪一?[年天]|几月|几号|日期是", _TIME),
    (
        r"\bhow (?:long|many (?:minutes|hours|days|weeks|months|years))\b"
        r"|多长时间|多久|(?:几|多少)个?(?:分钟|小时|天|月|年)",
        rf"{_SPAN}|\d{{4}}",
    ),
    (
        r"^\W*how much (?:money|(?:did|does|do|will|would)\b.*\bcosts?\b)|\bwhat (?:did|does|do|will) .*\bcost\b"
        r"|^\W*what (?:is|was|were|are) the (?:price|costs?|fee|rent|salary|wages?|fine) (?:of|for)\b"
        r"|多少钱|多少(?:奖金|租金|押金|罚金|罚款|赔款|工资|费用)|(?:价格|费用|售价|租金|工资)是多少",
        _AMOUNT,
    ),
)


def is_near(matches: Sequence[Match]) -> bool:
    """Whether one of the best matches shares words or meaning with the question."""
    return any(match.coverage >= NEAR_WORDS or (match.nearness or 0.0) >= NEAR_MEANING for match in matches[:BEST])


def is_sure(question: str, sentences: Sequence[Sentence], matches: Sequence[Match], quoted: str) -> bool:
    """Whether the document seems to answer: one of the best matches is near enough, and what is `quoted` holds the kind
    of thing that is asked for, if that can be told by its letters: a time, a price, a number to call."""
    if not any(_is_close(question, sentences[match.sentence].text, match) for match in matches[:BEST]):
        return False
    wanted = next((thing for asks, thing in _THINGS if re.search(asks, question, re.IGNORECASE)), None)
    return wanted is None or re.search(wanted, quoted, re.IGNORECASE) is not None


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
