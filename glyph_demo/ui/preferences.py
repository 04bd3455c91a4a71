"""What a change of a setting does: the next question takes it up, pages are read again, or another engine is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from glyph_demo.errors import GlyphError, SettingsError
from glyph_demo.settings import Settings, merge
from glyph_demo.ui.shown import Shown, Updates, merged
from glyph_demo.ui.sidebar import ENGINE_PREFERENCES, MODES, PREFERENCES, mode_of, remembered, setting
from glyph_demo.ui.texts import LOADED, LOADING, READ_AGAIN
from glyph_demo.ui.visit import Visit
from glyph_demo.ui.window import Spot


class PreferenceHandlers(Shown):
    def change(self, visit: Visit, memory: Any, value: Any, name: str) -> Updates:
        """A setting was changed: the next question takes it up. What pages look like has them read again."""
        return self._configure(visit, memory, {PREFERENCES[name]: value})

    def change_mode(self, visit: Visit, memory: Any, mode: str) -> Updates:
        return self._configure(visit, memory, MODES[mode])

    def change_engine(self, visit: Visit, engine: str, model: str, precision: str) -> Iterator[Updates]:
        """Load another engine, for all windows, and tell when it is there. Documents and conversations stay."""
        window = self.windows.get(visit)
        values = {"engine": engine, "model": model.strip() or "auto", "inference.precision": precision}
        window.notice = (LOADING, "hint")
        yield {**self.status(window), self.ui.load: gr.update(interactive=False)}
        try:
            self.windows.change_engine(merge(self.windows.settings, values))
            window.notice = (LOADED, "hint")
        except GlyphError as error:
            window.notice = (error.message, "error")
        engine_shown = self.engine_preferences(window.session.settings)
        shown = merged(self.labels(window.language), self.front(window), engine_shown)
        yield merged(shown, {self.ui.load: gr.update(interactive=True)})

    def preferences(self, settings: Settings) -> Updates:
        """The sidebar as the settings are, all but the engine."""
        return {**self._values(PREFERENCES, settings), self.ui.mode: gr.update(value=mode_of(settings))}

    def engine_preferences(self, settings: Settings) -> Updates:
        return self._values(ENGINE_PREFERENCES, settings)

    def _values(self, names: dict[str, str], settings: Settings) -> Updates:
        return {getattr(self.ui, name): gr.update(value=setting(settings, path)) for name, path in names.items()}

    def _configure(self, visit: Visit, memory: Any, values: dict[str, Any]) -> Updates:
        window = self.windows.get(visit)
        try:
            settings = merge(window.session.settings, values)
        except SettingsError as error:
            return self.say_error(window, error)
        other_pages = settings.rendering != window.session.settings.rendering
        if other_pages:
            window.stop()
        window.session.configure(settings)
        updates = self.preferences(settings)
        if other_pages and window.reading is not None:
            window.notice, window.spot = (READ_AGAIN, "hint"), Spot()
            updates = merged(updates, self.front(window))
        kept = memory if isinstance(memory, dict) else {}
        visit.values = {**remembered(memory), **values}
        return {**updates, self.ui.memory: {**kept, "settings": visit.values}}
