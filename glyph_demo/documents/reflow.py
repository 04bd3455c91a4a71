"""Lines of a PDF page to paragraphs, by their position and width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median

_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]")
_NO_SPACE = re.compile("[\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")  # written without spaces
_LIST_ITEM = re.compile(r"[•‣◦⁃∙●○■□▪–—*·-] |\(?[0-9a-zA-Z]{1,3}[.)] |[（(]?[一二三四五六七八九十0-9]+[)）、]")
_FIRST_WORD = re.compile(r"\S{1,40}")
_HYPHENS = ("-", "\u00ad", "\u2010", "\u0002", "\ufffe")
_BAR = " | "


@dataclass(slots=True)
class Line:
    """A line of a page. `x` and `y` are where its last piece begins, in points, y upwards; `size` is in points."""

    text: str
    x: float
    y: float
    size: float

    @property
    def width(self) -> int:
        """In half-width characters."""
        return _width(self.text)


def join_pieces(pieces: Iterable[tuple[str, float, float, float]]) -> list[Line]:
    """Lines from pieces of text (text, x, y, size) in reading order. A piece ends its line with "\\n", but a piece
    further right on the same baseline belongs to the line: it is a table cell (joined by " | ") if it begins more
    than half an em after the estimated end of the piece before, at half an em a character, and that piece is no mark
    of a list item."""
    lines: list[Line] = []
    ended, cell = True, ""
    for text, x, y, size in pieces:
        if not text.strip():
            ended = ended or "\n" in text
            continue
        last = lines[-1] if lines else None
        if last and not ended:
            last.text += text.rstrip("\n")
            cell += text
        elif last and abs(y - last.y) < 0.3 * size and x > last.x:
            gap = x - last.x - 0.5 * last.size * _width(cell.strip())
            is_mark = len(last.text.strip()) <= 3
            last.text = last.text.rstrip() + (_BAR if gap > 0.5 * size and not is_mark else " ") + text.strip()
            last.x, last.size, cell = x, size, text
        else:
            lines.append(Line(text.strip("\n"), x, y, size))
            cell = text
        ended = text.endswith("\n")
    return [part for line in lines for part in _split(line)]


def reflow(lines: Sequence[Line], words: frozenset[str]) -> str:
    """Paragraphs, one a line. Two lines are joined when the break between them was forced: the next line's first word
    would not have fitted in nine tenths of the widest line of that column (lines of the same size and left edge), the
    next line is no list item, no row of a table, of the same size and, where it is below, not indented and not
    more than 1.3 usual line distances away (the page's median). They are joined by a space, by nothing beside Chinese
    or Japanese, and by nothing after a hyphen; the hyphen goes when it is a soft one or when `words` has the whole
    word. No other character is lost."""
    columns = [max(other.width for other in lines if _same_column(line, other)) for line in lines]
    distance = _line_distance(lines)
    pieces: list[str] = []
    for number, line in enumerate(lines):
        text = line.text.strip()
        following = lines[number + 1] if number + 1 < len(lines) else None
        if following is None:
            pieces.append(text)
        elif _was_wrapped(line, following, columns[number], distance):
            pieces.append(_joint(text, following.text.strip(), words))
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


def _split(line: Line) -> list[Line]:
    return [Line(text, line.x, line.y, line.size) for text in line.text.split("\n") if text.strip()]


def _same_column(line: Line, other: Line) -> bool:
    return abs(line.x - other.x) <= 2.5 * line.size and abs(line.size - other.size) < 0.5


def _line_distance(lines: Sequence[Line]) -> float:
    """Median distance in points between baselines of neighbouring lines of one size; infinite without any."""
    pairs = [(line, after) for line, after in pairwise(lines) if abs(line.size - after.size) < 0.5]
    return median([line.y - after.y for line, after in pairs if line.y > after.y] or [inf])


def _was_wrapped(line: Line, following: Line, column: int, distance: float) -> bool:
    text, after = line.text.strip(), following.text.strip()
    if _BAR in text or _BAR in after or _LIST_ITEM.match(after) or abs(line.size - following.size) >= 0.5:
        return False
    below = line.y - following.y
    if below > 1.3 * distance or (below > 0 and following.x > line.x + 0.5 * line.size):
        return False
    word = _FIRST_WORD.match(after)
    first = 2 if _NO_SPACE.match(after) else 1 + _width(word.group() if word else "")
    return column >= 20 and line.width + first > 0.9 * column


def _joint(text: str, after: str, words: frozenset[str]) -> str:
    """`text` with what joins it to `after` on one line."""
    if text.endswith(_HYPHENS) and len(text) > 1 and text[-2].isalpha() and after[:1].islower():
        head, tail = re.findall(r"[^\W\d_]+$", text[:-1]), re.match(r"[^\W\d_]+", after)
        known = bool(head and tail and (head[0] + tail.group()).lower() in words)
        return text[:-1] if known or text[-1] not in "-\u2010" else text
    return text if _NO_SPACE.match(text[-1:]) or _NO_SPACE.match(after) else text + " "
