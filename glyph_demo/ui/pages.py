"""The page view: a page as the model saw it, large enough to read, with the places an answer rests on marked on it."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from glyph_demo.engines.base import Region
from glyph_demo.errors import Language
from glyph_demo.reading import PageView
from glyph_demo.ui.texts import say


def page_view(
    pages: Sequence[PageView], number: int, regions: Sequence[Region], chosen: Region | None, language: Language
) -> str:
    """HTML of page `number` of `pages`, empty if it is not among them. `regions` may lie on any page; those of this
    one are marked, `chosen` most."""
    index = next((i for i, page in enumerate(pages) if page.number == number), None)
    if index is None:
        return ""
    page, name = pages[index], say("page", language, number=number)
    image = base64.b64encode(page.image.read_bytes()).decode()
    marks = "".join(
        _mark(box, page.size, region is chosen) for region in regions if region.page == number for box in region.boxes
    )
    before = pages[index - 1].number if index else None
    after = pages[index + 1].number if index + 1 < len(pages) else None
    return (
        f"<div class='glyph-page'><div class='glyph-page-head'>{_turn('‹', 'page.before', before, language)}"
        f"<span>{name} / {pages[-1].number}</span>{_turn('›', 'page.after', after, language)}"
        f"<button type='button' data-size='' aria-pressed='false'>{say('page.large', language)}</button></div>"
        f"<div class='glyph-sheet' tabindex='0' role='group' aria-label='{name}'><div class='glyph-paper'>"
        f"<img alt='{name}' src='data:image/png;base64,{image}'>{marks}</div></div></div>"
    )


def _turn(sign: str, key: str, number: int | None, language: Language) -> str:
    target = "disabled" if number is None else f"data-act='page' data-page='{number}'"
    return f"<button type='button' aria-label='{html.escape(say(key, language))}' {target}>{sign}</button>"


def _mark(box: tuple[int, int, int, int], size: tuple[int, int], chosen: bool) -> str:
    left, top, right, bottom = box
    width, height = size
    return (
        f"<div class='glyph-box{' chosen' if chosen else ''}' style='left:{left / width:.3%};top:{top / height:.3%};"
        f"width:{(right - left) / width:.3%};height:{(bottom - top) / height:.3%}'></div>"
    )
