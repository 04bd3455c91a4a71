"""The languages of the app. A new one is a line in LANGUAGES and a file `<code>.json` in this folder.

English and Chinese are written where a message is made (`errors.Message`). Every other language translates the English
text: its file is one JSON object of English texts and their translations, both with the same `{placeholders}`. A text
without a translation is shown in English."""

from __future__ import annotations

import os
import re
from functools import cache
from string import Formatter
from typing import NamedTuple

Language = str
"""A key of LANGUAGES."""

LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}  # by ISO 639-1 code, each by its own name
FOLDER = os.path.dirname(os.path.abspath(__file__))  # a string: pathlib would slow the start of cold commands


class _Catalogue(NamedTuple):
    """`filled` are the sentences with placeholders as patterns, the most particular first, with their translations."""

    texts: dict[str, str]
    filled: list[tuple[re.Pattern[str], str]]


def as_language(code: str) -> Language:
    """`code` where it is that of a language here, else English."""
    return code if code in LANGUAGES else "en"


def preferred_language(accept_language: str | None, fallback: str = "en") -> Language:
    """The first language of an Accept-Language header (RFC 9110, 12.5.4) that the app speaks, else `fallback`. Browsers
    list languages by preference, so weights are not looked at."""
    for tag in (accept_language or "").split(","):
        code = tag.split(";")[0].strip().split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return as_language(fallback)


def translate(english: str, language: Language) -> str:
    """`english` in a language that has a catalogue. A sentence whose placeholders are filled is found by its pattern,
    and the values are put into the translation as they are. Raises OSError or ValueError for a catalogue that cannot
    be read, or whose placeholders differ from the English ones."""
    if as_language(language) in ("en", "zh"):
        return english
    catalogue = _read_catalogue(os.path.join(FOLDER, f"{language}.json"))
    if english in catalogue.texts:
        return catalogue.texts[english]
    for pattern, translation in catalogue.filled:
        if found := pattern.fullmatch(english):
            return translation.format(**found.groupdict())
    return english


@cache
def _read_catalogue(path: str) -> _Catalogue:
    import json

    with open(path, encoding="utf-8") as file:
        texts: dict[str, str] = json.load(file)
    for english, translation in texts.items():
        if _placeholders(english) != _placeholders(translation):
            raise ValueError(f"{path}: the placeholders of {english!r} and of its translation differ")
    sentences = [english for english in texts if english.endswith(".") and _placeholders(english)]
    sentences.sort(key=len, reverse=True)
    return _Catalogue(texts, [(_pattern(english), texts[english]) for english in sentences])


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def _pattern(template: str) -> re.Pattern[str]:
    """What matches `template` with its placeholders filled."""
    parts, seen = "", set()
    for literal, name, _, _ in Formatter().parse(template):
        parts += re.escape(literal)
        if name:
            parts += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return re.compile(parts, re.DOTALL)
