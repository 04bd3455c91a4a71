"""Text to rows and pages, with the line breaks of the engine that made the model's training pages (reportlab's
platypus paragraphs in batches of 30 source lines). Knows advances and points, no pixels.

The text is taken in windows, so that a line of ten million characters costs no more memory than a short one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyph_demo.rendering.breaking import CjkBreaker, Window, WordBreaker
from glyph_demo.rendering.characters import DROPPED, INK, NEWLINE, OTHER_SPACE, SPACE, character_classes, codepoints
from glyph_demo.rendering.fonts import UNITS
from glyph_demo.rendering.style import Style

BATCH = 30  # source lines the original hands to its paragraph engine at a time
WINDOW = 1 << 16  # characters of text laid out at once
_MARKUP = re.compile("[&<>]| [\xad\u200b]* ")  # what the original writes as entities


@dataclass(frozen=True, slots=True)
class PageRows:
    """One page laid out. For each of its n glyphs in text order: `codepoint`, `source` (offset in the text), `x` and
    `right` (pen positions in points from the left edge of the text), `row`, and `mark` (part of a newline mark).
    `starts` holds the text offset where each row begins and, last, where the page ends. `lead` empty rows
    are above the first."""

    codepoint: NDArray[np.uint32]
    source: NDArray[np.int64]
    x: NDArray[np.float64]
    right: NDArray[np.float64]
    row: NDArray[np.int64]
    mark: NDArray[np.bool_]
    starts: NDArray[np.int64]
    lead: int


def lay_out(text: str, style: Style, advance: NDArray[np.int32], cjk: bool) -> Iterator[PageRows]:
    """Pages of `text`, as soon as each is full. An empty text gives no page."""
    parts: list[tuple[Window, int, int]] = []
    start, lead, used = 0, 0, 0  # of the page: text offset, empty rows above, rows used
    for window in _windows(text, style, advance, cjk):
        taken = 0
        for row in range(len(window.squeeze)):
            # a batch that has room for one row only moves to the next page, unless it is one row
            if used == style.rows or (used == style.rows - 1 and used and window.splits[row]):
                parts.append((window, taken, row))
                end = int(window.source[window.first[row]])
                yield _page(parts, style, start, end, lead)
                parts, taken, start = [], row, end
                # the original carries a line break over to the next page: an empty row at its top
                lead = used = int(window.breaks[row] and not cjk and style.rows > 1)
            used += 1
        parts.append((window, taken, len(window.squeeze)))
    if text:
        yield _page(parts, style, start, len(text), lead)


def _page(parts: list[tuple[Window, int, int]], style: Style, start: int, end: int, lead: int) -> PageRows:
    parts = [part for part in parts if part[1] < part[2]]
    points = style.font_size / UNITS
    columns: list[list[NDArray[Any]]] = []
    row = 0
    for window, begin, stop in parts:
        first = np.array(window.first[begin : stop + 1], np.int64)
        glyphs = slice(int(first[0]), int(first[-1]))
        counts = np.diff(first)
        pen = window.pen[first[0] : first[-1] + 1] * np.float64(points)
        x = pen[:-1] - np.repeat(pen[first[:-1] - first[0]], counts)
        squeeze = np.array(window.squeeze[begin:stop])
        if squeeze.any():
            spaces = np.concatenate(([0], np.cumsum(window.codepoint[glyphs] == ord(" "))))
            before = spaces[:-1] - np.repeat(spaces[first[:-1] - first[0]], counts)
            x = x - before * np.repeat(squeeze, counts)
        columns.append(
            [
                window.codepoint[glyphs],
                window.source[glyphs],
                x,
                x + np.diff(pen),
                np.repeat(np.arange(row, row + stop - begin), counts),
                window.mark[glyphs],
                window.source[first[:-1]],
            ]
        )
        row += stop - begin
    if not columns:  # only characters that leave no row, such as one space: an empty row holds them
        nothing = np.zeros(0)
        columns.append([nothing.astype(t) for t in ("u4", "i8", "f8", "f8", "i8", "?")] + [np.array([start])])
    codepoint, source, x, right, rows, mark, starts = (np.concatenate(c) for c in zip(*columns, strict=True))
    starts = np.append(starts, end)
    starts[0] = start
    return PageRows(codepoint, source, x, right, rows, mark, starts, lead)


def _windows(text: str, style: Style, advance: NDArray[np.int32], cjk: bool) -> Iterator[Window]:
    plain = _plain_from(text)
    start, lines, inside = 0, 0, False  # lines of the batch before `start`; whether `start` is amid a source line
    while start < len(text):
        end = min(start + WINDOW, len(text))
        newlines = np.flatnonzero(codepoints(text[start:end]) == ord("\n"))
        last, partial = end == len(text), False
        if not last:  # end with a batch, else with a source line, else amid one
            to_batch_end = len(newlines) - (lines + len(newlines)) % BATCH
            if to_batch_end > 0:
                end = start + int(newlines[to_batch_end - 1]) + 1
            elif len(newlines) and style.newline == "break":
                end = start + int(newlines[-1]) + 1
            else:
                partial = True
        window = _prepare(text[start:end], start, lines, style, advance, cjk)
        breaker = CjkBreaker(window, style, plain) if cjk else WordBreaker(window, style, int(advance[ord(" ")]))
        _break_rows(window, breaker, lines, inside, last, style.newline == "mark")
        if partial:
            end = _take_back(window, end)
        yield window
        inside = partial
        lines = (lines + text.count("\n", start, end)) % BATCH
        start = end


def _plain_from(text: str) -> int:
    """Where the one source line begins that the original takes for plain text, whose rows it strips: the last, if it
    is a batch of its own and needs no markup. The end of the text where there is none."""
    begin = text.rfind("\n") + 1
    return begin if text.count("\n") % BATCH == 0 and not _MARKUP.search(text, begin) else len(text)


def _take_back(window: Window, end: int) -> int:
    """Remove the last rows of a window that ends inside a source line: they may still change. Returns its new end."""
    keep = len(window.squeeze) - 2
    while keep > 0 and window.mark[window.first[keep]]:  # a newline mark has four glyphs at one offset
        keep -= 1
    if keep <= 0:  # the window has almost no visible character
        return end
    end = int(window.source[window.first[keep]])
    del window.squeeze[keep:], window.splits[keep:], window.breaks[keep:], window.first[keep + 1 :]
    return end


def _prepare(part: str, start: int, lines: int, style: Style, advance: NDArray[np.int32], cjk: bool) -> Window:
    """The glyphs of `part`: nothing for dropped characters, unbreakable spaces for runs of U+0020, one space for
    runs of other white space, a newline mark for newlines within a batch where the style wants it."""
    codepoint = codepoints(part)
    kind = character_classes()[codepoint]
    source = np.flatnonzero(kind != DROPPED)

    space = kind[source] == SPACE
    run = space[1:] & space[:-1]
    hard = np.zeros(len(source), bool)
    hard[1:] |= run
    hard[:-1] |= run
    kind[source[hard]] = INK
    kind[kind == OTHER_SPACE] = SPACE

    mark = np.zeros(len(source), bool)
    if style.newline == "mark":
        newline = kind[source] == NEWLINE
        within = newline & ((lines + np.cumsum(newline)) % BATCH != 0)
        repeats = np.where(within, 4, 1)
        source, mark = np.repeat(source, repeats), np.repeat(within, repeats)
    codepoint, kind = codepoint[source], kind[source]
    codepoint[(kind == SPACE) | (codepoint == 0xA0)] = ord(" ")
    if mark.any():
        at = np.flatnonzero(mark).reshape(-1, 4)
        codepoint[at] = [ord(" "), ord("\\"), ord("n"), ord(" ")]
        kind[at] = [INK if cjk else SPACE, INK, INK, INK if cjk else SPACE]

    space = kind == SPACE
    keep = np.ones(len(kind), bool)
    keep[1:] = ~(space[1:] & space[:-1])
    codepoint, kind, source, mark = codepoint[keep], kind[keep], source[keep], mark[keep]
    pen = np.concatenate(([0], np.cumsum(advance[codepoint], dtype=np.int64)))
    return Window(codepoint, np.append(source, len(part)) + start, kind, mark, pen)


def _break_rows(
    window: Window, breaker: WordBreaker | CjkBreaker, lines: int, inside: bool, last: bool, marks: bool
) -> None:
    """Fill in the rows. `lines` and `inside` say where in its batch the window begins, `last` that the text ends
    with it, `marks` that newlines within a batch have become marks."""
    total = len(window.kind)
    ends = np.flatnonzero(window.kind == NEWLINE).tolist()
    if last or not ends or ends[-1] != total - 1:
        ends.append(total)
    begin, batch_row = 0, -1
    for end in ends:
        row = len(window.first)
        opens, amid = lines == 0 and not inside, lines > 0 and not inside
        if opens:
            batch_row = row
        lines, inside = BATCH if marks and end < total else lines + 1, False
        closes = lines == BATCH or (last and end == total)
        if not breaker.add_rows(begin, end, opens, closes) and not closes and end < total:
            window.add(begin, 0.0)  # an empty line; one that ends a batch leaves no row
        if amid and row < len(window.first):
            window.breaks[row] = True
        if 0 <= batch_row < len(window.first) - 1:
            window.splits[batch_row] = True
        lines %= BATCH
        begin = end + 1
    window.first.append(total)
