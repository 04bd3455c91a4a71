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
_LEFTWARDS_RUN = re.compile(rf"[{_LEFTWARDS}](?:[^\n|A-Za-z]*[{_LEFTWARDS}])?")
_ANY = re.compile(f"[{_LEFTWARDS}]")
_MARKS = re.compile("([\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670]+)(.)")
_FORMS = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")  # letters as they are drawn in a place of a word
_BRACKETS = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def written_leftwards(text: str) -> bool:
    return bool(_ANY.search(text))


def logical(seen: str) -> str:
    """The line `seen`, left to right, in reading order: the whole line is read leftwards, with its numbers and foreign
    words rightwards, or the other way round if most letters are of a script written rightwards."""
    letters = [bool(_ANY.match(letter)) for letter in seen if letter.isalpha()]
    outer = letters[0] + letters[-1]
    if outer == 2 or (outer == 1 and 2 * sum(letters) >= len(letters)):
        text = _reversed(seen)
    else:
        text = _LEFTWARDS_RUN.sub(lambda run: _reversed(run.group()), seen)
    return _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form.group()), text)


def _reversed(seen: str) -> str:
    text = _RIGHTWARDS.sub(lambda run: run.group()[::-1], seen[::-1])
    text = _MARKS.sub(r"\2\1", text)
    first = re.search(r"[][(){}<>«»]", text)
    return text.translate(_BRACKETS) if first and first.group() in ")]}>»" else text
