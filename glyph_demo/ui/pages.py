"""The page view: a page as the model saw it, or the file's page as it looks, large enough to read, with marks on the
places that an answer rests on."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.originals import Originals
from glyph_demo.conversation.places import file_pages
from glyph_demo.conversation.reading import Reading
from glyph_demo.documents.model import Document, Mark
from glyph_demo.documents.problems import chinese_ranges, page_ranges
from glyph_demo.documents.rasters import Box
from glyph_demo.engines.events import Box as PixelBox
from glyph_demo.engines.events import FilePage, Heat, Region
from glyph_demo.errors import GlyphError, Language
from glyph_demo.ui.markup import page_name
from glyph_demo.ui.texts import say
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.window import Window

AMBER = (245, 158, 11)
HOTTEST = 130  # opacity of the hottest cell, of 255: the text below stays readable
EVEN = 0.05  # a map whose values differ by less says nothing, and is not drawn


def page_view(
    key: str,
    pages: Sequence[PageView],
    focus: PageFocus,
    language: Language,
    marks: Sequence[Mark] = (),
    switch: str = "",
) -> str:
    """HTML of the page in focus, one of `pages`, or of the first. `key` is Reading.key, `marks` are the pages of the
    file that are on it. The page shows where the answer looked as a heat map and its lines as boxes, the chosen one
    highlighted."""
    index = next((i for i, page in enumerate(pages) if page.number == focus.page), 0)
    page = pages[index]
    number = page.number
    title = say("page.of", language, page=say("page", language, number=number), total=pages[-1].number)
    if marks:
        title += " · " + say("page.holds", language, page=_name(marks, language))
    heats = [heat for heat in focus.heat if _is_of(heat, page) and max(heat.values) - min(heat.values) > EVEN]
    drawn = "".join(map(_heat_map, heats))
    for region in focus.regions:
        if _is_of(region, page):
            drawn += "".join(_mark(_share(box, page.size), region is focus.chosen) for box in region.boxes)
    before = pages[index - 1].number if index else None
    after = pages[index + 1].number if index + 1 < len(pages) else None
    turns = _turn("‹", "page.before", "page", before, language), _turn("›", "page.after", "page", after, language)
    picture = _picture(_address(key, page.digest), page.size, title)
    return _frame(number, title, switch + _legend(language) if heats else switch, turns, picture + drawn, language)


def _is_of(shown: Region | Heat, page: PageView) -> bool:
    """Whether it is of this page, as that is drawn now."""
    return shown.page == page.number and shown.digest in ("", page.digest)


def _legend(language: Language) -> str:
    """What the colours of the heat map mean, and a button that hides it."""
    button = f"<button type='button' data-heat='' aria-pressed='true'>{say('heat', language)}</button>"
    scale = f"<span>{say('heat.less', language)}</span><i></i><span>{say('heat.more', language)}</span>"
    return f"<div class='glyph-legend'>{button}{scale}</div>"


def _name(marks: Sequence[Mark], language: Language) -> str:
    """HTML: these pages of the file, as in a sentence."""
    if len(marks) > 1:
        pages = page_ranges([mark.number for mark in marks])
        return say("page.many", language, pages=chinese_ranges(pages) if language == "zh" else pages)
    return html.escape(FilePage(marks[0].number, marks[0].label).name.text(language), quote=True)


def beside_view(window: Window) -> str:
    """HTML: the name of a document that is shown beside the conversation about another, and a button back to that."""
    front, reading = window.reading, window.looked_at
    if reading is None or front is None or reading is front:
        return ""
    name, back = (html.escape(each.title, quote=True) for each in (reading, front))
    label = say("page.back", window.language, name=back)
    return f"<div class='glyph-beside'><b>{name}</b><button type='button' data-act='front'>{label}</button></div>"


def original_view(window: Window, originals: Originals, error: GlyphError | None) -> str:
    """HTML of the file's page in focus as it looks, with the places of an answer, or with the `error` that keeps it
    from being drawn. As long as something is missing it has `data-drawing`, and page.js asks for the rest."""
    reading, view, number, language = window.looked_at, window.view, window.file_page, window.language
    if reading is None or view is None:
        return ""
    title = say("page.of", language, page=page_name(originals.name(number), language), total=originals.total)
    before, after = number - 1 or None, number + 1 if number < originals.total else None
    turns = (
        _turn("‹", "page.before", "original", before, language),
        _turn("›", "page.after", "original", after, language),
    )
    drawn, views, regions = originals.drawn(number), list(reading.pages), window.focus.regions
    if error is not None:
        content = _remark(say("page.not_drawn", language, reason=error.message.text(language)))
    elif drawn is None:
        content = _remark(say("page.drawing", language), "data-drawing")
    else:
        content = _picture(_address(reading.key, drawn.image.stem), drawn.size, title)
        for region in regions:
            boxes = originals.boxes(number, region, views)
            content += "".join(_mark(box, region is window.focus.chosen) for box in boxes)
        if not originals.is_complete(number, regions, views):
            content += "<i data-drawing></i>"
    return _frame(view.number, title, switch_view(True, language), turns, content, language)


def _remark(text: str, data: str = "") -> str:
    return f"<p class='glyph-note' role='status' {data}>{html.escape(text)}</p>"


def switch_view(original: bool, language: Language) -> str:
    """HTML of the two buttons that choose between the file's page and what the model saw of it."""
    buttons = "".join(
        f"<button type='button' data-act='show' data-what='{what}' aria-pressed='{str(pressed).lower()}'>"
        f"{say(f'show.{what}', language)}</button>"
        for what, pressed in (("original", original), ("model", not original))
    )
    return f"<div class='glyph-switch' role='group' aria-label='{say('show', language)}'>{buttons}</div>"


