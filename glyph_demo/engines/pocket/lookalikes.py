"""Which character a glyph stands for, where several look alike."""

from __future__ import annotations

from functools import cache

# Letters of these alphabets, Greek and Cyrillic, that look like Latin ones are told by the letters beside them.
ALPHABETS = ((0x370, 0x400), (0x400, 0x530))
_COMMON = "–—‘’“”…·•"


def spell(glyphs: list[str]) -> str:
    """One character for each of `glyphs`, which are the characters that look alike, a space as " ". Of several it is
    that of the alphabet of the line's other letters, in words that have it throughout."""
    if not any(map(_own_alphabet, glyphs)):
        return "".join(map(_likeliest, glyphs)).strip()
    words: list[list[str]] = [[]]
    for glyph in glyphs:
        if glyph == " ":
            words.append([])
        else:
            words[-1].append(glyph)
    line = _alphabet(glyphs)
    return " ".join(_spell_word(word, _alphabet(word) or line) for word in words).strip()


def rank(character: str) -> tuple[int, int]:
    """Low is likely: ASCII, then ideographs and what is common, then others by their code."""
    code = ord(character)
    return 0 if code < 0x80 else 1 if 0x4E00 <= code < 0xA000 or character in _COMMON else 2, code


def _spell_word(word: list[str], alphabet: tuple[int, int] | None) -> str:
    letters = [glyph for glyph in word if glyph[0].isalpha()]
    if alphabet is None or not all(any(_is_in(one, alphabet) for one in glyph) for glyph in letters):
        return "".join(map(_likeliest, word))
    return "".join(min(glyph, key=lambda one: (not _is_in(one, alphabet), rank(one))) for glyph in word)


def _alphabet(glyphs: list[str]) -> tuple[int, int] | None:
    """Of the letters that look like no others: the alphabet of most, None for Latin and for none."""
    found = [alphabet for alphabet in map(_own_alphabet, glyphs) if alphabet]
    return max(set(found), key=found.count) if found else None


@cache
def _own_alphabet(glyph: str) -> tuple[int, int] | None:
    return next((alphabet for alphabet in ALPHABETS if all(_is_in(one, alphabet) for one in glyph)), None)


@cache
def _likeliest(glyph: str) -> str:
    return min(glyph, key=rank)


def _is_in(character: str, alphabet: tuple[int, int]) -> bool:
    return alphabet[0] <= ord(character) < alphabet[1]
