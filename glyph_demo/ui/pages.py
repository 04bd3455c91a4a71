"""The page view: a page as the model saw it, large enough to read, with marks on the places that an answer rests on."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

from glyph_demo.conversation.drawing import PageView
from glyph_demo.engines.events import Heat
from glyph_demo.errors import Language
from glyph_demo.ui.texts import say
from glyph_demo.windows.window import PageFocus

AMBER = (245, 158, 11)
HOTTEST = 170  # opacity of the hottest cell, of 255: the text below stays readable


def page_view(key: str, pages: Sequence[PageView], number: int, focus: PageFocus, language: Language) -> str:
    """HTML of page `number` of `pages`; empty if it is not among them. `key` is Reading.key. Of `focus` the page shows
    where the answer looked as a heat map and its lines as boxes, the chosen one highlighted."""
    index = next((i for i, page in enumerate(pages) if page.number == number), None)
    if index is None:
        return ""
    page, name = pages[index], say("page", language, number=number)
    marks = "".join(_heat_map(heat) for heat in focus.heat if heat.page == number)
    for region in focus.regions:
        if region.page == number:
            marks += "".join(_mark(box, page.size, region is focus.chosen) for box in region.boxes)
    before = pages[index - 1].number if index else None
    after = pages[index + 1].number if index + 1 < len(pages) else None
    return (
        f"<div class='glyph-page' data-shown='{number}'>"
        f"<div class='glyph-page-head'>{_turn('‹', 'page.before', before, language)}"
        f"<span>{name} / {pages[-1].number}</span>{_turn('›', 'page.after', after, language)}"
        f"<button type='button' data-size='' aria-pressed='false'>{say('page.large', language)}</button></div>"
        f"<div class='glyph-sheet' tabindex='0' role='group' aria-label='{name}'><div class='glyph-paper'>"
        f"<img alt='{name}' src='{_address(key, page)}'>{marks}</div></div></div>"
    )


def gallery_view(key: str, pages: Sequence[PageView], language: Language) -> str:
    """HTML: a small picture of each page, which shows the page when clicked. Browsers fetch those in sight."""
    items = []
    for page in pages:
        name = say("page", language, number=page.number)
        items.append(
            f"<li><button type='button' data-act='page' data-page='{page.number}'>"
            f"<img alt='' loading='lazy' src='{_address(key, page)}'><span>{name}</span></button></li>"
        )
    return f"<ul class='glyph-gallery' aria-label='{say('pages', language)}'>{''.join(items)}</ul>" if items else ""


def _address(key: str, page: PageView) -> str:
    """URL of the page's picture, see web/files.py. It is relative, because a proxy may put a path before all of
    ours."""
    return f"pages/{key}/{page.digest}.png"


def _turn(sign: str, key: str, number: int | None, language: Language) -> str:
    target = "disabled" if number is None else f"data-act='page' data-page='{number}'"
    return f"<button type='button' aria-label='{html.escape(say(key, language))}' {target}>{sign}</button>"


def _heat_map(heat: Heat) -> str:
    """An image with one pixel per cell, which the style sheet stretches over the page; hotter is less transparent."""
    from PIL import Image

    cells = b"".join(bytes((*AMBER, round(value * HOTTEST))) for value in heat.values)
    file = io.BytesIO()
    Image.frombytes("RGBA", (heat.columns, heat.rows), cells).save(file, "PNG")
    return f"<img class='glyph-heat' alt='' src='{_png(file.getvalue())}'>"


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _mark(box: tuple[int, int, int, int], size: tuple[int, int], chosen: bool) -> str:
    left, top, right, bottom = box
    width, height = size
    return (
        f"<div class='glyph-box{' chosen' if chosen else ''}' style='left:{left / width:.3%};top:{top / height:.3%};"
        f"width:{(right - left) / width:.3%};height:{(bottom - top) / height:.3%}'></div>"
    )
