"""What kind of thing each character is to the layout."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

CODEPOINTS = 0x110000
INK, SPACE, OTHER_SPACE, NEWLINE, DROPPED = range(5)
_OTHER_SPACES = "\t\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Invisible: soft hyphen and zero-width space as in the original; also joiners, direction marks, variation
# selectors, tags and control characters, for which no font has anything to draw.
_DROPPED = (
    "\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff"
)

RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"  # Hebrew, Arabic, Syriac, Thaana, N'Ko and presentation forms


@cache
def character_classes() -> NDArray[np.uint8]:
    """(0x110000,) uint8: INK, SPACE (U+0020), OTHER_SPACE (collapses), NEWLINE or DROPPED for each code point."""
    table = np.full(CODEPOINTS, INK, np.uint8)
    for value, ranges in ((OTHER_SPACE, _OTHER_SPACES), (DROPPED, _DROPPED)):
        for first, last in _ranges(ranges):
            table[first : last + 1] = value
    table[ord(" ")] = SPACE
    table[ord("\n")] = NEWLINE
    return table


def _ranges(characters: str) -> Iterator[tuple[int, int]]:
    i = 0
    while i < len(characters):
        last = i + 2 if characters[i + 1 : i + 2] == "-" else i
        yield ord(characters[i]), ord(characters[last])
        i = last + 1


def codepoints(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def right_to_left(codepoint: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which code points are of RTL."""
    found = np.zeros(len(codepoint), bool)
    for first, last in _ranges(RTL):
        found |= (codepoint >= first) & (codepoint <= last)
    return found
