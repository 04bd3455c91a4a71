"""Lines of a PDF page to paragraphs, by their position and width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median

_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]")
NO_SPACE = re.compile("[\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")  # written without spaces
LIST_ITEM = re.compile(r"[•‣◦⁃∙●○■□▪–—*·-] |\(?[0-9a-zA-Z]{1,3}[.)] |[（(]?[一二三四五六七八九十0-9]+[)）、]")
_FIRST_WORD = re.compile(r"\S{1,40}")
NUMBER = re.compile(r"[-+−(]?[$€£¥]?\d[\d.,]*%?\)?")
_TIGHT = re.compile(r"\w[-\u2010/]\n\w|\w–\n\d")  # over a line end within a code, a range, a date
_HYPHENS = ("-", "\u00ad", "\u2010", "\u0002", "\ufffe")
_LEADER = re.compile(r"(?:[.…·_] ?){5}[ .…·]*[0-9ivxlc]{1,6}$")  # with the number of a page: of a table of contents
BAR = " | "
_DOUBLE_SPACED = 2.5  # font sizes between baselines; lines further apart are no paragraph


@dataclass(slots=True)
class Line:
    """A line of a page. `x` is where it begins, behind the mark of a list item, and `y` its baseline, in points,
    upwards; `size` is the font size in points. `rows` is how many lines of the page it is made of."""

    text: str
    x: float
    y: float
    size: float
    rows: int = 1

    @property
    def width(self) -> int:
        """In half-width characters."""
        return _width(self.text)


def reflow(lines: Sequence[Line], words: frozenset[str]) -> str:
    """Paragraphs, one a line. Two lines are joined when the break between them was forced: the next line's first word
    would not have fitted in nine tenths of the widest line of that column (lines of the same size and left edge), the
    next line is no list item, no row of a table, of the same size and, where it is below, not indented and not
    more than 1.3 usual line distances away (the page's median). They are joined by a space, by nothing beside Chinese
    or Japanese, or after a hyphen, dash or slash in a word; a hyphen goes when it is a soft one or when `words` has the
    whole word. No other character is lost."""
    columns = _column_widths(lines)
    distance = _line_distance(lines)
    pieces: list[str] = []
    for number, line in enumerate(lines):
        text = line.text.strip()
        following = lines[number + 1] if number + 1 < len(lines) else None
        if following is None:
            pieces.append(text)
        elif _was_wrapped(line, following, columns[number], distance):
            pieces.append(joint(text, following.text.strip(), words))
        else:
            pieces.append(text + "\n")
    return "".join(pieces)


def words_of(pages: Iterable[Sequence[Line]]) -> frozenset[str]:
    """Words of the whole document that no line end cuts, in lower case: what a hyphenated word may be."""
    return frozenset(
        word.lower() for page in pages for line in page for word in re.findall(r"[^\W\d_]{4,40}", line.text)
    )


def _width(text: str) -> int:
    return len(text) + len(_WIDE.findall(text))


def _same_column(line: Line, other: Line) -> bool:
    return abs(line.x - other.x) <= 2.5 * line.size and abs(line.size - other.size) < 0.5


def _column_widths(lines: Sequence[Line]) -> list[int]:
    """For each line that of the widest line of its column: of the block of lines around it, or, if these are under
    four, of the page."""
    own = [line.width // line.rows for line in lines]
    widths: list[int] = []
    starts = [number for number in range(len(lines)) if not number or not _in_block(lines[number - 1], lines[number])]
    for start, end in pairwise([*starts, len(lines)]):
        if end - start >= 4:
            widths += [max(own[start:end])] * (end - start)
        else:
            for line in lines[start:end]:
                column = (width for width, other in zip(own, lines, strict=True) if _same_column(line, other))
                widths.append(max(column, default=0))
    return widths


def _in_block(line: Line, following: Line) -> bool:
    return _same_column(line, following) and 0 < line.y - following.y < _DOUBLE_SPACED * line.size


def _line_distance(lines: Sequence[Line]) -> float:
    """Median distance in points between baselines of neighbouring lines of one size; infinite without any."""
    pairs = [(line, after) for line, after in pairwise(lines) if abs(line.size - after.size) < 0.5]
    return median([line.y - after.y for line, after in pairs if line.y > after.y] or [inf])


def _was_wrapped(line: Line, following: Line, column: int, distance: float) -> bool:
    text, after = line.text.strip(), following.text.strip()
    if (
        BAR in text
        or BAR in after
        or _LEADER.search(text)
        or (_is_row(text) and _is_row(after))
        or LIST_ITEM.match(after)
        or abs(line.size - following.size) >= 0.5
    ):
        return False
    below = line.y - following.y
    if below > min(1.3 * distance, _DOUBLE_SPACED * line.size) or (
        below > 0 and following.x > line.x + 0.5 * line.size
    ):
        return False
    word = _FIRST_WORD.match(after)
    first = 2 if NO_SPACE.match(after) else 1 + _width(word.group() if word else "")
    return column >= 20 and line.width + first > 0.9 * column


def _is_row(text: str) -> bool:
    """Of a table without gaps between its cells: mostly numbers."""
    words = text.split()
    return len(words) >= 3 and 2 * sum(bool(NUMBER.fullmatch(word)) for word in words) >= len(words)


def joint(text: str, after: str, words: frozenset[str]) -> str:
    """`text` with what joins it to `after` on one line."""
    if text.endswith(_HYPHENS) and len(text) > 1 and text[-2].isalpha() and after[:1].islower():
        head, tail = re.findall(r"[^\W\d_]+$", text[:-1]), re.match(r"[^\W\d_]+", after)
        known = bool(head and tail and (head[0] + tail.group()).lower() in words)
        return text[:-1] if known or text[-1] not in "-\u2010" else text
    if _TIGHT.fullmatch(text[-2:] + "\n" + after[:1]):
        return text
    return text if NO_SPACE.match(text[-1:]) or NO_SPACE.match(after) else text + " "
