"""Where rows break: at spaces, or anywhere in a text with CJK ideographs, as the original engine does it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from glyph_demo.rendering.characters import INK, SPACE
from glyph_demo.rendering.fonts import UNITS
from glyph_demo.rendering.style import Style

MAX_ROW = 2048  # characters; only marks without advance come near it
SHRINK = 0.05  # part of a space's width by which spaces may shrink before a word moves down (reportlab's default)
FUZZ = 1e-6  # points by which a CJK row may overrun (reportlab's _FUZZ)

# Characters that may not start a row in CJK text and hang past the margin instead (reportlab's rule).
NO_START = frozenset(
    "!',.:;?!\")]、。」』】〕］】）々―ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮーヵヶ゛゜・ヽヾゝゞ―‐°′″℃￠％‰"
)


@dataclass(slots=True)
class Window:
    """Glyphs of a stretch of text and the rows they fall into. `pen` (n+1,) is in 1/UNITS em; `source` (n+1,) ends
    with the offset of the stretch's end. Row r takes the glyphs first[r] to first[r+1]; `squeeze` is what each of its
    spaces gives up, in points; `splits` is true for the first row of a batch of more than one row, `breaks` for the
    first row of a source line amid a batch."""

    codepoint: NDArray[np.uint32]
    source: NDArray[np.int64]
    kind: NDArray[np.uint8]
    mark: NDArray[np.bool_]
    pen: NDArray[np.int64]
    first: list[int] = field(default_factory=list)
    squeeze: list[float] = field(default_factory=list)
    splits: list[bool] = field(default_factory=list)
    breaks: list[bool] = field(default_factory=list)

    def add(self, first: int, squeeze: float) -> None:
        self.first.append(first)
        self.squeeze.append(squeeze)
        self.splits.append(False)
        self.breaks.append(False)


class WordBreaker:
    """Rows of whole words. Only a word longer than a row is cut, on the row where it begins."""

    def __init__(self, window: Window, style: Style, space: int) -> None:
        ink = np.concatenate(([False], window.kind == INK, [False]))
        starts = np.flatnonzero(ink[1:-1] & ~ink[:-2])
        ends = np.flatnonzero(ink[1:-1] & ~ink[2:]) + 1
        self.window = window
        self.points = style.font_size / UNITS
        self.limit = style.text_width / self.points
        self.shrink = SHRINK * space
        self.pen: list[int] = window.pen.tolist()
        self.starts: list[int] = starts.tolist()
        self.ends: list[int] = ends.tolist()
        # a row from word i to word j fits when reach[j] <= pen[start of i] - shrink * i + limit
        self.reach: list[float] = (window.pen[ends] - self.shrink * np.arange(len(ends))).tolist()

    def add_rows(self, begin: int, end: int, opens: bool, closes: bool) -> bool:
        pen, limit, starts, ends = self.pen, self.limit, self.starts, self.ends
        word, stop = bisect_left(starts, begin), bisect_left(starts, end)
        if word == stop:
            return False
        at = starts[word]
        while True:
            over = bisect_right(self.reach, pen[at] - self.shrink * word + limit, word, stop)
            if over > word and ends[over - 1] - at > MAX_ROW:
                self.window.add(at, 0.0)
                word = bisect_right(ends, at + MAX_ROW)
                at = max(at + MAX_ROW, starts[word])
                continue
            if over == stop:
                self._add(at, word, over)
                return True
            if over == word or pen[ends[over]] - pen[starts[over]] > limit:
                cut = bisect_right(pen, pen[at] + limit, at, ends[over] + 1) - 1
                if over == word or cut > starts[over]:
                    self.window.add(at, 0.0)
                    at, word = min(max(cut, at + 1), at + MAX_ROW), over
                    continue
            self._add(at, word, over)
            at, word = starts[over], over

    def _add(self, at: int, word: int, over: int) -> None:
        end = self.ends[over - 1]
        excess = self.pen[end] - self.pen[at] - self.limit
        if excess > 0:
            hard = int(
                np.count_nonzero((self.window.codepoint[at:end] == ord(" ")) & (self.window.kind[at:end] == INK))
            )
            excess /= max(over - word - 1 + hard, 1)
        self.window.add(at, max(excess, 0.0) * self.points)


class CjkBreaker:
    """Rows broken anywhere but before NO_START. Where a character below U+3000 does not fit, the break goes back, at
    most half a row, to a space or to a character from U+3000 on. Rows from text offset `plain` on lose their leading
    spaces."""

    def __init__(self, window: Window, style: Style, plain: int) -> None:
        self.window = window
        self.plain = int(np.searchsorted(window.source, plain))
        self.points = style.font_size / UNITS
        self.limit = (style.text_width + FUZZ) / self.points
        hard = (window.codepoint == ord(" ")) & (window.kind == INK) & ~window.mark
        self.hard: list[int] = np.concatenate(([0], np.cumsum(hard))).tolist()
        self.pen: list[int] = window.pen.tolist()
        self.codes: list[int] = window.codepoint.tolist()

    def add_rows(self, begin: int, end: int, opens: bool, closes: bool) -> bool:
        pen, kind = self.pen, self.window.kind
        if opens and begin < end and kind[begin] == SPACE:
            begin += 1
        if closes and begin < end and kind[end - 1] == SPACE:
            end -= 1
        at = begin
        while at < end:
            over = bisect_right(pen, pen[at] + self.limit, at + 1, end + 1)
            if over > end and end - at <= MAX_ROW:
                self.window.add(at, 0.0)
                break
            next_row = self._break(at, over) if over - at <= MAX_ROW else at + MAX_ROW
            excess = pen[next_row] - pen[at] - self.limit
            if at >= self.plain:
                while at < next_row - 1 and self.codes[at] == ord(" "):
                    at += 1
            # where a character hangs, the original squeezes all spaces by what each unbreakable one would give up
            hard = self.hard[next_row] - self.hard[at]
            self.window.add(at, excess / hard * self.points if hard and excess > 0 else 0.0)
            at = next_row
            if at == end and not closes:  # the last character hangs: the original leaves an empty row behind
                self.window.add(at, 0.0)
        return begin < end

    def _break(self, at: int, over: int) -> int:
        """Where the next row begins when the glyph before `over` does not fit on the row from `at`."""
        codes = self.codes
        code = codes[over - 1]
        if code < 0x3000:
            for i in range(over - 2, (at + over) >> 1, -1):
                if codes[i] == ord(" ") or codes[i] >= 0x3000:
                    code, over = codes[i + 1], i + 2
                    break
        return over if chr(code) in NO_START or over <= at + 1 else over - 1
