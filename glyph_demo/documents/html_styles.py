"""What the style sheets of a page hide."""

from __future__ import annotations

import re

_NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_SHOWN = re.compile(r"(?:display|visibility)\s*:", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AT_BLOCK = re.compile(r"@[^@{};]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_SELECTOR = re.compile(r"(?:[\w-]+|\*)?(?:[.#][\w-]+)*")
_NAME = re.compile(r"[.#]?[\w-]+")
_MAX_RULES = 10_000


def hides(declarations: str) -> bool | None:
    """Whether they hide an element; None where they do not say."""
    if _NOT_SHOWN.search(declarations):
        return True
    return False if _SHOWN.search(declarations) else None


class Rules:
    """Rules for tags, classes and ids, also several at once, such as "p.old". Rules for an element inside another are
    not followed, and those within "@media" and the like are for other devices."""

    def __init__(self) -> None:
        # By the last name of the selector: all its names, how much it counts, and whether it hides.
        self._rules: dict[str, list[tuple[frozenset[str], tuple[int, int], bool]]] = {}
        self._count = 0

    def read(self, sheet: str) -> None:
        end = sheet.rfind("*/") + 2  # a comment that does not end is none
        sheet = _AT_BLOCK.sub("", _COMMENT.sub("", sheet[:end]) + sheet[end:])
        for rule in sheet.split("}"):
            selectors, _, declarations = rule.rpartition("{")
            hidden = hides(declarations)
            for selector in selectors.split(",") if hidden is not None else ():
                names = _NAME.findall(selector) if _SELECTOR.fullmatch(selector.strip()) else []
                if names and self._count < _MAX_RULES:
                    self._count += 1
                    rule_names = frozenset(names)
                    weight = _weight(rule_names), self._count
                    self._rules.setdefault(names[-1], []).append((rule_names, weight, bool(hidden)))

    def hide(self, tag: str, attributes: dict[str, str]) -> bool:
        """Of the rules that apply the most specific one decides, of several such the last (CSS 2.2, 6.4.3)."""
        if not self._rules:
            return False
        names = {tag, f"#{attributes.get('id')}", *(f".{name}" for name in attributes.get("class", "").split())}
        found = (rule for name in names & self._rules.keys() for rule in self._rules[name] if rule[0] <= names)
        return max(found, key=lambda rule: rule[1], default=(names, (0, 0), False))[2]


def _weight(names: frozenset[str]) -> int:
    return sum(10_000 if name[0] == "#" else 100 if name[0] == "." else 1 for name in names)
