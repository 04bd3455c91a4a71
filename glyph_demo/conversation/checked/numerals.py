"""Numerals → their values: digits with any separators, English words, Chinese numerals. All are in folded text."""

from __future__ import annotations

import re
from decimal import Decimal

MOST_DIGITS = 25  # longer runs are compared as they are written: Decimal counts to 28 digits

_BELOW_20 = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_UNITS = _BELOW_20.split()
_TENS = [ten + "ty" for ten in ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")]
_VALUES = {word: i for i, word in enumerate(_UNITS)} | {word: 10 * i for i, word in enumerate(_TENS, 2)}
_WORD = "(?:" + "|".join((*_TENS, *sorted(_UNITS, key=len, reverse=True))) + ")"
_BELOW_100 = rf"{_WORD}(?:[- ]{_WORD})?"
WORDS = rf"{_BELOW_100}(?: hundred(?: (?:and )?{_BELOW_100})?)?"

HAN = "[零一二三四五六七八九十百千万亿两]"
HAN_DIGIT = "[零一二三四五六七八九]"
_HAN_DIGITS = {character: i for i, character in enumerate("零一二三四五六七八九")} | {"两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}

# 1,234.5; 1.234,5; 1 234,5; 1234.5; 12,5. A comma before three digits parts thousands.
DIGITS = (
    r"(?:\d{1,3}(?:[,，]\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:[ ']\d{3})+(?!\d)(?:[.,]\d+)?"
    r"|\d+(?:\.\d+|,\d{1,2}(?![\d,]))?)"
)


def digit_value(digits: str) -> Decimal | str:
    """The value of what DIGITS matches; without its separators where it is too long to be computed with."""
    if re.search(r"\.\d{3}.*,", digits):
        digits = digits.replace(".", "")
    digits = re.sub(r"[ '，]|,(?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
    return digits if len(digits) > MOST_DIGITS else Decimal(digits)


def word_value(words: str) -> Decimal:
    """The value of what WORDS matches."""
    total = 0
    for word in re.split("[- ]", words):
        if word == "hundred":
            total *= 100
        elif word != "and":
            total += _VALUES[word]
    return Decimal(total)


def han_value(numeral: str) -> Decimal | None:
    """The value of Chinese digits in a row, or of a numeral, with a decimal point or without: 二零二四, 三十二, 三点五.
    None for what is too long."""
    whole, _, fraction = numeral.partition("点")
    if not whole or len(numeral) > MOST_DIGITS:
        return None
    if re.fullmatch(f"{HAN_DIGIT}+", whole):
        value = int("".join(str(_HAN_DIGITS[character]) for character in whole))
    else:
        value = _han_sum(whole)
    return Decimal(f"{value}.{''.join(str(_HAN_DIGITS[character]) for character in fraction)}" if fraction else value)


def _han_sum(numeral: str) -> int:
    total = section = digit = 0  # whole 万 and 亿; below the next one of them; before the next of all
    for character in numeral:
        scale = _HAN_SCALES.get(character, 0)
        if not scale:
            digit = _HAN_DIGITS[character]
        elif scale < 10**4:
            section, digit = section + (digit or 1) * scale, 0
        elif scale == 10**4:
            total, section, digit = total + (section + digit or 1) * scale, 0, 0
        else:
            total, section, digit = (total + section + digit or 1) * scale, 0, 0
    return total + section + digit