def _frame(shown: int, title: str, switch: str, turns: tuple[str, str], content: str, language: Language) -> str:
    """`shown` is the number of the page that the gallery marks."""
    before, after = turns
    large = (
        f"<button type='button' data-size='' aria-pressed='false' aria-label='{say('page.large', language)}'></button>"
    )
    sizes = f"{_zoom('−', 'page.smaller', -1, language)}{_zoom('+', 'page.larger', 1, language)}{large}"
    return (
        f"<div class='glyph-page' data-shown='{shown}'><div class='glyph-page-head'>{switch}{sizes}</div>"
        f"<div class='glyph-page-head'>{before}<span>{title}</span>{after}</div>"
        f"<div class='glyph-sheet' tabindex='0' role='group' aria-label='{title}'>"
        f"<div class='glyph-paper'>{content}</div></div></div>"
    )


def _zoom(sign: str, key: str, step: int, language: Language) -> str:
    return f"<button type='button' data-zoom='{step}' aria-label='{say(key, language)}'>{sign}</button>"


def found_view(at: int, total: int, language: Language) -> str:
    """HTML: which of the places of what was looked for is shown, between two buttons for those beside it."""
    before, after = (
        f"<button type='button' data-act='find' data-step='{step}' aria-label='{say(key, language)}'>{sign}</button>"
        for sign, key, step in (("‹", "find.before", -1), ("›", "find.after", 1))
    )
    return f"{before}<span role='status'>{say('find.at', language, at=at, total=total)}</span>{after}"


def absent_view(reading: Reading | None, language: Language) -> str:
    """HTML: what was looked for is not found, and what of the document was not looked through, if any."""
    text = "find.none"
    if reading is not None and reading.state in ("waiting", "reading"):
        text = "find.none.unread"
    elif reading is not None and any(page.picture for page in list(reading.pages)):
        handle = reading.handle
        if handle is None or handle.read_lines() is None:
            text = "find.none.images"
    return f"<span role='status'>{say(text, language)}</span>"


def _picture(address: str, size: tuple[int, int], title: str) -> str:
    """Its size keeps its room while the browser fetches it, so that a place can be scrolled to."""
    return f"<img alt='{title}' width='{size[0]}' height='{size[1]}' src='{address}'>"


def gallery_view(key: str, pages: Sequence[PageView], document: Document, language: Language) -> str:
    """HTML: a small picture of each page, which shows the page when clicked. Browsers fetch those in sight. Their names
    are of the file's pages, as those of an answer's places are; in a file without pages, of the model's."""
    items = []
    for page in pages:
        marks = file_pages(document, page)
        name = _name(marks, language) if marks else say("page", language, number=page.number)
        name = name[:1].upper() + name[1:]
        items.append(
            f"<li><button type='button' data-act='page' data-page='{page.number}'>"
            f"<img alt='' loading='lazy' src='{_address(key, page.digest)}'><span>{name}</span></button></li>"
        )
    return f"<ul class='glyph-gallery' aria-label='{say('pages', language)}'>{''.join(items)}</ul>" if items else ""


def _address(key: str, name: str) -> str:
    """URL of the picture of this name, see web/files.py. It is relative, because a proxy may put a path before all of
    ours."""
    return f"pages/{key}/{name}.png"


def _turn(sign: str, key: str, act: str, number: int | None, language: Language) -> str:
    target = "disabled" if number is None else f"data-act='{act}' data-page='{number}'"
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


def _share(box: PixelBox, size: tuple[int, int]) -> Box:
    (left, top, right, bottom), (width, height) = box, size
    return left / width, top / height, right / width, bottom / height


def _mark(box: Box, chosen: bool) -> str:
    left, top, right, bottom = box
    return (
        f"<div class='glyph-box{' chosen' if chosen else ''}' style='left:{left:.3%};top:{top:.3%};"
        f"width:{right - left:.3%};height:{bottom - top:.3%}'></div>"
    )
