"""The bullets and numbers that Word shows before list items and headings and does not store with their text
(ECMA-376 part 1, section 17.9)."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_symbols import UNKNOWN, translated

NAMESPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W = NAMESPACE
_CHINESE = "零一二三四五六七八九十"
_ROMAN = dict(m=1000, cm=900, d=500, cd=400, c=100, xc=90, l=50, xl=40, x=10, ix=9, v=5, iv=4, i=1)


@dataclass(frozen=True)
class _Level:
    format: str
    text: str  # "%1.%2": the numbers of levels 1 and 2
    start: int
    style: str
    font: str
    is_legal: bool  # all its numbers in digits, "1.1" below "I"


class Numbering:
    """Labels of numbered paragraphs; keeps the running numbers, so paragraphs must come in document order."""

    def __init__(self, numbering: Element | None, styles: Element | None) -> None:
        self._lists: dict[str, tuple[str, dict[int, _Level]]] = {}  # numId → (key of its counters, levels)
        self._styles: dict[str, tuple[str | None, str, str]] = {}  # style → (numId, level, style it is based on)
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        if numbering is not None:
            self._read_lists(numbering)
        for style in [] if styles is None else styles.iter(f"{_W}style"):
            number, level = _number_properties(style)
            self._styles[style.get(f"{_W}styleId", "")] = (number, level, _value(style, "basedOn"))

    def label(self, paragraph: Element) -> str:
        """What Word shows before this paragraph, "" for a paragraph that is no list item."""
        if paragraph.find(f"{_W}pPr") is None:
            return ""
        number, level_text = _number_properties(paragraph)
        if number is None:
            number, level_text = self._of_style(_value(paragraph, "pPr/pStyle"))
        if number not in self._lists or not level_text.isdecimal():
            return ""
        key, levels = self._lists[number]
        depth = int(level_text)
        if depth not in levels:
            return ""
        counts = self._counts[key]
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        level = levels[depth]
        if level.format == "bullet":
            return _bullet(level)
        return re.sub(
            r"%([1-9])", lambda match: _shown(levels, counts, int(match.group(1)) - 1, level.is_legal), level.text
        ).strip()

    def _read_lists(self, root: Element) -> None:
        abstract = {item.get(f"{_W}abstractNumId", ""): _levels(item) for item in root.iter(f"{_W}abstractNum")}
        for item in root.iter(f"{_W}num"):
            number, base = item.get(f"{_W}numId", ""), _value(item, "abstractNumId")
            levels = abstract.get(base, {}) | _levels(item)
            overrides = item.findall(f"{_W}lvlOverride")
            for override in overrides:
                depth, start = override.get(f"{_W}ilvl", ""), _value(override, "startOverride")
                if depth.isdecimal() and start.isdecimal() and int(depth) in levels:
                    levels[int(depth)] = replace(levels[int(depth)], start=int(start))
            self._lists[number] = (f"num {number}" if overrides else base, levels)

    def _of_style(self, style: str) -> tuple[str | None, str]:
        """numId and level of a style or of the nearest style it is based on that has them."""
        seen: set[str] = set()
        name = style
        while name in self._styles and name not in seen:
            seen.add(name)
            number, level, base = self._styles[name]
            if number is not None:
                levels = self._lists.get(number, ("", {}))[1]
                return number, next((str(depth) for depth, found in levels.items() if found.style == style), level)
            name = base
        return None, "0"


def _value(element: Element, path: str) -> str:
    """Step by step, which is several times as fast as a path."""
    found: Element | None = element
    for step in path.split("/"):
        found = None if found is None else found.find(f"{_W}{step}")
    return "" if found is None else found.get(f"{_W}val", "")


def _number_properties(element: Element) -> tuple[str | None, str]:
    return _value(element, "pPr/numPr/numId") or None, _value(element, "pPr/numPr/ilvl") or "0"


def _levels(item: Element) -> dict[int, _Level]:
    levels = {}
    for level in item.iter(f"{_W}lvl"):
        depth, start = level.get(f"{_W}ilvl", ""), _value(level, "start")
        fonts = level.find(f"{_W}rPr/{_W}rFonts")
        if depth.isdecimal():
            levels[int(depth)] = _Level(
                _value(level, "numFmt") or "decimal",
                _value(level, "lvlText"),
                int(start) if start.isdecimal() else 1,
                _value(level, "pStyle"),
                "" if fonts is None else fonts.get(f"{_W}ascii", ""),
                (legal := level.find(f"{_W}isLgl")) is not None and legal.get(f"{_W}val", "1") not in ("0", "false"),
            )
    return levels


def _bullet(level: _Level) -> str:
    """The sign of the bullet, "•" for those that are letters or not known."""
    sign = translated(level.font, level.text)
    return sign if len(sign) == 1 and sign != UNKNOWN and unicodedata.category(sign)[0] in "SP" else "•"


def _shown(levels: dict[int, _Level], counts: dict[int, int], depth: int, is_legal: bool) -> str:
    """The running number of a level in the level's own format, or in digits where `is_legal`."""
    if depth not in levels:
        return ""
    return formatted(counts.get(depth, levels[depth].start), "decimal" if is_legal else levels[depth].format)


def formatted(number: int, style: str) -> str:
    """A number in one of Word's formats; decimal for formats not known here."""
    if style in ("lowerLetter", "upperLetter") and number > 0:
        letters = chr(ord("a") + (number - 1) % 26) * min(9, (number - 1) // 26 + 1)
        return letters.upper() if style == "upperLetter" else letters
    if style in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).upper() if style == "upperRoman" else _roman(number)
    if style.startswith(("chineseCounting", "ideographDigital", "taiwaneseCounting", "japaneseCounting")):
        return _chinese(number)
    if style == "decimalZero":
        return f"{number:02}"
    if style == "decimalEnclosedCircle" and 0 < number <= 20:
        return chr(ord("①") + number - 1)
    return "" if style == "none" else str(number)


def _roman(number: int) -> str:
    digits = ""
    for letters, value in _ROMAN.items():
        digits += letters * (number // value)
        number %= value
    return digits


def _chinese(number: int) -> str:
    """Up to 99; larger numbers stay decimal."""
    if not 0 <= number < 100:
        return str(number)
    tens, ones = divmod(number, 10)
    if not tens:
        return _CHINESE[ones]
    return ("" if tens == 1 else _CHINESE[tens]) + "十" + (_CHINESE[ones] if ones else "")
