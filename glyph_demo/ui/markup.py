"""Pieces of HTML that several parts of the window share. They escape what they are given."""

from __future__ import annotations

import html
import secrets
from collections.abc import Sequence

from glyph_demo.conversation.row import QuotedLine
from glyph_demo.engines.events import FilePage, Progress, Region
from glyph_demo.engines.loading import loaded
from glyph_demo.errors import Language
from glyph_demo.ui.texts import say


def notice(text: str, kind: str = "error") -> str:
    """The status line; `kind` is error or hint. An empty `text` empties it."""
    return f"<div role='status' class='glyph-notice {kind}'>{html.escape(text)}</div>" if text else ""


def closable(shown: str, language: Language, act: str = "close") -> str:
    """A notice with a button that closes it; its event has the `act`."""
    button = (
        f"<button type='button' class='glyph-close' data-act='{act}' aria-label='{say('close', language)}'>×</button>"
    )
    return shown.removesuffix("</div>") + button + "</div>" if shown else ""


def notes(texts: Sequence[str], language: Language, unfolded: bool) -> str:
    """What there is to know of how a document was read, under a title that folds it."""
    if not texts:
        return ""
    title = say("notes" if len(texts) > 1 else "notes.one", language, count=len(texts))
    items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
    state = " open" if unfolded else ""
    return f"<details class='glyph-notes'{state}><summary>{title}</summary><ul>{items}</ul></details>"


def answer_text(text: str) -> str:
    return f"<div class='glyph-answer'>{html.escape(text)}</div>"


def meter(share: float, label: str) -> str:
    """A bar that is filled to `share` (0 to 1); screen readers say `label`."""
    return (
        f"<div class='glyph-bar' role='progressbar' aria-label='{html.escape(label, quote=True)}' aria-valuemin='0' "
        f"aria-valuemax='100' aria-valuenow='{100 * share:.0f}'><div style='width: {share:.1%}'></div></div>"
    )


def remove_button(key: str, value: str, name: str, language: Language) -> str:
    """A button that removes `name` from a list. Its event has the `value` under `key`."""
    label = say("remove", language, name=html.escape(name, quote=True))
    data = f"data-act='remove' data-{key}='{html.escape(value, quote=True)}'"
    return f"<button type='button' class='glyph-remove' {data} aria-label='{label}'>×</button>"


def dialog(text: str, yes: str, language: Language, **data: object) -> str:
    """HTML: a question that must be agreed to before something goes, over two buttons, of which `yes` agrees. The event
    of the answer has the `data`, and `sure`, which is "yes" or something else. No two are equal: a page shows only what
    has changed."""
    kept = f" id='asked-{secrets.token_hex(4)}'" + "".join(
        f" data-{name}='{html.escape(str(value), quote=True)}'" for name, value in data.items()
    )
    shown = html.escape(text, quote=True)
    return (
        f"<dialog class='glyph-dialog' aria-label='{shown}'{kept}><form method='dialog'><p>{shown}</p>"
        f"<button value='yes'>{html.escape(yes)}</button>"
        f"<button value='' autofocus>{say('keep', language)}</button></form></dialog>"
    )


def waiting_text(progress: Progress | None, language: Language) -> str:
    """What an answer waits for, as plain text."""
    if progress is not None and progress.stage == "load":
        return say("wait.load", language) + (f" {loaded(progress, language)}" if progress.total else "")
    if progress is not None and progress.stage in ("extract", "render", "encode"):
        if progress.more is not None:
            return progress.more.text(language)
        if progress.stage == "extract":
            return say("wait.document", language)
        if progress.total is None:
            return say("wait.page", language, page=progress.done + 1)
        return say("wait.pages", language, done=progress.done, total=progress.total)
    return say("wait.answer", language)


def places_of(lines: Sequence[QuotedLine], answer: str, language: Language) -> dict[str, int]:
    """The different places that an answer rests on, as HTML, each with the index of its first line. The words of a line
    are added only where the answer does not quote them already."""
    said = "".join(answer.split())
    places: dict[str, int] = {}
    for index, line in enumerate(lines):
        words = "" if "".join(line.text.split()) in said else f" <q>{html.escape(line.text)}</q>"
        places.setdefault(place_of(line, language) + words, index)
    return places


def place_of(line: Region | QuotedLine, language: Language) -> str:
    """Where a line is, in the words of its file if that has pages, as HTML."""
    if line.file_page is None:
        return say("place", language, page=line.page, line=line.line)
    return page_name(line.file_page, language)


def page_name(page: FilePage, language: Language) -> str:
    """The name of a page of the file, as HTML."""
    name = page.name.text(language)
    return html.escape(name[:1].upper() + name[1:], quote=True)
