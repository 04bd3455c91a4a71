"""What a change of a setting does: the next question uses it, or pages are read again."""

from __future__ import annotations

from typing import Any

import gradio as gr

from glyph_demo.errors import SettingsError
from glyph_demo.settings import merge
from glyph_demo.ui.texts import READ_AGAIN
from glyph_demo.ui.updates import Updates, merged
from glyph_demo.ui.window_view import WindowView
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.preferences import MODES, OF_PAGES, PREFERENCES, known_window, offered, remembered, setting
from glyph_demo.windows.visit import Visit


class PreferenceHandlers:
    def __init__(self, view: WindowView) -> None:
        self._view, self._ui, self._windows = view, view.ui, view.windows

    def shown(self, visit: Visit) -> Updates:
        """The controls as the engine in use has them."""
        return self._view.preferences(self._windows.get(visit).session.settings)

    def change_setting(self, visit: Visit, memory: Any, value: Any, name: str) -> Updates:
        """Change a setting for the next question. One that changes how pages look has them read again."""
        if not offered(PREFERENCES[name], value):
            return gr.skip()
        return self._configure(visit, memory, {PREFERENCES[name]: value})

    def change_mode(self, visit: Visit, memory: Any, mode: Any) -> Updates:
        if not isinstance(mode, str) or mode not in MODES:
            return gr.skip()
        return self._configure(visit, memory, MODES[mode])

    def _configure(self, visit: Visit, memory: Any, values: dict[str, Any]) -> Updates:
        window = self._windows.get(visit)
        try:
            settings = merge(window.session.settings, values)
        except SettingsError as error:
            return self._view.say_error(window, error)
        of_pages, before = [PREFERENCES[name] for name in OF_PAGES], window.session.settings
        other_pages = any(setting(settings, name) != setting(before, name) for name in of_pages)
        if other_pages:
            window.stop()
        window.session.configure(settings)
        if "inference.max_batch_size" in values:
            self._windows.switch.set_batching(settings.inference)
        updates = self._view.preferences(settings)
        if other_pages and window.reading is not None:
            window.notice = (READ_AGAIN, "hint")
            window.look_at_front(PageFocus())
            updates = merged(updates, self._view.front(window))
        visit.values = {**remembered(memory), **values}
        kept = {"window": known_window(memory), "language": window.language, "settings": visit.values}
        return {**updates, self._ui.memory: kept}
