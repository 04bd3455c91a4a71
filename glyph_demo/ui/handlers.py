"""What happens on each event of the page. A handler looks its window up, acts on the session, and returns or yields
updates of components. A GlyphError is shown in the status line."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import gradio as gr

from glyph_demo.errors import GlyphError
from glyph_demo.languages import LANGUAGES, Language, preferred_language
from glyph_demo.ui.blocks import Components
from glyph_demo.ui.chat_handlers import ChatHandlers, place_in_list
from glyph_demo.ui.download_handlers import DownloadHandlers
from glyph_demo.ui.examples import Example
from glyph_demo.ui.markup import notice
from glyph_demo.ui.pages import absent_view, found_view
from glyph_demo.ui.picker_handlers import PickerHandlers
from glyph_demo.ui.preference_handlers import PreferenceHandlers
from glyph_demo.ui.shelf_handlers import ShelfHandlers
from glyph_demo.ui.space import limits
from glyph_demo.ui.updates import Updates, merged
from glyph_demo.ui.window_view import WindowView
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.page_look import PAGES_CHANGED
from glyph_demo.windows.preferences import known_window, remembered
from glyph_demo.windows.visit import VISITOR, Visit
from glyph_demo.windows.window import Window


class Handlers:
    """The handlers of each part of the window, and those of the page as a whole."""

    def __init__(self, windows: Windows, components: Components, examples: list[Example]) -> None:
        self.windows, self.ui, self.examples = windows, components, examples
        self._view = view = WindowView(windows, components, examples)
        self.chat = ChatHandlers(view)
        self.shelf = ShelfHandlers(view)
        self.preferences = PreferenceHandlers(view)
        self.download = DownloadHandlers(view)
        self.picker = PickerHandlers(view, self.download)

    def load_page(self, visit: Visit, memory: Any, request: gr.Request) -> Updates:
        """Give a page that has just been opened the window that its tab names, else a new one. A new window takes the
        language that the browser remembers, else that of the settings, else that which the browser asks for."""
        identifier = known_window(memory) or secrets.token_hex(16)
        visit.values = remembered(memory)
        is_new = not self.windows.knows(identifier)
        try:
            window = self.windows.arrive(identifier, visit.values, request.headers.get(VISITOR, ""))
        except GlyphError as error:
            return {self.ui.status: notice(error.message.text(self._first_language(memory, request)))}
        window.searched = window.renamed = ""  # a page begins without
        window.earlier.clear()
        window.together = window.offer_closed = False
        if is_new:
            window.language = self._first_language(memory, request)
        told = limits() or self.windows.switch.notice
        if told is not None:
            window.notice = (told, "hint")
        updates = {
            self.ui.memory: {"window": identifier, "language": window.language, "settings": visit.values},
            self.ui.language: gr.update(value=window.language),
        }
        shown = merged(self._view.all_of_engine(window), self._view.front(window), updates)
        visit.arrive(identifier)
        return shown

    def _first_language(self, memory: Any, request: gr.Request) -> Language:
        chosen = memory.get("language") if isinstance(memory, dict) else None
        for language in (chosen, self.windows.settings.language):
            if isinstance(language, str) and language in LANGUAGES:
                return language
        return preferred_language(request.headers.get("accept-language"))

    def change_language(self, visit: Visit, language: Language) -> Updates:
        window = self.windows.get(visit)
        if not isinstance(language, str) or language not in LANGUAGES:
            return gr.skip()
        window.language = language
        window.save()
        return merged(self._view.labels(window), self._view.front(window))

    def close_notice(self, visit: Visit) -> Updates:
        window = self.windows.get(visit)
        window.notice = None
        return self._view.status(window)

    def on_page(self, visit: Visit, data: gr.EventData) -> Updates:
        """Show the page that was turned to, the page of the line that was clicked under an answer, or the page in focus
        in another way; or draw what is missing of it."""
        window, error = self.windows.get(visit), None
        was = window.looked_at
        if data.act == "draw":
            try:
                window.draw_original()
            except GlyphError as why:
                error = why
        elif data.act == "show":
            window.shows_original = data.what == "original"
        elif not self._turned(window, data):
            return gr.skip()
        changed = self._view.status(window) if window.notice and window.notice[0] is PAGES_CHANGED else {}
        if was is not window.looked_at:
            changed |= self._view.looked_at(window)
        return {**changed, self.ui.page: self._view.page(window, error), self.ui.found: self._view.found(window)}

    def find(self, visit: Visit, words: str) -> Updates:
        """Show the next place of these words, or the first."""
        return self._find(visit, words, 1)

    def find_beside(self, visit: Visit, words: str, data: gr.EventData) -> Updates:
        """Show the place before or after the one that is shown."""
        return self._find(visit, words, -1 if str(data.step) == "-1" else 1)

    def _find(self, visit: Visit, words: str, step: int) -> Updates:
        window = self.windows.get(visit)
        if not isinstance(words, str) or not words.strip():
            window.focus = replace(window.focus, found=0)
            return {self.ui.found: ""}
        absent = absent_view(window.looked_at, window.language)  # first: a page that is read meanwhile is not found
        at, total = window.find(words, step)
        found = found_view(at, total, window.language) if total else absent
        return {self.ui.found: found, self.ui.page: self._view.page(window)}

    def _turned(self, window: Window, data: gr.EventData) -> bool:
        """Whether there is what the click asks for, which is in focus then."""
        if data.act == "front" or (data.act == "outline" and window.beside):
            window.look_at_front(window.last_focus())
        if data.act == "front":
            return True
        if data.act in ("page", "outline"):
            return window.turn_to(place_in_list(data.page))
        if data.act == "original":
            return window.turn_to_original(place_in_list(data.page))
        if data.act == "claim":
            return window.focus_on_claim(place_in_list(data.answer), place_in_list(data.claim))
        exchanges, at, line = window.transcript, place_in_list(data.exchange), place_in_list(data.line)
        if not 0 <= at < len(exchanges) or not 0 <= line < len(exchanges[at].regions):
            return False
        window.focus_on(exchanges[at], line)
        return True
