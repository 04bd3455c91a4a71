"""What happens on each event of the window. A handler looks its window up, acts on the session and returns or yields
updates by component. GlyphErrors become the status line; the session goes on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.errors import GlyphError
from glyph_demo.languages import LANGUAGES, Language, preferred_language
from glyph_demo.ui import views
from glyph_demo.ui.preferences import PreferenceHandlers
from glyph_demo.ui.shelf import ShelfHandlers
from glyph_demo.ui.shown import Updates, merged
from glyph_demo.ui.space import limits
from glyph_demo.ui.texts import say
from glyph_demo.windows.history import as_json, as_markdown
from glyph_demo.windows.preferences import known_window, remembered
from glyph_demo.windows.visit import VISITOR, Visit
from glyph_demo.windows.window import Spot, Window

ANSWER_INTERVAL = 0.05  # seconds between two updates of a growing answer


class Handlers(ShelfHandlers, PreferenceHandlers):
    # The window

    def load(self, visit: Visit, memory: Any, request: gr.Request) -> Updates:
        """A page was opened: give it the window that its tab names, a new one in the language that its browser
        remembers, or else of the settings, or else of the browser."""
        identifier = known_window(memory) or secrets.token_hex(16)
        visit.values = remembered(memory)
        is_new = not self.windows.knows(identifier)
        try:
            window = self.windows.arrive(identifier, visit.values, request.headers.get(VISITOR, ""))
        except GlyphError as error:
            return {self.ui.status: views.notice(error.message.text(self._first_language(memory, request)))}
        if is_new:
            window.language = self._first_language(memory, request)
        told = limits() or self.windows.notice
        if told is not None:
            window.notice = (told, "hint")
        updates = {
            self.ui.memory: {"window": identifier, "language": window.language, "settings": visit.values},
            self.ui.language: gr.update(value=window.language),
        }
        settings = window.session.settings
        shown = (self.labels(window.language), self.front(window), self.preferences(settings))
        visit.arrive(identifier)
        return merged(*shown, self.engine_preferences(settings), updates)

    def _first_language(self, memory: Any, request: gr.Request) -> Language:
        chosen = memory.get("language") if isinstance(memory, dict) else None
        for language in (chosen, self.windows.settings.language):
            if isinstance(language, str) and language in LANGUAGES:
                return language
        return preferred_language(request.headers.get("accept-language"))

    def speak(self, visit: Visit, language: Language) -> Updates:
        window = self.windows.get(visit)
        if not isinstance(language, str) or language not in LANGUAGES:
            return gr.skip()
        window.language = language
        window.save()
        return merged(self.labels(language), self.front(window))

    # Chat

    def ask(self, visit: Visit, question: str) -> Iterator[Updates]:
        yield from self._answer(self.windows.get(visit), question, None)

    def retry(self, visit: Visit, data: gr.RetryData) -> Iterator[Updates]:
        window = self.windows.get(visit)
        at = _exchange_index(data.index)
        if 0 <= at < len(window.transcript):
            yield from self._answer(window, window.transcript[at].question, at)

    def edit(self, visit: Visit, data: gr.EditData) -> Iterator[Updates]:
        window = self.windows.get(visit)
        at = _exchange_index(data.index)
        if 0 <= at < len(window.transcript):
            yield from self._answer(window, views.typed(str(data.value)), at)

    def undo(self, visit: Visit) -> Updates:
        window = self.windows.get(visit)
        question = window.undo()
        return {**self.conversation(window), self.ui.question: question}

    def clear(self, visit: Visit) -> Updates:
        window = self.windows.get(visit)
        window.clear()
        return self.conversation(window)

    def stop(self, visit: Visit) -> None:
        self.windows.get(visit).stop()

    def export(self, visit: Visit, kind: str) -> dict[str, str]:
        """The conversation with the document in front as a file, `kind` being md or json; the page saves it."""
        window = self.windows.get(visit)
        name = window.reading.name if window.reading else say("title", window.language)
        write = as_markdown if kind == "md" else as_json
        done = [exchange for exchange in window.transcript if not exchange.running]
        return {"name": f"{Path(name).stem}.{kind}", "text": write(name, done)}

    # Pages

    def on_page(self, visit: Visit, data: gr.EventData) -> Updates:
        """A page was turned to, or a line under an answer was clicked: show where it stands."""
        window = self.windows.get(visit)
        if data.act == "page":
            page = _number(data.page)
            if window.reading is None or all(known.number != page for known in window.reading.pages):
                return gr.skip()
            window.spot = replace(window.spot, page=page, chosen=None)
            return {self.ui.page: self.page(window)}
        exchanges, at, line = window.transcript, _number(data.exchange), _number(data.line)
        if not 0 <= at < len(exchanges) or not 0 <= line < len(exchanges[at].regions):
            return gr.skip()
        window.spot = Spot.of(exchanges[at], line)
        return {self.ui.page: self.page(window)}

    def _answer(self, window: Window, question: str, at: int | None) -> Iterator[Updates]:
        """Updates while an answer grows. Closing the iterator closes the engine's."""
        ui, before = self.ui, window.spot
        window.notice = None
        try:
            with contextlib.closing(window.ask(question, at)) as steps:  # type: ignore[type-var]
                begun = False
                for exchange in views.paced(steps, ANSWER_INTERVAL):
                    updates: Updates = {}
                    if not begun:
                        begun = True
                        updates |= {**self.conversation(window), ui.question: "", ui.status: ""}
                    updates[ui.live] = views.live(exchange, window.language)
                    if exchange.regions and exchange.regions is not window.spot.regions:
                        window.spot = Spot.of(exchange)
                        updates[ui.page] = self.page(window)
                    yield updates
        except GlyphError as error:
            yield {**self.conversation(window), ui.question: question, **self.say_error(window, error)}
            return
        yield {**self.conversation(window), **({ui.page: self.page(window)} if window.spot is not before else {})}


def _exchange_index(message_index: Any) -> int:
    """Which exchange a chat message belongs to: two messages each. -1 for what is no place of a message."""
    index = message_index[0] if isinstance(message_index, list | tuple) and message_index else message_index
    return _number(index) // 2


def _number(sent: Any) -> int:
    """A place in a list as a page sends it; -1 for what is none."""
    text = str(sent)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
