"""Whether a page of a PDF is read from its text or from its image, and which pictures of a page its text leaves out."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

from glyph_demo.documents.garbled import is_garbled

try:
    import pypdfium2
    import pypdfium2.raw as pdfium
except OSError as error:  # ctypes says so where it finds no memory for the library
    raise ImportError(str(error)) from None

Box = tuple[float, float, float, float]  # left, bottom, right, top in points

_CELLS = 32  # the page is looked at as a grid of 32 x 32 cells
_FEW_LETTERS = 200  # a stamp, a header, a number of the page
_MOST = 0.5  # of a page with much text: a larger picture is what the page shows
_SOME = 0.25  # the same for one with few letters
_LAYER = 0.15  # of a picture's cells: a text layer of that picture stands in as many; header and footer stand in fewer
_FIGURE = 0.08  # of the page: a smaller picture is a logo or an icon
_BACKGROUND = 0.9
_OUTLINES = 500  # parts of paths: about 25 letters drawn as outlines
_CURVE = 12  # parts of a path: frames and rules of a table have fewer
_MAX_OBJECTS = 20_000  # a page is judged by its first ones
_MAX_DEPTH = 8
_MAX_CURVES = 2_000
_PROBED = 50  # objects: a page with more shows something
_CONTRAST = 16  # of 255 levels of gray


class Kind(Enum):
    """What a page is read from. A garbled one has a text layer that is no text: it goes to its image without it. A
    blank one shows nothing."""

    TEXT = "text"
    PICTURE = "picture"
    GARBLED = "garbled"
    BLANK = "blank"


class Look(NamedTuple):
    """`figures` counts the pictures and charts that are left out where the page is read from its text."""

    kind: Kind
    figures: int = 0


def look_at(page: pypdfium2.PdfPage, text: str) -> Look:
    """`text` is what was read of the page. A page goes to its image if it has no text and shows something, if its text
    is garbled, or if pictures cover it and its text is not a text layer of these pictures. In doubt it is a picture:
    that takes longer, but loses nothing."""
    if is_garbled(text):
        return Look(Kind.GARBLED)
    letters = sum(map(str.isalnum, text))
    shown = _shown(page)
    if not letters:
        return Look(Kind.PICTURE if shown.pictures or _shows_anything(page, shown) else Kind.BLANK)
    few = letters < _FEW_LETTERS
    grid = _Grid(page)
    cells = grid.cells(shown.pictures)
    share = len(cells) / _CELLS**2
    if share > (_SOME if few else _MOST) and (few or not _has_layer(page, grid, cells)):
        return Look(Kind.PICTURE)
    if few and shown.parts > _OUTLINES:
        return Look(Kind.PICTURE)
    return Look(Kind.TEXT, 0 if share > _MOST else _figures(grid, shown))


class _Shown(NamedTuple):
    """What a page shows beside text: the boxes of its pictures and of its curves, how many `parts` its paths have
    other than short ones, and how many objects it has in all."""

    pictures: list[Box]
    curves: list[Box]
    parts: int
    objects: int


class _Grid:
    """Cells of a page, (column, row) from its lower left corner."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._left, self._bottom, right, top = page.get_bbox()
        self._width = max(right - self._left, 1e-3) / _CELLS
        self._height = max(top - self._bottom, 1e-3) / _CELLS

    def cell(self, left: float, bottom: float, right: float, top: float) -> tuple[int, int]:
        """The one that holds the middle of this box."""
        x, y = (left + right) / 2 - self._left, (bottom + top) / 2 - self._bottom
        return int(x // self._width), int(y // self._height)

    def cells(self, boxes: list[Box]) -> set[tuple[int, int]]:
        """Those whose middle lies in one of `boxes`."""
        found: set[tuple[int, int]] = set()
        for columns, rows in map(self._span, boxes):
            found.update((column, row) for column in columns for row in rows)
            if len(found) == _CELLS**2:
                break
        return found

    def share(self, box: Box) -> float:
        """Of the page."""
        columns, rows = self._span(box)
        return len(columns) * len(rows) / _CELLS**2

    def _span(self, box: Box) -> tuple[range, range]:
        left, bottom, right, top = box
        columns = _middles((left - self._left) / self._width, (right - self._left) / self._width)
        return columns, _middles((bottom - self._bottom) / self._height, (top - self._bottom) / self._height)


def _middles(low: float, high: float) -> range:
    """The cells of a line whose middle lies between two places, given in cells."""
    low, high = (min(max(place, 0.0), float(_CELLS)) for place in (low, high))
    return range(round(low), round(high))


def _shown(page: pypdfium2.PdfPage) -> _Shown:
    pictures: list[Box] = []
    curves: list[Box] = []
    parts = count = 0
    for kind, item, matrix in islice(_objects(page, None, pypdfium2.PdfMatrix(), _MAX_DEPTH), _MAX_OBJECTS):
        count += 1
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            pictures.append(_box(item, matrix))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            length = pdfium.FPDFPath_CountSegments(item)
            parts += length if length > 6 else 0
            if length >= _CURVE and len(curves) < _MAX_CURVES and _is_curve(item):
                curves.append(_box(item, matrix))
    return _Shown(pictures, curves, parts, count)


def _objects(
    page: pypdfium2.PdfPage, form: Any, matrix: pypdfium2.PdfMatrix, depth: int
) -> Iterator[tuple[int, Any, pypdfium2.PdfMatrix]]:
    """Kind, object and matrix to the page of everything that is drawn, also within forms."""
    total = pdfium.FPDFPage_CountObjects(page) if form is None else pdfium.FPDFFormObj_CountObjects(form)
    for number in range(total):
        item = pdfium.FPDFPage_GetObject(page, number) if form is None else pdfium.FPDFFormObj_GetObject(form, number)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_FORM and depth:
            raw = pdfium.FS_MATRIX()
            pdfium.FPDFPageObj_GetMatrix(item, raw)
            inner = pypdfium2.PdfMatrix.from_raw(raw).multiply(matrix)
            yield from _objects(page, item, inner, depth - 1)
        else:
            yield kind, item, matrix


def _box(item: Any, matrix: pypdfium2.PdfMatrix) -> Box:
    """Empty where the file gives none, or none that is finite."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        box: Box = matrix.on_rect(left.value, bottom.value, right.value, top.value)
        if all(map(isfinite, box)):
            return box
    return 0.0, 0.0, 0.0, 0.0


def _is_curve(path: Any) -> bool:
    """Whether the path begins with a line through several points, as a chart's lines do and a table's do not."""
    kinds = [
        pdfium.FPDFPathSegment_GetType(pdfium.FPDFPath_GetPathSegment(path, number)) for number in range(1, _CURVE)
    ]
    return pdfium.FPDF_SEGMENT_MOVETO not in kinds


def _shows_anything(page: pypdfium2.PdfPage, shown: _Shown) -> bool:
    """Drawn small where that is quick: white paths and paths beside the page show nothing."""
    if shown.objects > _PROBED:
        return True
    bitmap = page.render(scale=min(1, 1000 / max(*page.get_size(), 1)), grayscale=True)
    rows = memoryview(bitmap.buffer).cast("B")
    lines = [bytes(rows[top : top + bitmap.width]) for top in range(0, bitmap.height * bitmap.stride, bitmap.stride)]
    bitmap.close()
    return max(map(max, lines)) - min(map(min, lines)) > _CONTRAST


def _has_layer(page: pypdfium2.PdfPage, grid: _Grid, cells: set[tuple[int, int]]) -> bool:
    """Whether the letters that stand over pictures are many, and stand in many places of them."""
    text_page = page.get_textpage()
    letters, places = 0, set()
    for number in range(text_page.count_chars()):
        if chr(min(pdfium.FPDFText_GetUnicode(text_page, number), 0x10FFFF)).isalnum():
            box = text_page.get_charbox(number)
            cell = grid.cell(*box) if all(map(isfinite, box)) else None
            if cell in cells:
                letters += 1
                places.add(cell)
    text_page.close()
    return letters >= _FEW_LETTERS and len(places) >= _LAYER * len(cells)


def _figures(grid: _Grid, shown: _Shown) -> int:
    """Pictures that are large enough to matter and no background of the whole page; one for tiles that are small each,
    and one for curves."""
    shares = [share for share in map(grid.share, shown.pictures) if share < _BACKGROUND]
    large = sum(share >= _FIGURE for share in shares)
    tiles = not large and len(grid.cells(shown.pictures)) >= _FIGURE * _CELLS**2 and bool(shares)
    curves = [box for box in shown.curves if grid.share(box) < _BACKGROUND]
    drawn = len(grid.cells(curves)) >= _FIGURE * _CELLS**2
    return large + tiles + drawn
