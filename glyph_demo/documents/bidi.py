"""Right-to-left lines from the order in which they are seen to the order in which they are read."""

from __future__ import annotations

import re
import unicodedata

_LEFTWARDS = (
    "\u0590-\u05ff\u0600-\u0659\u066d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"  # Hebrew to Arabic, without their digits
)
_LETTER = rf"[^\W\d_{_LEFTWARDS}]"
_SIGN = "[#$%¢-¥°₠-₿‰]"  # these go with a number (European terminators, Unicode annex 9)
_NUMBER = rf"{_SIGN}*\d(?:[.,:/+-]?\d)*{_SIGN}*"
# What is read rightwards amid text read leftwards: words with what stands between them, or one number.
_RIGHTWARDS = re.compile(rf"(?:\d[^{_LEFTWARDS}|\n]*)?{_LETTER}(?:[^{_LEFTWARDS}|\n]*[^\W{_LEFTWARDS}])?|{_NUMBER}")
_DIGITS = re.compile(r"\d(?:[.,:/]?\d)*")
_LEFTWARDS_RUN = re.compile(rf"[{_LEFTWARDS}](?:[^\n|A-Za-z]*[{_LEFTWARDS}])?")
_ANY = re.compile(f"[{_LEFTWARDS}]")
_MARKS = re.compile("([\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670]+)(.)")
_FORMS = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")  # letters as they are drawn in a place of a word
_ARABIC = re.compile("[\u0600-\u0659\u066d-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_OPENING, _CLOSING = "([{«", ")]}»"
_BEHIND = ".,;:!?،؛؟" + _CLOSING


def written_leftwards(text: str) -> bool:
    return bool(_ANY.search(text))


def logical(seen: str) -> str:
    """The line `seen`, left to right, in reading order: the whole line is read leftwards, with its numbers and foreign
    words rightwards, or the other way round if most letters are of a script written rightwards."""
    letters = [bool(_ANY.match(letter)) for letter in seen if letter.isalpha()] or [True]
    outer = letters[0] + letters[-1]
    if outer == 2 or (outer == 1 and 2 * sum(letters) >= len(letters)):
        text = _reversed(seen)
    else:
        text = _LEFTWARDS_RUN.sub(lambda run: _reversed(run.group()), seen)
    return _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form.group()), _with_brackets(text))


def _reversed(seen: str) -> str:
    return _MARKS.sub(r"\2\1", _RIGHTWARDS.sub(_rightwards, seen[::-1]))


def _rightwards(run: re.Match[str]) -> str:
    """Behind Arabic the signs of a number are read leftwards, only its digits are not (W2 of the same annex)."""
    text = run.group()
    before = next((each for each in reversed(run.string[: run.start()]) if each.isalpha() or each == "|"), "|")
    if _ARABIC.match(before) and not any(map(str.isalpha, text)):
        return _DIGITS.sub(lambda digits: digits.group()[::-1], text)
    return text[::-1]


def _with_brackets(text: str) -> str:
    """Brackets open before a word and close behind one; between letters every other one does. Some files have them as
    they look, some mirrored, and pdfium mirrors those that stand beside a word written leftwards."""
    letters = list(text)
    is_open = [False] * len(_OPENING)
    for at, letter in enumerate(text):
        if letter not in _OPENING + _CLOSING:
            continue
        kind = (_OPENING + _CLOSING).index(letter) % len(_OPENING)
        before, after = text[at - 1 : at] or " ", text[at + 1 : at + 2] or " "
        opens, closes = before.isspace() or before in _OPENING, after.isspace() or after in _BEHIND
        is_open[kind] = opens if opens != closes else not is_open[kind]
        letters[at] = _OPENING[kind] if is_open[kind] else _CLOSING[kind]
    return "".join(letters)
