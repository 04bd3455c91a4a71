"""A Document becomes pages: style (the numbers), fonts, layout (text to rows), paint (rows to Page)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from glyph_demo.rendering import one_blas_thread  # noqa: F401  before anything else brings NumPy
from glyph_demo.rendering.page import Line, Page
from glyph_demo.rendering.png import decode_png, encode_png
from glyph_demo.rendering.style import Style, has_cjk, resolve_style, style_names

if TYPE_CHECKING:
    from glyph_demo.documents.model import Document

__all__ = [
    "Line",
    "Page",
    "Style",
    "decode_png",
    "encode_png",
    "missing_characters",
    "render",
    "resolve_style",
    "style_names",
]


def render(document: Document, style: Style) -> Iterator[Page]:
    """Pages of a document, each as soon as it is laid out; those that are read as they look stand where they are in
    the file. An empty text gives one empty page."""
    pictures = document.images.open() if document.images else iter(())
    if document.images and not document.images.numbers:
        yield from map(Page, count(), pictures)
        return
    cjk, index = has_cjk(document.text), 0
    for start, end, picture in document.stretches():
        if picture:
            yield Page(index, next(pictures), (start, end), picture=picture)
            index += 1
            continue
        for page in _draw(document.text[start:end], style, cjk):
            yield _moved(page, index, start)
            index += 1


def _draw(text: str, style: Style, cjk: bool) -> Iterator[Page]:
    from glyph_demo.rendering.atlas import load_atlas
    from glyph_demo.rendering.layout import lay_out
    from glyph_demo.rendering.paint import blank_page, paint

    if not text:
        yield blank_page(style)
        return
    atlas = load_atlas(style.chain(cjk), style.pixel_size)
    for index, rows in enumerate(lay_out(text, style, atlas.chain.advance, cjk)):
        yield paint(rows, text, index, int(rows.starts[-1]) == len(text), style, atlas)


def _moved(page: Page, index: int, start: int) -> Page:
    """A page of a part of the text, which begins at `start`, as the page `index` of the whole."""
    if start == 0:
        return page if page.index == index else replace(page, index=index)
    lines = tuple(replace(line, start=line.start + start, end=line.end + start) for line in page.lines)
    return replace(page, index=index, span=(page.span[0] + start, page.span[1] + start), lines=lines)


def missing_characters(text: str, style: Style) -> dict[str, int]:
    """How often each character occurs that no font of the style has and that is drawn as a box instead."""
    import numpy as np

    from glyph_demo.rendering.characters import CODEPOINTS, INK, character_classes, codepoints
    from glyph_demo.rendering.fonts import MISSING, load_chain
    from glyph_demo.rendering.layout import WINDOW

    counts = np.zeros(CODEPOINTS, np.int64)
    for start in range(0, len(text), WINDOW):
        codes, occurrences = np.unique(codepoints(text[start : start + WINDOW]), return_counts=True)
        counts[codes] += occurrences
    boxed = (load_chain(style.chain(has_cjk(text))).face == MISSING) & (character_classes() == INK)
    return {chr(code): int(counts[code]) for code in np.flatnonzero(boxed & (counts > 0)).tolist()}
