"""Which characters of a PDF page people see: those on it, in ink that stands out, not on layers that are off."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from glyph_demo.documents.pdf_characters import Character, Piece
from glyph_demo.documents.pdf_mended import OFF
from glyph_demo.documents.pdfium import pdfium, raw

_TINY = 1.5  # points; smaller text on a page of common size is there for machines
_PALE = 0.85  # of white; paler text is compared with what is around it
_CONTRAST = 24  # of 255, between the darkest and the palest pixel at a letter that can be seen
_SCALE = 2.0  # pixels a point
_MAX_SIDE = 4000  # pixels
_THINNEST = 3.0  # points; thinner bars underline text, or strike it out
_SCAN = 0.8  # of the page
_MAX_DEPTH = 15  # of forms in forms
Handle = Any  # a raw.FPDF_PAGEOBJECT


def seen(
    page: pdfium.PdfPage, characters: Sequence[Character], pieces: Sequence[Piece], layers_off: bool
) -> list[Character]:
    """The characters that people see. Invisible ones count as seen over a picture, where they are its text, and if a
    page has no others. `layers_off`: some layers of the file are off, and `pdf_mended` has marked them."""
    by_piece: dict[int, list[Character]] = defaultdict(list)
    for character in characters:
        if character.text != " ":
            by_piece[character.piece].append(character)
    off = _on_layers_that_are_off(page) if layers_off else set()
    ink = {number: _ink(pieces[number]) for number in by_piece}
    left_out = {number for number in by_piece if address(pieces[number].handle) in off}
    left_out |= _invisible(page, by_piece, {number for number, kind in ink.items() if kind == "none"})
    pale = {number for number, kind in ink.items() if kind == "pale"}
    left_out |= _merged(page, by_piece, (pale | _covered(page, by_piece, pieces)) - left_out)
    usual = median(character.size for character in characters) if characters else 0
    if usual > 2 * _TINY:
        left_out |= {number for number in by_piece if pieces[number].size < _TINY}
    edges = page.get_bbox()
    return [each for each in characters if each.piece not in left_out and _is_inside(each, edges)]


def _is_inside(character: Character, edges: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = character.box
    x, y = (left + right) / 2, (bottom + top) / 2
    return edges[0] - 1 < x < edges[2] + 1 and edges[1] - 1 < y < edges[3] + 1


def _ink(piece: Piece) -> str:
    """ "none" for text that is not drawn, "pale", or "dark"."""
    mode = raw.FPDFTextObj_GetTextRenderMode(piece.handle)
    if mode == raw.FPDF_TEXTRENDERMODE_INVISIBLE:
        return "none"
    if mode not in (raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP):
        return "dark"
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    raw.FPDFPageObj_GetFillColor(piece.handle, red, green, blue, alpha)
    light = (0.3 * red.value + 0.59 * green.value + 0.11 * blue.value) / 255
    return "pale" if light > _PALE or alpha.value < 64 else "dark"


def _invisible(page: pdfium.PdfPage, by_piece: dict[int, list[Character]], drawn_not: set[int]) -> set[int]:
    """Those of `drawn_not` with no picture behind them, on a page that has other text."""
    if not drawn_not or len(drawn_not) == len(by_piece):
        return set()
    pictures = [_bounds(top) for each, _, top in objects_of(page) if _type(each) == raw.FPDF_PAGEOBJ_IMAGE]
    return {number for number in drawn_not if not any(_is_inside(by_piece[number][0], bounds) for bounds in pictures)}


def _covered(page: pdfium.PdfPage, by_piece: dict[int, list[Character]], pieces: Sequence[Piece]) -> set[int]:
    """Those on which something is drawn later, such as a bar that blackens them. What covers most of the page is a scan
    above its text."""
    tops = (raw.FPDFPage_GetObject(page, number) for number in range(raw.FPDFPage_CountObjects(page)))
    if all(_type(top) == raw.FPDF_PAGEOBJ_TEXT for top in tops):
        return set()
    numbers = {address(pieces[number].handle): number for number in by_piece if pieces[number].turn % 90 == 0}
    passed: list[int] = []
    found: set[int] = set()
    width, height = page.get_size()
    for each, _, top in objects_of(page):
        kind = _type(each)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            passed += [numbers[address(each)]] if address(each) in numbers else []
        elif passed and (kind != raw.FPDF_PAGEOBJ_PATH or _is_filled(each)):
            left, bottom, right, over = bounds = _bounds(top)
            thin = min(over - bottom, right - left) < _THINNEST
            if not thin and (right - left) * (over - bottom) < _SCAN * width * height:
                found.update(number for number in passed if _is_inside(by_piece[number][0], bounds))
    return found


def _is_filled(path: Handle) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(fill.value != raw.FPDF_FILLMODE_NONE)


def _merged(page: pdfium.PdfPage, by_piece: dict[int, list[Character]], pale: set[int]) -> set[int]:
    """Those of `pale` that look like what is behind them, most of their letters at least."""
    if not pale:
        return set()
    left, bottom, right, top = page.get_bbox()
    scale = min(_SCALE, _MAX_SIDE / max(right - left, top - bottom))
    bitmap = page.render(scale=scale, rotation=-page.get_rotation() % 360, grayscale=True)
    pixels, stride = bytes(bitmap.buffer), bitmap.stride
    hidden = set()
    for number in pale:
        same = 0
        for character in by_piece[number]:
            x0, y0, x1, y1 = character.box
            columns = _span(x0 - left, x1 - left, scale, bitmap.width)
            rows = _span(top - y1, top - y0, scale, bitmap.height)
            patch = b"".join(pixels[row * stride + columns.start : row * stride + columns.stop] for row in rows)
            same += not patch or max(patch) - min(patch) < _CONTRAST
        if 2 * same > len(by_piece[number]):
            hidden.add(number)
    bitmap.close()
    return hidden


def _span(low: float, high: float, scale: float, limit: int) -> range:
    return range(max(0, int(low * scale) - 1), min(limit, int(high * scale) + 2))


def _on_layers_that_are_off(page: pdfium.PdfPage) -> set[int]:
    """Addresses of the text objects on them."""
    return {address(each) for each, off, _ in objects_of(page) if off and _type(each) == raw.FPDF_PAGEOBJ_TEXT}


def objects_of(page: pdfium.PdfPage, first: int = 0) -> Iterator[tuple[Handle, bool, Handle]]:
    """Objects of the page from the `first`, and those of its forms, in the order of drawing: each one, whether it is on
    a layer that is off, and the object on the page itself that it is or is in."""
    tops = [raw.FPDFPage_GetObject(page, number) for number in range(first, raw.FPDFPage_CountObjects(page))]
    stack = [(top, False, top, 0) for top in reversed(tops)]
    while stack:
        each, off, top, depth = stack.pop()
        off = off or _is_marked_off(each)
        yield each, off, top
        if depth < _MAX_DEPTH and _type(each) == raw.FPDF_PAGEOBJ_FORM:
            count = raw.FPDFFormObj_CountObjects(each)
            stack += [
                (raw.FPDFFormObj_GetObject(each, number), off, top, depth + 1) for number in reversed(range(count))
            ]


def _type(each: Handle) -> int:
    return int(raw.FPDFPageObj_GetType(each))


def _is_marked_off(each: Handle) -> bool:
    size = ctypes.c_ulong()
    name = ctypes.create_string_buffer(2 * len(OFF) + 2)
    buffer = ctypes.cast(name, ctypes.POINTER(raw.FPDF_WCHAR))
    for number in range(raw.FPDFPageObj_CountMarks(each)):
        mark = raw.FPDFPageObj_GetMark(each, number)
        found = raw.FPDFPageObjMark_GetParamStringValue(mark, b"Name", buffer, len(name), size)
        if found and size.value == len(name) and name.raw[:-2].decode("utf-16-le", "replace") == OFF:
            return True
    return False


def _bounds(each: Handle) -> tuple[float, float, float, float]:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(each, left, bottom, right, top)
    return left.value, bottom.value, right.value, top.value


def address(handle: Handle) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
