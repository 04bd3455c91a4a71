"""Numbers and dates in folded text, as keys: two forms of the same figure have one in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from glyph_demo.conversation.checked.dates import Day, dates
from glyph_demo.conversation.checked.numerals import DIGITS, HAN, HAN_DIGIT, WORDS, digit_value, han_value, word_value

Key = tuple[object, ...]

_SCALES = {  # powers of ten
    **dict.fromkeys(("百",), 2),
    **dict.fromkeys(("thousand", "k", "千"), 3),
    **dict.fromkeys(("万",), 4),
    **dict.fromkeys(("十万",), 5),
    **dict.fromkeys(("million", "millions", "mn", "mio", "m", "百万"), 6),
    **dict.fromkeys(("千万",), 7),
    **dict.fromkeys(("亿",), 8),
    **dict.fromkeys(("billion", "billions", "bn", "十亿"), 9),
    **dict.fromkeys(("百亿",), 10),
    **dict.fromkeys(("千亿",), 11),
    **dict.fromkeys(("trillion", "trillions", "tn", "万亿"), 12),
}
_MONEY = r"(?P<money>[$€£¥]\s?|\b(?:usd|eur|gbp|cny|rmb|chf|hkd|jpy)\s?)"
_SCALE = (
    r"\s?(?P<scale>(?:thousand|millions?|mn|mio|billions?|bn|trillions?|tn|m)\b|万亿|[十百千]?[万亿]"
    r"|[千百](?![分米克瓦]))|(?P<k>k)\b"
)
_NUMBER = re.compile(
    r"(?<![\w.:])(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?![\w:])|\s?[点时]\s?(?P<han_minute>\d{1,2})\s?分)"
    r"|(?<![\w.])(?P<parts>\d+(?:\.\d+){2,}|\d{1,4}/\d{1,4})(?![\w/]|\.\d|,\d)"  # 1.2.3, 3/4
    rf"|(?:{_MONEY}|(?<![a-z_\d])(?<!\d\.))(?P<digits>{DIGITS})(?:st|nd|rd|th|s\b)?(?!\d)(?:{_SCALE}|\s?%)?"
    rf"|(?:(?P<of>{HAN}+)分之)?(?P<han>{HAN}+(?:点{HAN_DIGIT}+)?)"
    rf"|\b(?P<words>{WORDS})(?:\s(?P<word_scale>thousand|million|billion|trillion))?\b"
)
_HAN_CLAIM = re.compile(f"(?=..)(?:十|[一二三四五六七八九两]+[十百千万亿]).*|{HAN_DIGIT}{{4}}|.*点.*")


class Figure(NamedTuple):
    """A number or a date at `start` to `end`, with the keys that a document's is filed under. Each of `wanted` is an
    alternative: keys that a document must all have if it has this figure. `plain` is what says nothing by itself,
    such as "one"."""

    start: int
    end: int
    kind: Literal["number", "date"]
    keys: tuple[Key, ...]
    wanted: tuple[tuple[Key, ...], ...]
    plain: bool = False


def figures(text: str) -> Iterator[Figure]:
    """The dates of folded text, then its numbers, those in dates too."""
    for start, end, days in dates(text):
        keys = tuple(key for day in days for key in _filed(day))
        yield Figure(start, end, "date", keys, tuple(way for day in days for way in _ways(day)))
    for match in _NUMBER.finditer(text):
        figure = _number(match)
        if figure is not None:
            yield figure
        if match["digits"] and re.search("[ ，]", match["digits"]):  # or it is several, such as columns of a table
            for part in re.finditer(r"\d+(?:\.\d+)?", match["digits"]):
                yield _of_value(
                    (match.start("digits") + part.start(), match.start("digits") + part.end()), Decimal(part[0])
                )


def _filed(day: Day) -> Iterator[Key]:
    if day.day is not None:
        yield ("day", *day)
        yield ("any year", day.month, day.day)
    if day.year is not None:
        yield ("month", day.year, day.month)


def _ways(day: Day) -> tuple[tuple[Key, ...], ...]:
    """A day of a year is also found where the document names the day and, elsewhere, the year."""
    if day.day is None:
        return ((("month", day.year, day.month),),)
    if day.year is None:
        return ((("any year", day.month, day.day),),)
    return (("day", *day),), (("day", None, day.month, day.day), ("bare", Decimal(day.year)))


def _number(match: re.Match[str]) -> Figure | None:
    span, part = match.span(), match.groupdict()
    if part["hour"]:
        return _of_key(span, ("time", int(part["hour"]), int(part["minute"] or part["han_minute"])))
    if part["parts"]:
        return _of_key(span, ("written", part["parts"]))
    if part["words"]:
        counted = word_value(part["words"])
        return _of_value(span, counted, part["word_scale"] or "", plain=counted <= 10 and not part["word_scale"])
    if part["han"]:
        return _of_han(span, part["han"], part["of"])
    value = digit_value(part["digits"])
    if isinstance(value, str):
        return _of_key(span, ("written", value))
    scale = part["k"] or part["scale"] or ""
    return _of_value(span, value, "" if scale == "m" and not part["money"] else scale)  # else metres


def _of_han(span: tuple[int, int], numeral: str, of: str | None) -> Figure | None:
    """A Chinese numeral, or the fraction 百分之五 or 五分之三: in percent, as 5 % is, or as 3/5."""
    value, whole = han_value(numeral), han_value(of or "百")
    if value is None or whole is None:
        return None
    if whole not in (100, 1000):
        return _of_key(span, ("written", f"{value}/{whole}"))
    return _of_value(span, value, plain=not of and not _HAN_CLAIM.fullmatch(numeral))


def _of_key(span: tuple[int, int], key: Key) -> Figure:
    return Figure(*span, "number", (key,), ((key,),))


def _of_value(span: tuple[int, int], value: Decimal, scale: str = "", plain: bool = False) -> Figure:
    """A table in millions has its numbers without that word: they are found with and without it."""
    if scale:
        whole, bare, other = value.scaleb(_SCALES[scale]), ("scaled", value), ("bare", value)
    else:
        whole, bare, other = value, ("bare", value), ("scaled", value)
    return Figure(*span, "number", (("value", whole), bare), ((("value", whole),), (other,)), plain)
