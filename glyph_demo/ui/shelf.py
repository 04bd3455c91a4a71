"""The list of documents as HTML. Names, which files and people give, are escaped here."""

from __future__ import annotations

import html
import time

from glyph_demo.conversation.reading import Reading
from glyph_demo.documents.extraction import MAX_NAME
from glyph_demo.errors import Language
from glyph_demo.ui.markup import remove_button
from glyph_demo.ui.texts import say
from glyph_demo.windows.conversations import hits
from glyph_demo.windows.window import Window

# What several handlers send may be shown in another order. A list begins with a number that grows, and the page keeps
# the list with the highest. JavaScript, a template for gr.HTML.
_BEGIN = "<data value='{:014d}' hidden></data>"
_NUMBERED = len(_BEGIN.format(0))
NEWEST_LIST = (
    f"${{globalThis.newestList = value.slice(0, {_NUMBERED}) < globalThis.newestList?.slice(0, {_NUMBERED})"
    " ? globalThis.newestList : value}"
)


def document_list(window: Window) -> str:
    """HTML: the documents, each with details, a button that puts it in front, one that gives it another name and one
    that removes it. Where questions are for several, a box says of each whether they are for it. While words are looked
    for, those that have them, with how often."""
    with window.listing:
        listed = _listed(window)
        if listed != window.listed:  # a restart goes on from the time, in ms
            window.listed, window.list_number = listed, max(window.list_number + 1, int(time.time() * 1000))
        return numbered(window.list_number, listed)


def numbered(number: int, listed: str) -> str:
    """HTML of a list for NEWEST_LIST. `number` has 14 digits at most."""
    return _BEGIN.format(number) + listed


def _listed(window: Window) -> str:
    opened, language = window.session.documents, window.language
    if not opened:
        return ""
    several = len(opened) > 1  # else there is no field for words
    found = hits(window.searched, opened) if several and window.searched.strip() else None
    rows = "".join(
        _row(
            window,
            identifier,
            reading,
            _detail(reading, language) if found is None else _count(found[identifier], language),
        )
        for identifier, reading in opened.items()
        if found is None or identifier in found
    )
    label = say("documents", language)
    kind = "glyph-documents glyph-several" if several else "glyph-documents"
    said = "" if found is None else f"<p class='glyph-detail' role='status'>{_found(found, len(opened), language)}</p>"
    return f"<h2>{label}</h2>{said}<ul class='{kind}' aria-label='{label}'>{rows}</ul>"


def _found(found: dict[str, int], total: int, language: Language) -> str:
    if not found:
        return say("search.none", language)
    return say("search.found", language, count=len(found), total=total, hits=_count(sum(found.values()), language))


def _count(hits: int, language: Language) -> str:
    return say("search.hit" if hits == 1 else "search.hits", language, count=hits)


def _row(window: Window, identifier: str, reading: Reading, detail: str) -> str:
    language, title = window.language, html.escape(reading.title, quote=True)
    current = " aria-current='true'" if identifier == window.session.current_id else ""
    if identifier == window.renamed:
        label = say("rename", language, name=title)
        given = f"data-id='{identifier}' value='{title}' maxlength='{MAX_NAME}' aria-label='{label}'"
        return f"<li><input class='glyph-rename' {given}{current}></li>"
    file = html.escape(reading.name, quote=True)
    return (
        f"<li>{_box(window, identifier, title)}"
        f"<button type='button' class='glyph-open' title='{file}' data-act='open' data-id='{identifier}'{current}>"
        f"<span class='glyph-name'>{title}</span><span class='glyph-detail'>{detail}</span></button>"
        f"{_rename_button(identifier, title, language)}{remove_button('id', identifier, reading.title, language)}</li>"
    )


def _box(window: Window, identifier: str, title: str) -> str:
    """HTML: whether a question to several documents is for this one too. The one in front is always asked."""
    if not window.together or len(window.session.documents) < 2:
        return ""
    state = "" if identifier in window.left_out else " checked"
    if identifier == window.session.current_id:
        state = " checked disabled"
    label = say("together", window.language, name=title)
    return f"<input type='checkbox' data-act='together' data-id='{identifier}' aria-label='{label}'{state}>"


def _rename_button(identifier: str, title: str, language: Language) -> str:
    label = say("rename", language, name=title)
    data = f"data-act='rename' data-id='{identifier}'"
    return f"<button type='button' class='glyph-pencil' {data} aria-label='{label}' title='{label}'>\u270e</button>"


def _detail(reading: Reading, language: Language) -> str:
    """Its pages, its tokens (or characters, if the engine counts no tokens) and where its page features are kept."""
    handle, document = reading.handle, reading.document
    if reading.state != "ready" or handle is None:
        return say(f"state.{reading.state}", language)
    count = len(reading.pages)
    parts = [say("detail.page" if count == 1 else "detail.pages", language, pages=count)]
    if handle.tokens is not None:
        parts.append(say("detail.tokens", language, tokens=f"{handle.tokens:,}"))
    elif document is not None and document.text:  # page images have none
        parts.append(say("detail.characters", language, characters=f"{len(document.text):,}"))
    parts.append(say(f"kept.{reading.kept()}", language))
    return " · ".join(parts)
