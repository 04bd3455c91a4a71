"""Finds the lines that a file has at the head or the foot of its pages, by the numbers of its pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MIN_PAGES = 3  # whose numbers follow each other; fewer may be a coincidence
MAX_STEP = 3  # between two numbers: heads of left pages alone, and a page without one
MIN_LINES = 12  # between two numbers; fewer are a list or the cells of a table

# "7", "- 7 -", "Page 7 of 12", "第7页", and a title beside the number; a shorter one may be the label of a row.
_NUMBERED = re.compile(
    r"(?:[-–—] ?)?(?:page |p\. ?|第 ?)?(?P<alone>\d{1,4})(?: ?页)?"
    r"(?:(?: (?:of|/|\|) |/|[,，]? ?共 ?)\d{1,4}(?: ?页)?)?(?: ?[-–—])?"
    r"|(?P<left>\d{1,4}) \| [^|]{8,}|[^|]{8,} \| (?P<right>\d{1,4})",
    re.I,
)


class _Numbered(NamedTuple):
    """A numbered line, and how many there are up to it whose numbers grow as those of pages do."""

    line: int
    length: int
    before: _Numbered | None


def page_heads(lines: Sequence[str]) -> set[int]:
    """Indices of the lines with the number of a page, and of those that stand beside such lines again and again.
    `lines` are a document's, in reading order."""
    numbered = _numbered(lines)
    beside = [i for line in numbered for i in (line - 1, line + 1) if 0 <= i < len(lines) and i not in numbered]
    often = Counter(lines[i] for i in beside)
    return numbered | {i for i in beside if often[lines[i]] >= MIN_PAGES and "|" not in lines[i]}


def _numbered(lines: Sequence[str]) -> set[int]:
    """Indices of the most lines whose numbers grow as those of pages do; none if they are fewer than MIN_PAGES."""
    ends: dict[int, _Numbered] = {}  # by the number
    longest: _Numbered | None = None
    for i, line in enumerate(lines):
        match = _NUMBERED.fullmatch(line)
        if match is None:
            continue
        number = int(next(group for group in match.groups() if group))
        earlier = [ends[n] for n in range(number - MAX_STEP, number) if n in ends and i - ends[n].line >= MIN_LINES]
        before = max(earlier, key=lambda one: one.length, default=None)
        this = _Numbered(i, 1 + (before.length if before else 0), before)
        if number not in ends or this.length >= ends[number].length:
            ends[number] = this
        if longest is None or this.length >= longest.length:
            longest = this
    found: set[int] = set()
    step = longest if longest and longest.length >= MIN_PAGES else None
    while step:
        found.add(step.line)
        step = step.before
    return found
