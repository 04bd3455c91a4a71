"""What the page of a window shows, as updates of its components."""

from __future__ import annotations

import gradio as gr

from glyph_demo.conversation.places import file_pages
from glyph_demo.conversation.reading import Reading
from glyph_demo.engines.weights import AUTO_SIZE, still_to_come
from glyph_demo.errors import GlyphError, Language
from glyph_demo.settings import Settings
from glyph_demo.ui import views
from glyph_demo.ui.about import about_view
from glyph_demo.ui.answer_card import chat_messages, earlier_button
from glyph_demo.ui.blocks import Components
from glyph_demo.ui.examples import Example
from glyph_demo.ui.markup import closable, notice
from glyph_demo.ui.pages import beside_view, found_view, gallery_view, original_view, page_view, switch_view
from glyph_demo.ui.picker import engine_view
from glyph_demo.ui.picker_view import PickerView
from glyph_demo.ui.shelf import document_list
from glyph_demo.ui.sidebar import (
    FONT_SIZES,
    RESOLUTIONS,
    choices,
    mode_choices,
    page_image_choices,
    settings_title,
)
from glyph_demo.ui.texts import LOADING, say
from glyph_demo.ui.updates import Updates, merged
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.conversations import first_shown
from glyph_demo.windows.preferences import PREFERENCES, mode_of, setting
from glyph_demo.windows.window import Window

READING_INTERVAL = 0.2  # seconds between two looks at what is being read or loaded


