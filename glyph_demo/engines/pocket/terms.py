"""The terms that retrieval counts: stemmed English words, Chinese character bigrams, normalised numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.words import IRREGULAR_FORMS, STOP_PHRASES, STOP_WORDS, SYNONYMS

_PIECES = re.compile(
    r"(?P<cjk>[〇\u3400-\u9fff]+)"
    r"|(?P<number>\d+(?:[,，]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<word>(?:(?![〇\u3400-\u9fff])[^\W\d_])+(?:['’][^\W\d_]+)*)"
)
_CJK = re.compile("[〇\u3400-\u9fff]")
_HYPHENATED = re.compile(r"(?<=[^\W_])[-‐‑–](?=[^\W_])")
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_NUMERAL = re.compile("[〇零一二三四五六七八九十百千万两]{2,}|十")
_LONGEST_NUMERAL = 20  # characters; longer runs of digits are no number that is asked for
_STEM, _ENDING = 6, 4  # letters: the shared stem is at least so long, the ending at most
_SINGLE = 0.3  # weight of a single Chinese character; that of a bigram is 1

_STOP_WORDS = frozenset(STOP_WORDS.split())
_AT_NUMBER = re.compile(r"(?:等于|为|是)(?=\s*\d)|(?<=\d)\s*(?:的时候|时)")  # "批量为 2 时" is about 批量 and 2
_STOP_CJK = re.compile("|".join(sorted(STOP_PHRASES.split(), key=len, reverse=True)))

_IRREGULAR = {form: group[0] for group in map(str.split, IRREGULAR_FORMS.split(";")) for form in group}


def terms(text: str) -> Iterator[tuple[str, float]]:
    """(term, weight) of every word that counts. A hyphenated word yields its parts and the whole, because recognition
    sometimes drops a hyphen. Chinese is simplified."""
    text = simplified(unicodedata.normalize("NFKC", text))
    for joined in re.findall(r"[^\W\d_]+(?:[-‐‑–][^\W_]+)+", text):
        yield _HYPHENATED.sub("", joined).lower(), 1.0
    for joined in re.findall(r"\d+(?:[-‐‑–/][^\W_]+)+", text):  # without its hyphen 3-3 would be 33
        yield re.sub("[‐‑–]", "-", joined).lower(), 1.0
    for match in _PIECES.finditer(text):
        if match["cjk"]:
            yield from _cjk(match["cjk"])
        elif match["number"]:
            yield re.sub("[,，]", "", match["number"]), 1.0
        else:
            word = match["word"].lower().replace("’", "'").removesuffix("'s")
            if word not in _STOP_WORDS:
                yield stem(word), 1.0


def synonyms(term: str) -> frozenset[str]:
    """Other terms that the document may use for `term`."""
    return _synonyms().get(term, frozenset())


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for group in SYNONYMS.split(";"):
        words = {stem(word) for word in group.split()}
        for word in words:
            found.setdefault(word, set()).update(words - {word})
    return {word: frozenset(others) for word, others in found.items()}


def is_derived(term: str, other: str) -> bool:
    """Whether one word is the other plus an ending: complain and complaint, dismiss and dismissal."""
    if not (other.startswith(term) or term.startswith(other)):
        return False
    short, long = sorted((len(term), len(other)))
    return short >= _STEM and 0 < long - short <= _ENDING


def question_terms(question: str) -> dict[str, float]:
    """Terms of a question with their weights, without question words; numbers, names and quoted words weigh more."""
    stripped = _STOP_CJK.sub(" ", _AT_NUMBER.sub(" ", simplified(question)))
    weights: dict[str, float] = {}
    for term, weight in terms(stripped):
        weights[term] = max(weights.get(term, 0.0), weight * (1.5 if term[0].isdigit() else 1.0))
    marked = re.findall(r"[\"“「『《]([^\"”」』》]+)", question) + re.findall(r"(?<=\s)[A-Z][\w’'-]+", question)
    for part in marked:
        for term, weight in terms(part):
            weights[term] = 1.5 * weight
    return weights


def words(text: str) -> Iterator[tuple[str, bool]]:
    """(word in lower case, whether it is written as a name) of every word of letters that counts."""
    for match in re.finditer(r"[^\W\d_]{2,}", unicodedata.normalize("NFKC", text)):
        word = match[0].lower()
        if word not in _STOP_WORDS and not _CJK.search(word):
            yield word, match[0][0].isupper() and match.start() > 0


def names(question: str) -> list[list[str]]:
    """Names of several words ("Harrow Ness") as lists of terms: their words should stand together."""
    found = re.findall(r"(?<=\s)[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+", question)
    return [words for name in found if len(words := [term for term, _ in terms(name)]) > 1]


def stem(word: str) -> str:
    """A light stem: maps irregular forms to one, and removes plurals, -ed, -ing, -ly and a final e. It need not be a
    word, only the same for question and document."""
    word = _IRREGULAR.get(word, word)
    if not word.isascii() or len(word) < 4:
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _cjk(run: str) -> Iterator[tuple[str, float]]:
    for numeral in _NUMERAL.findall(run):
        if len(numeral) <= _LONGEST_NUMERAL:
            yield str(_value(numeral)), 1.0
    for character in run:
        yield character, _SINGLE
    for i in range(len(run) - 1):
        yield run[i : i + 2], 1.0


def _value(numeral: str) -> int:
    """The value of a Chinese numeral below a hundred million, or of digits in a row ("二〇二三")."""
    if not re.search("[十百千万]", numeral):
        return int("".join(str(_DIGITS[character]) for character in numeral))
    total = section = digit = 0
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "万":
            total, section, digit = (section + digit) * 10_000, 0, 0
        else:
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
    return total + section + digit
