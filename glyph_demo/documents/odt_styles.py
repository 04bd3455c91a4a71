"""What styles say of an OpenDocument text: what is hidden, what is raised, how lists are numbered (OpenDocument 1.3
part 3, 16.30 to 16.36)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import local
from glyph_demo.documents.numbering import formatted

_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_LEVEL_STYLES = ("list-level-style-number", "list-level-style-bullet", "list-level-style-image", "outline-level-style")
_OUTLINE = "outline-style"
_MAX_LEVELS = 20


class _Level(NamedTuple):
    """`format` is None for bullets, "" for none; `shown` is of how many levels the numbers are told."""

    format: str | None
    before: str
    after: str
    start: int
    shown: int


class Styles:
    def __init__(self, trees: Iterable[Element]) -> None:
        self._hidden: dict[str, bool | None] = {}
        self._raised: dict[str, bool | None] = {}
        self._parents: dict[str, str] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        for tree in trees:
            for node in tree.iter():
                if local(node.tag) == "style":
                    self._add(node)
                elif local(node.tag) in ("list-style", _OUTLINE):
                    name = _OUTLINE if local(node.tag) == _OUTLINE else attribute(node, "name")
                    self._levels[name] = {_whole(attribute(part, "level"), 1): _level(part) for part in node}

    def _add(self, style: Element) -> None:
        name = attribute(style, "name")
        self._parents[name] = attribute(style, "parent-style-name")
        for part in style:
            if display := attribute(part, "display"):
                self._hidden[name] = display == "none"
            if position := attribute(part, "text-position"):
                self._raised[name] = position.startswith("super") or (position[:1].isdigit() and position[:2] != "0%")

    def hides(self, name: str) -> bool:
        return self._inherited(self._hidden, name)

    def raises(self, name: str) -> bool:
        return self._inherited(self._raised, name)

    def _inherited(self, own: dict[str, bool | None], name: str) -> bool:
        seen: set[str] = set()
        while name and name not in own and name not in seen:
            seen.add(name)
            name = self._parents.get(name, "")
        return bool(own.get(name))

    def start(self, style: str, level: int) -> int:
        found = self._levels.get(style, {}).get(level)
        return found.start if found else 1

    def label(self, style: str, numbers: list[int]) -> str:
        """What stands before an item whose numbers these are, from the outermost list to its own."""
        levels = self._levels.get(style, {})
        own = levels.get(len(numbers))
        if own is None or own.format is None:
            return "•"
        if not own.format:
            return ""
        told = range(max(1, len(numbers) - own.shown + 1), len(numbers) + 1)
        texts = [_formatted(numbers[depth - 1], levels[depth].format) for depth in told if depth in levels]
        return own.before + ".".join(filter(None, texts)) + own.after

    def heading(self, numbers: list[int]) -> str:
        return self.label(_OUTLINE, numbers) if len(numbers) in self._levels.get(_OUTLINE, {}) else ""


def _level(node: Element) -> _Level:
    is_number = local(node.tag) in ("list-level-style-number", "outline-level-style")
    return _Level(
        attribute(node, "num-format") if is_number else None,
        attribute(node, "num-prefix"),
        attribute(node, "num-suffix"),
        _whole(attribute(node, "start-value"), 1),
        _whole(attribute(node, "display-levels"), 1),
    )


def _formatted(number: int, style: str | None) -> str:
    return formatted(number, _FORMATS.get(style, "chineseCounting" if style[0] == "一" else "decimal")) if style else ""


def _whole(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else default


def attribute(node: Element, name: str) -> str:
    """An attribute by its name without the namespace; "" where there is none."""
    return next((value for key, value in node.items() if local(key) == name), "")
