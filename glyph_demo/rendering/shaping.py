"""Right-to-left runs: put in visual order and joined by Raqm (FriBiDi, HarfBuzz) where Pillow has it. Without it their
characters are drawn unjoined from left to right, as on the original pages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from operator import add

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from glyph_demo.rendering.atlas import Atlas
from glyph_demo.rendering.characters import RTL, right_to_left
from glyph_demo.rendering.fonts import MISSING
from glyph_demo.rendering.layout import PageRows

_NEUTRAL = "\\s!-@\\[-`{-~\xa0-\xbf\u2010-\u2027"  # spaces, digits and punctuation: taken along between two of RTL
_SPACE = " "  # letters do not join across it
_ZOOM = 4  # runs are drawn this many times larger, then reduced
_KEPT = 2048  # words
_LARGEST_KEPT = 16 << 10  # bytes of a word that is kept, about: with _KEPT, all of them stay within 32 MB
_OTHERS = re.compile("[^\u200c\u200d]")  # what is neither a non-joiner nor a joiner
_RUN = re.compile(f"[{RTL}](?:[{RTL}{_NEUTRAL}]*[{RTL}])?")


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs `first` to `last` of a page, all on `row`, that are drawn as one picture."""

    first: int
    last: int
    row: int
    text: str
    font: str


@cache
def _available() -> bool:
    return bool(features.check("raqm"))


def runs(rows: PageRows, text: str, atlas: Atlas) -> list[Run]:
    """The right-to-left runs of a page of `text` whose characters one font has; none where Raqm is missing."""
    codes = rows.codepoint
    if not _available():
        return []
    rtl = right_to_left(codes)
    drawn = codes.astype("<u4").tobytes().decode("utf-32-le", "replace")
    found = []
    for first, last in _within_rows(drawn, rows.row):
        faces = set(atlas.chain.face[codes[first:last][rtl[first:last]]].tolist())
        if len(faces) == 1 and MISSING not in faces:
            run = _with_joiners(drawn[first:last], rows.source[first:last].tolist(), text)
            found.append(Run(first, last, int(rows.row[first]), run, atlas.chain.fonts[faces.pop() - 1].path))
    return found


def _with_joiners(drawn: str, source: list[int], text: str) -> str:
    """The characters of a run with the joiners between them, which have no glyph but change how letters join."""
    if len(drawn) == source[-1] + 1 - source[0]:
        return drawn
    between = [_OTHERS.sub("", text[at + 1 : after]) for at, after in pairwise(source)]
    return "".join(map(add, drawn, [*between, ""]))


def _within_rows(text: str, row: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    ends = np.flatnonzero(np.diff(row)) + 1
    begin = 0
    for end in [*ends.tolist(), len(text)]:
        for match in _RUN.finditer(text, begin, end):
            yield match.span()
        begin = end


@dataclass(frozen=True, slots=True)
class _Word:
    """`picture` (height, w) is coverage, _ZOOM columns a pixel, and begins `aside` pixels left of the pen; `width` is
    in pixels."""

    picture: NDArray[np.uint8]
    width: float


@cache
def _font(path: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=_KEPT)
def _word(text: str, path: str, pixel_size: float, above: int, height: int, aside: int) -> _Word:
    font = _font(path, pixel_size * _ZOOM)
    width = font.getlength(text, direction="rtl") / _ZOOM
    canvas = Image.new("L", ((math.ceil(width) + 2 * aside) * _ZOOM, height * _ZOOM))
    ImageDraw.Draw(canvas).text((aside * _ZOOM, above * _ZOOM), text, 255, font, anchor="ls", direction="rtl")
    return _Word(np.asarray(canvas.reduce((1, _ZOOM))), width)


def draw_run(run: Run, left: float, atlas: Atlas) -> tuple[NDArray[np.uint8], int, float]:
    """Coverage (atlas.height, w) of a run from `left` (in pixels) on, the pixel column where the picture begins, and
    where the run ends. Words are drawn once and placed from right to left."""
    geometry = atlas.pixel_size, atlas.above, atlas.height, atlas.aside
    longest = _LARGEST_KEPT / (_ZOOM * atlas.pixel_size * atlas.height)  # characters: few are wider than the size
    words = [
        (_word if len(word) <= longest else _word.__wrapped__)(word, run.font, *geometry)
        for word in run.text.split(_SPACE)
    ]
    space = _word(_SPACE, run.font, *geometry).width
    pen = end = left + sum(word.width for word in words) + space * (len(words) - 1)
    begin = math.floor(left) - atlas.aside
    columns = math.ceil(end) - begin + 2 * atlas.aside
    coverage = np.zeros((atlas.height, columns * _ZOOM), np.uint8)
    for word in words:
        pen -= word.width
        at = round((pen - begin - atlas.aside) * _ZOOM)
        area = coverage[:, at : at + word.picture.shape[1]]
        np.maximum(area, word.picture, out=area)
        pen -= space
    fine = coverage.reshape(atlas.height, columns, _ZOOM).sum(axis=2, dtype=np.uint16)
    return ((fine + _ZOOM // 2) // _ZOOM).astype(np.uint8), begin, end
