"""Text → the same text for comparing, character by character, so that offsets stay: in lower case, without accents,
half width, simplified Chinese."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.rendering.characters import codepoints

MOST_PLACES = 10  # of one text or figure that are told apart

_BMP = 0x10000
_ACCENTED = 0x2000  # below it letters lose their accents; above, marks make other letters: か and が
# What NFKC leaves, or makes two characters of.
_ALSO = str.maketrans("‐‑‒–—−﹣‘’′“”″〝〞。、·・〇", '-------\'\'\'""""".,··零')


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is as long as the text it is made of. `bare` has its letters and digits only, and decimal points: spaces,
    hyphens, quotation marks and line ends are no differences. `offsets` (len(bare),) says where each stands in
    `text`."""

    text: str
    bare: str
    offsets: NDArray[np.int32]

    @classmethod
    def of(cls, text: str) -> Folded:
        folds, letters = _tables()
        codes = codepoints(text).copy()
        known = codes < _BMP
        codes[known] = folds[codes[known]]
        kept = np.ones(len(codes), bool)  # characters beyond are rare ideographs
        kept[known] = letters[codes[known]]
        digit = (codes >= ord("0")) & (codes <= ord("9"))
        kept[1:-1] |= (codes[1:-1] == ord(".")) & digit[:-2] & digit[2:]
        return cls(_text(codes), _text(codes[kept]), np.flatnonzero(kept).astype(np.int32))

    def find(self, bare: str) -> list[tuple[int, int]]:
        """Where `bare`, of the same kind as `self.bare`, stands in `text`: (start, end), at most MOST_PLACES, and
        not within a longer word or number. Chinese has no spaces, so its words may begin anywhere."""
        found: list[tuple[int, int]] = []
        at = self.bare.find(bare) if bare else -1
        while at >= 0 and len(found) < MOST_PLACES:
            start, end = int(self.offsets[at]), int(self.offsets[at + len(bare) - 1]) + 1
            if not (_joined(self.text, start) or _joined(self.text, end)):
                found.append((start, end))
            at = self.bare.find(bare, at + 1)
        return found


def _is_wide(character: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    return "\u2e80" <= character <= "\u9fff" or character >= "\U00020000"


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after an offset belong to one word or number."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    return before.isalnum() and after.isalnum() and not _is_wide(before) and not _is_wide(after)


def _text(codes: NDArray[np.uint32]) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """(0x10000,) what each character becomes, and whether that is a letter or a digit."""
    folded = [_fold(chr(code)) for code in range(_BMP)]
    return (
        np.array([ord(character) for character in folded], np.uint32),
        np.array([character.isalnum() for character in map(chr, range(_BMP))], bool),
    )


def _fold(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return character
    if character == "，":  # it parts numbers in a sentence, a "," within them
        return character
    plain = character.translate(_ALSO)
    plain = unicodedata.normalize("NFKD" if plain < chr(_ACCENTED) else "NFKC", plain)
    plain = "".join(c for c in plain if not unicodedata.combining(c)) or character
    plain = simplified(plain.lower())
    return plain if len(plain) == 1 else character
