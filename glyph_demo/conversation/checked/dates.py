"""Dates in folded text, in any of their forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from glyph_demo.conversation.checked.numerals import HAN, HAN_DIGIT, han_value

_NAMES = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|october oct"
    "|november nov|december dec"
)
MONTHS = {name: number for number, names in enumerate(_NAMES.split("|"), 1) for name in names.split()}

_MONTH = "(?:(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b(?:(?<=\b\w{3})\.|(?<=\bsept)\.)?)"
_DAY = r"(?<!\d)\d{1,2}(?:st|nd|rd|th)?(?![\d.]\d)(?!\d)"
_TO = r"\s{0,2}(?:-|to|and)\s{0,2}"  # between the two days of a span
_YEAR = r"(?<!\d)[12]\d{3}(?!\d)"
_HAN_YEAR = rf"(?:{_YEAR}|{HAN_DIGIT}{{4}})"
_HAN_PART = rf"(?:(?<!\d)\d{{1,2}}|{HAN}{{1,3}})"
_PATTERNS = (
    rf"(?P<day>{_DAY})(?:{_TO}(?P<until>{_DAY}))?\s{{1,2}}(?:of\s)?(?P<month>{_MONTH})(?:,?\s{{1,2}}(?P<year>{_YEAR}))?",
    rf"\b(?P<month>{_MONTH})\s{{1,2}}(?P<day>{_DAY})(?:{_TO}(?P<until>{_DAY}))?(?:,?\s{{1,2}}(?P<year>{_YEAR}))?",
    rf"\b(?P<month>{_MONTH}),?\s{{1,2}}(?P<year>{_YEAR})",
    rf"(?:(?P<year>{_HAN_YEAR})\s?年\s?)?(?P<month>{_HAN_PART})\s?月\s?(?P<day>{_HAN_PART})"
    rf"(?:\s?(?:-|至|到)\s?(?P<until>{_HAN_PART}))?\s?[日号]",
    rf"(?P<year>{_HAN_YEAR})\s?年\s?(?P<month>{_HAN_PART})\s?月",
    r"(?<![\d./-])(?P<year>[12]\d{3})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\d/-]|\.\d)",
    r"(?<![\d./-])(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>[12]\d{3})(?![\d/-]|\.\d)",
)
# One pass over the text: the groups of pattern 3 are day3, month3 and so on.
_DATE = re.compile(
    "|".join(re.sub(r"(\(\?P[<=])(\w+)", rf"\g<1>\g<2>{i}", pattern) for i, pattern in enumerate(_PATTERNS))
)


class Day(NamedTuple):
    """`year` is None for a day of any year, `day` for a whole month."""

    year: int | None
    month: int
    day: int | None


def dates(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, tuple[Day, ...]]]:
    """(start, end, days) of every date: two days for the ends of a span, or where 03/04/2024 may be either."""
    for match in _DATE.finditer(text, start, len(text) if end is None else end):
        part = {name.rstrip("0123456789"): value for name, value in match.groupdict().items() if value}
        if "one" in part:
            pairs = {(part["two"], part["one"])}
            if part["mark"] != ".":
                pairs.add((part["one"], part["two"]))
        else:
            pairs = {(part["month"], day) for day in (part.get("day"), part.get("until", part.get("day")))}
        year = _whole(part.get("year"))
        days = [Day(year, MONTHS.get(month.rstrip(".")) or _whole(month) or 0, _whole(day)) for month, day in pairs]
        real = tuple(sorted(day for day in days if 1 <= day.month <= 12 and 1 <= (day.day or 1) <= 31))
        if real:
            yield *match.span(), real


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    digits = re.sub("[a-z]", "", text)
    return int(digits if digits.isdecimal() else han_value(digits) or 0)
