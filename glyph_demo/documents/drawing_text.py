"""Paragraphs of DrawingML text (ECMA-376 part 1, 21.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import local
from glyph_demo.documents.docx_math import Equations
from glyph_demo.documents.docx_styles import HiddenText
from glyph_demo.documents.docx_symbols import is_symbol_font, translated
from glyph_demo.documents.numbering import formatted
from glyph_demo.documents.text import joined

_FORMATS = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "circleNum": "decimalEnclosedCircle",
    "ea1": "chineseCounting",
}
_AROUND = {"ParenBoth": "({})", "ParenR": "{})", "Period": "{}.", "Plain": "{}"}  # by the end of a scheme's name
_EQUATIONS = Equations(HiddenText(None))


class _Numbers(NamedTuple):
    """A scheme, the number that it starts with, and the number of the last paragraph."""

    scheme: str
    start: int
    last: int


def paragraphs(node: Element) -> Iterator[str]:
    """Paragraphs with text, numbered ones with their number."""
    levels: dict[int, _Numbers] = {}
    for paragraph in node.iter():
        if local(paragraph.tag) != "p":
            continue
        text = " ".join(joined(_pieces(paragraph)).split())
        if not text:
            continue
        properties = next((child for child in paragraph if local(child.tag) == "pPr"), None)
        label = _label(properties, levels)
        yield f"{label} {text}" if label else text


def _label(properties: Element | None, levels: dict[int, _Numbers]) -> str:
    """The number that PowerPoint puts before a paragraph. A paragraph of another kind ends the numbers of its level."""
    level = int(properties.get("lvl", "0")) if properties is not None else 0
    for deeper in [other for other in levels if other > level]:
        del levels[deeper]
    mark = (
        None if properties is None else next((child for child in properties if local(child.tag) == "buAutoNum"), None)
    )
    if mark is None:
        levels.pop(level, None)
        return ""
    scheme, start = mark.get("type", ""), int(mark.get("startAt", "1"))
    before = levels.get(level)
    number = before.last + 1 if before and before[:2] == (scheme, start) else start
    levels[level] = _Numbers(scheme, start, number)
    style = next((style for name, style in _FORMATS.items() if scheme.startswith(name)), "decimal")
    around = next((around for name, around in _AROUND.items() if scheme.endswith(name)), "{}.")
    return around.format(formatted(number, style))


def _pieces(node: Element, is_raised: bool = False, font: str = "") -> Iterator[tuple[str, bool]]:
    """Texts with whether they are raised; of alternatives the first."""
    for child in node:
        name = local(child.tag)
        if name in ("r", "fld"):
            properties = next((part for part in child if local(part.tag) == "rPr"), None)
            offset = "0" if properties is None else properties.get("baseline", "0")
            raised = not offset.startswith("-") and offset.strip("0%") != ""
            yield from _pieces(child, raised, _symbol_font(properties))
        elif name == "t":
            yield translated(font, child.text or ""), is_raised
        elif name in ("br", "tab"):
            yield " ", False
        elif name == "oMath":
            yield _EQUATIONS.text(child), False
        elif name == "AlternateContent":
            yield from _pieces(child[0]) if len(child) else ()
        elif name not in ("rPr", "pPr", "endParaRPr"):
            yield from _pieces(child)


def _symbol_font(properties: Element | None) -> str:
    if properties is None:
        return ""
    fonts = [part.get("typeface", "") for part in properties if local(part.tag) in ("sym", "latin")]
    return next(filter(is_symbol_font, fonts), "")
