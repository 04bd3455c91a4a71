"""Text layers that are no text: a font without a table of its characters gives the names or numbers of its glyphs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import sqrt

_NAME = "[A-Za-z]{1,5}[0-9A-Fa-f]{1,4}(?![^/\\s])"
_GLYPH_NAMES = re.compile(rf"[/(](?:{_NAME}(?:/{_NAME})+|cid:\d+\))")
_UNREADABLE = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffd-\uffff\ue000-\uf8ff\U000f0000-\U0010ffff]")
_MISREAD = re.compile("[\u0080-\u024f]")  # what text of other scripts becomes when it is taken for Latin-1
_RARE = re.compile(r"([!\"#$&'*;<=>?@[\\\]^_`{|}~])(?!\1)")  # one of a row; rows are lines and leaders
_OTHER_FORMS = str.maketrans("ßøđłıæœþð", "sodliaotd")  # those without a decomposition

# The 140 commonest pairs of letters without accents, over the Universal Declaration of Human Rights in 55 languages
# that are written in Latin letters, each counting the same: a first letter, then what follows it. Of a language's pairs
# they are 56 % (Welsh), 60 % (Polish) or more; of the same texts with another letter for each (a shift of the alphabet)
# 19 % in the median and 46 % at most.
_COMMON = """aabcdghiklmnrstuv baeio cahio daeiou ecdgiklmnrstz fa gaeiu haeiou iacdegklmnorst jae kaeiou laeilou maeio
    nadeginost odgklmnrst paeor qu raeiotu saeikotu taehiortu ualmnrst vaeio wa ya zai"""
_PAIRS = frozenset(group[0] + letter for group in _COMMON.split() for letter in group[1:])
_AFTER = frozenset(".,;:!?)]}'\"’”»-_/@%…")  # marks that may follow a letter or a digit
_BEFORE = frozenset("([{'\"‘“„«-_/.,:@€$£+#")  # and those that may stand before one
_TOGETHER = frozenset(".,;:!?)(]['\"’”“‘-")  # and those that may stand beside each other
_BLOCK = 300  # characters that are judged together: a page may be garbled in one of its fonts
_MIN_PAIRS = 20
_MIN_GOOD = 0.46
_SURELY = 0.68  # of a text of which a third is garbled, fewer are good
_SURELY_OF_ALL = 0.45  # of all characters: text has few digits and signs
_DEVIATIONS = 0.4  # the fewer the pairs, the more their share varies by chance
_MAX_UNREADABLE = 0.2
_MAX_MISREAD = 0.5
_MAX_RARE = 0.25
_MAX_GARBLED = 0.3


def is_garbled(text: str) -> bool:
    """Whether a considerable part of a page's text is no text of any language: names of glyphs, characters without a
    meaning, or letters and signs in an order that no language has. Numbers and scripts that are not Latin say nothing
    either way. Text of a few words is taken for text."""
    named = sum(len(match.group()) for match in _GLYPH_NAMES.finditer(text))
    if not named and _is_surely_text(text):
        return False
    text = _GLYPH_NAMES.sub(" ", text)
    sizes = {True: named, False: 0}
    for block in _blocks(text):
        sizes[_is_garbled_block(block)] += len(block)
    return sizes[True] > _MAX_GARBLED * (sizes[True] + sizes[False])


def _is_surely_text(text: str) -> bool:
    """A look at a third of the text, for speed: most pages are text, and three in four of its pairs are good."""
    sample = "".join(text[start : start + _BLOCK // 3] for start in range(0, len(text), _BLOCK))
    good, bad = _pairs(sample)
    misread = 0 if sample.isascii() else len(_MISREAD.findall(sample))
    return good > _SURELY * (good + bad) and good > _SURELY_OF_ALL * len(sample) > misread


def _blocks(text: str) -> Iterator[str]:
    lines: list[str] = []
    size = 0
    for line in text.split("\n"):
        lines.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield "\n".join(lines)
            lines, size = [], 0
    yield "\n".join(lines)


def _is_garbled_block(text: str) -> bool:
    visible = len("".join(text.split()))
    if len(_UNREADABLE.findall(text)) > _MAX_UNREADABLE * visible:
        return True
    misread, rare = 0 if text.isascii() else len(_MISREAD.findall(text)), len(_RARE.findall(text))
    if visible >= _MIN_PAIRS and (misread > _MAX_MISREAD * visible or rare > _MAX_RARE * visible):
        return True
    good, bad = _pairs(text)
    total = good + bad
    return total >= _MIN_PAIRS and good / total < _MIN_GOOD - _DEVIATIONS / sqrt(total)


def _pairs(text: str) -> tuple[int, int]:
    """How many pairs of neighbouring characters are common in text, and how many are not."""
    folded = text.lower()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded.translate(_OTHER_FORMS))
        folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    counts = {True: 0, False: 0, None: 0}
    for pair, count in Counter(pairwise(folded)).items():
        counts[_is_common(pair)] += count
    return counts[True], counts[False]


@lru_cache(65536)
def _is_common(pair: tuple[str, str]) -> bool | None:
    """None for what says nothing: spaces, digits beside digits or letters, lines of one sign, other scripts."""
    one, other = pair
    if one == other or max(pair) > "\u024f" or one.isspace() or other.isspace():
        return None
    if one.isalpha() and other.isalpha():
        return one + other in _PAIRS
    if one.isalnum():
        return None if other.isalnum() else other in _AFTER
    return one in _BEFORE if other.isalnum() else one in _TOGETHER and other in _TOGETHER