class WindowView:
    """Makes the updates of a page's components from what its window holds."""

    def __init__(self, windows: Windows, components: Components, examples: list[Example]) -> None:
        self.windows = windows
        self.ui = components
        self.examples = examples
        self.picker = PickerView(windows, components)

    def front(self, window: Window) -> Updates:
        """Everything about the document in front."""
        ui, reading, identifier = self.ui, window.reading, window.session.current_id
        samples = window.samples.get(identifier or "", ())
        updates: Updates = {
            ui.upload: say("upload.more" if window.session.documents else "upload.hint", window.language),
            ui.documents: document_list(window),
            ui.progress: views.reading_progress(reading, window.language),
            ui.about: self.about(window),
            **self.conversation(window),
            **self.looked_at(window),
            **self.status(window),
        }
        for index, button in enumerate(ui.samples):
            # A hidden one keeps its text: a page may show the half of an older update, and would have one without.
            shown = {"value": samples[index]} if index < len(samples) else {}
            updates[button] = gr.update(visible=bool(shown), **shown)
        return updates

    def looked_at(self, window: Window) -> Updates:
        """The page view, what was found above it, and the small pictures below it."""
        return {**self.paper(window), self.ui.gallery: self.gallery(window.looked_at, window.language)}

    def paper(self, window: Window) -> Updates:
        """The page view, and what was found above it."""
        return {self.ui.page: self.page(window), self.ui.found: self.found(window)}

    def about(self, window: Window) -> str:
        """What the document in front is, as far as it is known. Examples have questions of their own."""
        if (reading := window.reading) is None:
            return ""
        own = bool(window.samples.get(window.session.current_id or ""))
        return about_view(reading.overview_so_far[0], window.language, questions=not own)

    def conversation(self, window: Window) -> Updates:
        """The exchanges that have ended. Only the handler that writes an answer shows it meanwhile: a reloaded page
        would go on showing its state of now."""
        return {**self.chat(window), self.ui.live: ""}

    def chat(self, window: Window) -> Updates:
        """The last exchanges, and how many are before them."""
        window.first_turn = first = first_shown(window)
        return {
            self.ui.earlier: earlier_button(first, window.language),
            self.ui.chat: chat_messages(window.transcript, window.language, first),
        }

    def page(self, window: Window, error: GlyphError | None = None) -> str:
        """The page in focus, else the first one, with the places on it that an answer rests on. `error` keeps the
        file's page from being drawn."""
        window.leave_closed()
        reading, view = window.looked_at, window.view
        other = beside_view(window)
        if reading is None or view is None:
            return other
        document, originals, pages = reading.document, reading.originals, list(reading.pages)
        if document is None or not pages:
            return other
        if originals and window.shows_original:
            return other + original_view(window, originals, error)
        switch = switch_view(False, window.language) if originals else ""
        marks = file_pages(document, view)
        return other + page_view(reading.key, pages, window.focus, window.language, marks, switch)

    def found(self, window: Window) -> str:
        """Which of the places of what was looked for is shown; empty once the page shows something else."""
        focus = window.focus
        shows = focus.found and focus.regions
        return found_view(focus.found, len(focus.regions), window.language) if shows else ""

    def gallery(self, reading: Reading | None, language: Language) -> str:
        document = reading.document if reading is not None else None
        if reading is None or document is None:
            return ""
        return gallery_view(reading.key, list(reading.pages), document, language)

    def say_error(self, window: Window, error: GlyphError) -> Updates:
        window.notice = (error.message, "error")
        return self.status(window)

    def status(self, window: Window) -> Updates:
        loading = self.loading(window.language) if window.notice is None or window.notice[0] is LOADING else ""
        window.shows_loading |= self.windows.switch.loading is not None
        return {
            self.ui.status: loading or self.told(window),
            self.ui.read_first: gr.update(visible=bool(window.refused)),
        }

    def told(self, window: Window) -> str:
        """The window's notice with its button; empty if there is none."""
        said = window.notice
        return closable(notice(said[0].text(window.language), said[1]), window.language) if said is not None else ""

    def loading(self, language: Language) -> str:
        """How much of the engine's model is loaded; empty once it is."""
        progress = self.windows.switch.loading
        return views.loading_notice(progress, language) if progress is not None else ""

    def stoppable(self, window: Window) -> str:
        """`loading` with a button that stops it: for whoever chose what is loaded, and for all after a download."""
        progress, stopped = self.windows.switch.loading, window.load_stopped or self.windows.download.load_stopped
        if progress is None or stopped is None:
            return self.loading(window.language) or notice(LOADING.text(window.language), "hint")
        return views.stoppable_notice(progress, stopped.is_set(), window.language)

    def engine(self, language: Language) -> str:
        return engine_view(self.windows.switch.engine, language) + self.loading(language)

    def offer(self, window: Window) -> str:
        """The full model, if only its weights are missing and the page has not closed that, or how far their download
        is."""
        download, language = self.windows.download, window.language
        if (progress := download.progress) is not None:
            loading = self.windows.switch.loading is not None
            return views.download_notice(None if loading else progress, download.model, language)
        shown = views.offer_notice(download.offer, still_to_come(AUTO_SIZE, self.windows.settings), language)
        return "" if window.offer_closed else shown  # it may have been closed while that was found out

    def preferences(self, settings: Settings) -> Updates:
        """The sidebar's controls with the values of `settings`, all but the picker. Those that the engine in use
        ignores are grey."""
        ignores = self.windows.switch.engine.kind.ignores
        updates = {
            getattr(self.ui, name): gr.update(value=setting(settings, path), interactive=path not in ignores)
            for name, path in PREFERENCES.items()
        }
        return {**updates, self.ui.mode: gr.update(value=mode_of(settings))}

    def all_of_engine(self, window: Window) -> Updates:
        """Everything that names the engine or depends on it."""
        window.engine_shown, window.shows_loading = self.windows.switch.engine, False
        language, settings = window.language, window.session.settings
        return merged(self.labels(window), self.preferences(settings), self.picker.in_use(language))

    def labels(self, window: Window) -> Updates:
        ui, language = self.ui, window.language
        updates, rendering = ui.labels.updates(language), self.windows.settings.rendering
        for dropdown, offered, configured in (
            (ui.font_size, FONT_SIZES, rendering.font_size),
            (ui.dpi, RESOLUTIONS, rendering.dpi),
        ):
            updates[dropdown] = updates[dropdown] | gr.update(choices=choices(offered, configured, language))
        updates[ui.mode] = updates[ui.mode] | gr.update(choices=mode_choices(language))
        updates[ui.page_images] = updates[ui.page_images] | gr.update(choices=page_image_choices(language))
        updates = merged(updates, self.picker.labels(language))
        updates[ui.header] = views.title_view(self.windows.switch.engine, language)
        updates[ui.engine] = self.engine(language)
        updates[ui.offer] = self.offer(window)
        updates[ui.examples_label] = say("examples", language)
        updates[ui.settings_label] = settings_title(language)
        for button, example in zip(ui.examples, self.examples, strict=True):
            updates[button] = gr.update(value=example.title.text(language))
        return updates
