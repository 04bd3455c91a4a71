"""The window as a gr.Blocks: layout, handlers, and which event calls which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.languages import as_language
from glyph_demo.ui.blocks import Components, build
from glyph_demo.ui.examples import load_examples
from glyph_demo.ui.handlers import Handlers
from glyph_demo.ui.tabs.many import ManyPanel
from glyph_demo.ui.tabs.panels import SAVE
from glyph_demo.ui.updates import Updates
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.preferences import OF_PAGES, PREFERENCES

# A question still stands where it was typed if all its lines do.
GIVE_BACK = (
    r"(unasked, typed) => `\n${typed}\n`.includes(`\n${unasked}\n`) ? typed"
    r" : [typed, unasked].filter(Boolean).join('\n')"
)
NAME_LANGUAGE = "language => { document.documentElement.lang = language }"
KEEP_LANGUAGE = "(memory, language) => ({ ...memory, language })"
TAB = Path(__file__).with_name("tab.js").read_text(encoding="utf-8")


def window_app(windows: Windows) -> gr.Blocks:
    """The page that shows one of `windows`, which the caller closes."""
    examples = load_examples()
    language = as_language(windows.settings.language)
    with gr.Blocks(title="Glyph Demo", fill_height=True, analytics_enabled=False) as app:
        components = build(windows.settings, examples, language, windows.leave)
        _connect(app, components, Handlers(windows, components, examples))
    app.has_launched = True  # else Gradio, being mounted, would not check paths in events
    return app


def _once(handler: Callable[..., Iterator[Updates]]) -> Callable[..., Iterator[Updates]]:
    """The handler, followed by an update of nothing: Gradio sends what a handler yields last a second time."""

    @wraps(handler)
    def followed(*args: Any, **more: Any) -> Iterator[Updates]:
        yield from handler(*args, **more)
        yield gr.skip()

    return followed


def _as_it_came(component: Any, payload: Any) -> Any:
    return payload


# Handlers check what a page sends. Gradio's own check of a choice would write the whole value to the log. This is set
# on the classes, because Gradio makes a page's components anew when their labels change, and writes a file for a
# subclass.
gr.Radio.preprocess = gr.Dropdown.preprocess = _as_it_came  # type: ignore[method-assign, assignment]


def _connect(app: gr.Blocks, ui: Components, on: Handlers) -> None:
    # Every event concerns this window only: no API, no progress overlay, no waiting for other windows.
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
    everything = ui.outputs()
    status = [ui.status, ui.read_first]
    looked_at = [ui.page, ui.found, ui.gallery]
    conversation = [ui.earlier, ui.chat, ui.live, ui.question, ui.unasked, *looked_at, ui.replacing, *status]
    opened_page = app.load(on.load_page, [ui.window, ui.memory], everything, js=TAB, **private)
    follow = _once(on.shelf.follow_reading)
    opened_page.then(follow, ui.window, everything, **private)
    followed = opened_page.then(_once(on.chat.follow_answer), ui.window, conversation, **private)
    downloads = [opened_page.then(_once(on.download.follow), ui.window, everything, **private)]
    downloads += _connect_picker(ui, on, opened_page, private)
    # The last of several counts; else the second of two quick clicks would do nothing.
    language, last = [ui.window, ui.language], {"trigger_mode": "always_last", **private}
    said_otherwise = ui.language.input(on.change_language, language, everything, **last)
    said_otherwise.then(on.picker.choose, _picked(ui), everything, **private)
    ui.language.input(None, [ui.memory, ui.language], ui.memory, js=KEEP_LANGUAGE)
    # At the load too: the language that the layout begins with does not change.
    for known in (app.load, ui.language.change):
        known(None, ui.language, None, js=NAME_LANGUAGE)

    ui.status.click(on.close_notice, ui.window, status, **private)

    # Another question may be asked during an answer: it waits for its turn.
    ask, typed = _once(on.chat.ask_question), [ui.window, ui.question, ui.everyone]
    asking = [each.click(ask, [ui.window, each, ui.everyone], conversation, **private) for each in ui.samples]
    asking.append(ui.question.submit(ask, typed, conversation, trigger_mode="multiple", **private))
    suggested = _once(on.chat.ask_suggested)
    asking.append(ui.about.click(suggested, ui.window, conversation, trigger_mode="multiple", **private))
    # It has no outputs: the answer that it stops updates the page.
    ui.question.stop(on.chat.stop_answer, ui.window, None, queue=False, **private)
    asking.append(ui.chat.retry(_once(on.chat.retry_question), ui.window, conversation, **private))
    asking.append(ui.chat.edit(_once(on.chat.edit_question), ui.window, conversation, **private))
    asking.append(ui.replacing.click(_once(on.chat.replace_if_sure), ui.window, conversation, **private))
    asking.append(ui.chat.undo(on.chat.undo_exchange, ui.window, conversation, **private))
    for asked in (followed, *asking):
        asked.then(None, [ui.unasked, ui.question], ui.question, js=GIVE_BACK)
    ui.earlier.click(on.chat.show_earlier, ui.window, [ui.earlier, ui.chat], **private)
    ui.clear.click(on.chat.clear_conversation, ui.window, [*conversation, ui.clearing], **private)
    ui.clearing.click(on.chat.clear_if_sure, ui.window, conversation, **private)

    for button, kind in ((ui.export_markdown, "md"), (ui.export_json, "json")):
        exported = button.click(partial(on.chat.export_conversation, kind=kind), ui.window, ui.exported, **private)
        exported.then(None, ui.exported, None, js=SAVE)

    opening = [
        *downloads,  # the engine that comes of one reads the documents anew
        ui.upload.upload(on.shelf.open_files, ui.window, everything, trigger_mode="multiple", **private),
        ui.read_first.click(on.shelf.read_first, ui.window, everything, **private),
        ui.documents.click(on.shelf.on_document, ui.window, everything, trigger_mode="multiple", **private),
        ui.page.select(on.shelf.show_other, ui.window, everything, **private),
        ui.removing.click(on.shelf.remove_if_sure, ui.window, everything, **private),
    ]
    tables = [panel.table for panel in ui.panels if isinstance(panel, ManyPanel)]
    opening += [table.select(on.shelf.show_quote, ui.window, everything, **private) for table in tables]
    for index, example in enumerate(ui.examples):
        opening.append(example.click(partial(on.shelf.open_example, index=index), ui.window, everything, **private))
    # A setting for the next question needs no queue and few updates, so a click is quick while the CPU is busy.
    sidebar = [ui.memory, ui.mode, *(getattr(ui, name) for name in PREFERENCES), *status]
    for name in PREFERENCES:
        component, changed = getattr(ui, name), partial(on.preferences.change_setting, name=name)
        event = component.release if isinstance(component, gr.Slider) else component.input
        if name in OF_PAGES:
            opening.append(event(changed, [ui.window, ui.memory, component], everything, **private))
        else:
            event(changed, [ui.window, ui.memory, component], sidebar, queue=False, **private)
    ui.mode.input(on.preferences.change_mode, [ui.window, ui.memory, ui.mode], sidebar, queue=False, **private)
    used = ui.picked.click(_once(on.picker.act), _picked(ui), everything, trigger_mode="multiple", **private)
    opening.append(used)
    # On a busy machine the page may lose which fields are grey, where that comes behind many other updates.
    used.then(on.preferences.shown, ui.window, sidebar, queue=False, **private)
    for opened in opening:
        opened.then(follow, ui.window, everything, trigger_mode="multiple", **private)

    # Its `input` comes of keys alone: not of Backspace, nor of an input method. Queued, so as not to overtake a list.
    ui.search.change(on.shelf.search, [ui.window, ui.search], ui.documents, trigger_mode="always_last", **private)
    # While a page of the file is drawn, others can be turned to.
    ui.page.click(on.on_page, ui.window, [*looked_at, *status], trigger_mode="multiple", **private)
    ui.everyone.input(on.shelf.ask_together, [ui.window, ui.everyone], ui.documents, **last)
    for event, handler in ((ui.find.submit, on.find), (ui.found.click, on.find_beside)):
        event(handler, [ui.window, ui.find], [ui.found, ui.page], trigger_mode="multiple", **private)

    for tab, panel in zip(ui.tabs[1:], ui.panels, strict=True):
        panel.connect(tab, ui.window, ui.language, on.windows, private)


def _picked(ui: Components) -> list[Any]:
    """The window, and the fields of the picker."""
    return [ui.window, ui.choice, ui.folder, ui.address, ui.key, ui.served, ui.precision]


def _connect_picker(ui: Components, on: Handlers, opened_page: Any, private: dict[str, Any]) -> list[Any]:
    """The events that may end with another engine."""
    everything = ui.outputs()
    opened_page.then(on.picker.overview, ui.window, everything, **private)
    download = _once(on.download.on_offer)
    offers = [
        offer.click(download, ui.window, everything, trigger_mode="multiple", **private)
        for offer in (ui.offer, ui.outcome)
    ]
    for field in (ui.choice, ui.precision):
        field.input(on.picker.choose, _picked(ui), everything, trigger_mode="always_last", **private)
    ui.preset.input(on.picker.use_preset, [ui.window, ui.preset], [ui.preset, ui.address, ui.outcome], **private)
    # A change, for `input` does not come of Backspace, and a preset writes an address too.
    for named in (ui.folder, ui.address, ui.key, ui.served):
        named.change(on.picker.typed, _picked(ui), ui.picked, trigger_mode="always_last", **private)
    ui.address.change(
        on.picker.readdress, [ui.window, ui.address], ui.served, trigger_mode="always_last", queue=False, **private
    )
    ui.test.click(_once(on.picker.test), _picked(ui), [ui.served, ui.outcome], **private)
    return offers
