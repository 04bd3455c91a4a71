"""What happens on each event of the window. A handler looks its window up, acts on the session and returns or yields
updates by component. GlyphErrors become the status line; the session goes on."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.engines.base import TooLong
from glyph_demo.errors import GlyphError, Language, SettingsError
from glyph_demo.reading import Reading
from glyph_demo.ui import views
from glyph_demo.ui.blocks import FONT_SIZES, RESOLUTIONS, Components, choices
from glyph_demo.ui.examples import Example
from glyph_demo.ui.texts import GONE, NO_TEXT_LAYER, browser_language, say, too_long
from glyph_demo.ui.window import Refused, Window, Windows

Updates = dict[Any, Any]

ANSWER_INTERVAL = 0.05  # seconds between two updates of a growing answer: each one sends the whole conversation
READING_INTERVAL = 0.2
GALLERY_SECONDS_PER_PAGE = 0.02  # sending the gallery costs time per page, so a long one is sent less often


class Handlers:
    def __init__(self, windows: Windows, components: Components, examples: list[Example]) -> None:
        self.windows = windows
        self.ui = components
        self.examples = examples

    # The window

    def load(self, request: gr.Request) -> Updates:
        """A page was opened: give it a window, in the language of the settings or else of the browser."""
        identifier = secrets.token_hex(16)
        window = self.windows.get(identifier)
        wanted = self.windows.settings.language
        window.language = browser_language(request.headers.get("accept-language")) if wanted == "auto" else wanted
        updates = {self.ui.window: identifier, self.ui.language: gr.update(value=window.language)}
        return _merged(self._labels(window.language), self._front(window), updates)

    def speak(self, window_id: str, language: Language) -> Updates:
        window = self.windows.get(window_id)
        window.language = language
        return _merged(self._labels(language), self._front(window, gallery=False))

    def configure(self, window_id: str, cache: bool, max_new_tokens: float) -> None:
        """Settings that the next question takes up."""
        session = self.windows.get(window_id).session
        inference = replace(session.settings.inference, reuse_cache=cache, max_new_tokens=int(max_new_tokens))
        session.configure(replace(session.settings, inference=inference))

    def restyle(self, window_id: str, font_size: float, dpi: int) -> Updates:
        """Settings that change what pages look like: the document in front is read again."""
        window = self.windows.get(window_id)
        window.stop()
        settings = window.session.settings
        rendering = replace(settings.rendering, font_size=float(font_size), dpi=int(dpi))
        window.session.configure(replace(settings, rendering=rendering))
        window.notice = None
        return self._front(window)

    # Documents

    def open_file(self, window_id: str, path: str | None) -> Updates:
        if path is None:
            return {}
        return _merged(self._open(window_id, Path(path), Path(path).name), {self.ui.upload: gr.update(value=None)})

    def open_example(self, window_id: str, index: int) -> Updates:
        example = self.examples[index]
        return self._open(window_id, example.path, example.path.name, samples=example.questions)

    def read_images(self, window_id: str) -> Updates:
        """Open the upload that had no text layer once more, as page images."""
        window = self.windows.get(window_id)
        if window.refused is None:
            return {}
        return self._open(window_id, window.refused.path, window.refused.name, page_images=True)

    def read_first(self, window_id: str) -> Updates:
        """Open the upload that was too long once more, as far as it fits."""
        refused = self.windows.get(window_id).refused
        return self._open(window_id, refused.path, refused.name, pages=f"1-{refused.pages}") if refused else {}

    def select(self, window_id: str, document_id: str) -> Updates:
        window = self.windows.get(window_id)
        window.stop()
        if document_id not in window.session.documents:
            return _merged(self._front(window), self._say_error(window, GONE))
        window.session.select(document_id)
        window.notice = None
        return self._front(window)

    def close(self, window_id: str) -> Updates:
        """Close the document in front, also while it is being read; the one before it comes to the front."""
        window = self.windows.get(window_id)
        window.stop()
        if window.session.current_id:
            self._forget(window, window.session.current_id)
        window.notice = window.refused = None
        return self._front(window)

    def follow(self, window_id: str) -> Iterator[Updates]:
        """Show how far the document in front has been read, until it is ready, failed or no longer in front."""
        window = self.windows.get(window_id)
        reading, identifier = window.reading, window.session.current_id
        if reading is None or identifier is None:
            return
        shown, due = 0, 0.0
        try:
            with contextlib.closing(reading.events()) as events:  # type: ignore[type-var]
                for latest in views.paced(events, READING_INTERVAL):
                    if window.reading is not reading:
                        return
                    updates: Updates = {self.ui.progress: views.progress(reading, latest, window.language)}
                    if len(reading.pages) > shown and time.monotonic() >= due:
                        shown = len(reading.pages)
                        due = time.monotonic() + shown * GALLERY_SECONDS_PER_PAGE
                        updates[self.ui.gallery] = self._gallery(reading, window.language)
                    yield updates
        except GlyphError as error:
            yield self._give_up(window, identifier, error)
            if window.reading is not reading:
                yield from self.follow(window_id)
            return
        if window.reading is reading:
            if window.notice is None and reading.document and reading.document.warnings:
                window.notice = (reading.document.warnings[0], "hint")
            # An answer that waited for the pages writes the chat; what stands there now may arrive after its end.
            yield {part: update for part, update in self._front(window).items() if part is not self.ui.chat}

    # Chat

    def ask(self, window_id: str, question: str) -> Iterator[Updates]:
        yield from self._answer(self.windows.get(window_id), question, None)

    def retry(self, window_id: str, data: gr.RetryData) -> Iterator[Updates]:
        window = self.windows.get(window_id)
        at = _exchange_index(data.index)
        if at < len(window.transcript):
            yield from self._answer(window, window.transcript[at].question, at)

    def edit(self, window_id: str, data: gr.EditData) -> Iterator[Updates]:
        at = _exchange_index(data.index)
        yield from self._answer(self.windows.get(window_id), views.typed(str(data.value)), at)

    def undo(self, window_id: str) -> Updates:
        window = self.windows.get(window_id)
        question = window.undo()
        return {self.ui.chat: self._messages(window), self.ui.question: gr.update(value=question)}

    def clear(self, window_id: str) -> Updates:
        window = self.windows.get(window_id)
        window.clear()
        return {self.ui.chat: self._messages(window), self.ui.question: self._question_box(answering=False)}

    def stop(self, window_id: str) -> Updates:
        window = self.windows.get(window_id)
        window.stop()
        return {self.ui.chat: self._messages(window), self.ui.question: self._question_box(answering=False)}

    # Helpers

    def _open(
        self,
        window_id: str,
        path: Path,
        name: str,
        samples: tuple[str, ...] = (),
        page_images: bool | None = None,
        pages: str | None = None,
    ) -> Updates:
        window = self.windows.get(window_id)
        window.stop()
        identifier = window.session.open(path, name, page_images=page_images, pages=pages)
        window.samples[identifier] = samples
        window.notice = window.refused = None
        return self._front(window)

    def _give_up(self, window: Window, identifier: str, error: GlyphError) -> Updates:
        """Say why a document could not be read. It leaves the list, unless other settings may still read it."""
        reading = window.session.documents.get(identifier)
        if reading is not None and not isinstance(error, SettingsError):
            if error.code == "no_text_layer":
                window.refused = Refused(reading.path, reading.name)
                error = NO_TEXT_LAYER  # the same, but for people with a button instead of a command line
            elif isinstance(error, TooLong) and error.pages:
                window.refused = Refused(reading.path, reading.name, error.pages)
                error = too_long(error.pages)
            self._forget(window, identifier)
        self._say_error(window, error)
        return self._front(window)

    def _forget(self, window: Window, identifier: str) -> None:
        """Remove a document. The one that comes to the front is read again if it was closed to make room."""
        window.forget(identifier)
        if window.reading is not None and window.reading.state == "closed" and window.session.current_id:
            window.session.select(window.session.current_id)

    def _answer(self, window: Window, question: str, at: int | None) -> Iterator[Updates]:
        """Updates while an answer grows. Closing the iterator closes the engine's."""
        ui, region = self.ui, None
        window.notice = None
        try:
            with contextlib.closing(window.ask(question, at)) as steps:  # type: ignore[type-var]
                begun = False
                for exchange in views.paced(steps, ANSWER_INTERVAL):
                    updates: Updates = {ui.chat: self._messages(window)}
                    if not begun:
                        begun = True
                        updates |= {ui.question: self._question_box(answering=True, value=""), ui.status: ""}
                    if exchange.regions and exchange.regions[0] is not region:
                        region = exchange.regions[0]
                        updates[ui.gallery] = gr.update(selected_index=region.page - window.first_page)
                    yield updates
        except GlyphError as error:
            box = self._question_box(answering=False, value=question)
            yield {ui.chat: self._messages(window), ui.question: box, **self._say_error(window, error)}
            return
        yield {ui.chat: self._messages(window), ui.question: self._question_box(answering=False)}

    def _say_error(self, window: Window, error: GlyphError) -> Updates:
        window.notice = (error.message, "error")
        return self._status(window)

    def _status(self, window: Window) -> Updates:
        text, kind = (window.notice[0].text(window.language), window.notice[1]) if window.notice else ("", "error")
        return {
            self.ui.status: views.notice(text, kind),
            self.ui.read_images: gr.update(visible=window.refused is not None and not window.refused.pages),
            self.ui.read_first: gr.update(visible=window.refused is not None and window.refused.pages > 0),
        }

    def _front(self, window: Window, gallery: bool = True) -> Updates:
        """Everything about the document in front."""
        ui, reading, identifier = self.ui, window.reading, window.session.current_id
        documents = [(known.name, name) for name, known in window.session.documents.items()]
        samples = window.samples.get(identifier or "", ())
        updates: Updates = {
            ui.documents: gr.update(choices=documents, value=identifier, visible=len(documents) > 0),
            ui.close: gr.update(visible=identifier is not None),
            ui.progress: views.progress(reading, None, window.language),
            ui.chat: self._messages(window),
            **self._status(window),
        }
        for index, button in enumerate(ui.samples):
            shown = index < len(samples)
            updates[button] = gr.update(value=samples[index] if shown else "", visible=shown)
        if gallery:
            updates[ui.gallery] = self._gallery(reading, window.language)
        return updates

    def _gallery(self, reading: Reading | None, language: Language) -> Any:
        pages = list(reading.pages) if reading is not None else []
        images = [(str(page.image), say("page", language, number=page.number)) for page in pages]
        return gr.update(value=images, visible=bool(images), selected_index=None)

    def _messages(self, window: Window) -> Any:
        return gr.update(value=views.messages(window.transcript, window.reading, window.language))

    def _question_box(self, answering: bool, **values: Any) -> Any:
        return gr.update(submit_btn=not answering, stop_btn=answering, **values)

    def _labels(self, language: Language) -> Updates:
        ui = self.ui
        updates, rendering = ui.relabel(language), self.windows.settings.rendering
        for dropdown, offered, configured in (
            (ui.font_size, FONT_SIZES, rendering.font_size),
            (ui.dpi, RESOLUTIONS, rendering.dpi),
        ):
            updates[dropdown] = updates[dropdown] | gr.update(choices=choices(offered, configured, language))
        engine = self.windows.engine.name
        updates[ui.header] = views.header(engine, language)
        updates[ui.engine] = views.engine(engine, self.windows.settings.model, language)
        updates[ui.examples_label] = say("examples", language)
        updates[ui.settings_label] = f"<h2>{say('settings', language)}</h2>"
        updates[ui.upload_hint] = views.upload_hint(language)
        for button, example in zip(ui.examples, self.examples, strict=True):
            updates[button] = gr.update(value=example.title.text(language))
        return updates


def _exchange_index(message_index: int | tuple[int, int]) -> int:
    """Which exchange a chat message belongs to: two messages each."""
    index = message_index if isinstance(message_index, int) else message_index[0]
    return index // 2


def _merged(*parts: Updates) -> Updates:
    """All updates; those of the same component become one, later values winning."""
    merged: Updates = {}
    for part in parts:
        for component, update in part.items():
            earlier = merged.get(component)
            both = isinstance(update, dict) and isinstance(earlier, dict)
            merged[component] = {**earlier, **update} if both else update  # type: ignore[dict-item]
    return merged
