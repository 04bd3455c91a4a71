"""What happens in the picker: a model is looked at, its server is tried, it is downloaded and used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Literal

import gradio as gr

from glyph_demo.engines.model_choices import ModelChoice, looked_up, model_choices
from glyph_demo.engines.remote.presets import PRESETS
from glyph_demo.engines.weights import check_folder, is_on_hub, weights_here
from glyph_demo.errors import GlyphError, Message
from glyph_demo.settings import Settings, merge
from glyph_demo.ui.download_handlers import DownloadHandlers
from glyph_demo.ui.markup import closable, notice
from glyph_demo.ui.picker import MAX_ADDRESS, served_choices
from glyph_demo.ui.picker_texts import no_model_named, not_served, password_in_address
from glyph_demo.ui.texts import LOADING, say
from glyph_demo.ui.updates import Updates, merged
from glyph_demo.ui.window_view import READING_INTERVAL, WindowView
from glyph_demo.windows.model_download import LOADED
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window

Told = tuple[Message, Literal["error", "hint"]]


@dataclass(frozen=True, slots=True, repr=False)
class Picked:
    """What the picker's fields hold. A page may send anything; what is no text counts as empty."""

    choice: ModelChoice
    folder: str
    address: str
    key: str
    served: str
    precision: str


class PickerHandlers:
    def __init__(self, view: WindowView, download: DownloadHandlers) -> None:
        self._view, self._ui, self._windows, self._download = view, view.ui, view.windows, download

    def overview(self, visit: Visit) -> Updates:
        """Say of every choice whether it fits this machine."""
        language = self._windows.get(visit).language
        self._view.picker.look()
        return self._view.picker.in_use(language)

    def choose(self, visit: Visit, *fields: Any) -> Updates:
        """Show what a choice needs. Nothing is changed yet."""
        if (picked := _picked(fields)) is None:
            return gr.skip()
        window = self._windows.get(visit)
        window.picking, language = window.picking + 1, window.language
        self._view.picker.look()
        updates = self._view.picker.chosen(picked.choice, self._shown(picked), language)
        if picked.choice.key == "server" and not picked.served:  # another choice has emptied the list
            updates = merged(updates, {self._ui.served: self._view.picker.served_at(picked.address)})
        return merged(self._view.picker.labels(language), updates, {self._ui.outcome: ""})

    def typed(self, visit: Visit, *fields: Any) -> Updates:
        """Show what the model needs that people name in the fields of a choice. What is said of an act stays."""
        if (picked := _picked(fields)) is None:
            return gr.skip()
        language = self._windows.get(visit).language
        updates = self._view.picker.chosen(picked.choice, self._shown(picked), language)
        return {self._ui.picked: updates[self._ui.picked]}

    def use_preset(self, visit: Visit, name: Any) -> Updates:
        """Fill a preset's address in, and say what to start there."""
        preset = next((preset for preset in PRESETS if preset.name == name), None)
        if preset is None:
            return gr.skip()
        language = self._windows.get(visit).language
        return {
            self._ui.preset: gr.update(info=preset.start.text(language)),
            self._ui.address: gr.update(value=preset.url),
            self._ui.outcome: "",
        }

    def readdress(self, visit: Visit, address: Any) -> Updates:
        """Take the models of the server before out of the list."""
        return {self._ui.served: self._view.picker.served_at(address)}

    def test(self, visit: Visit, *fields: Any) -> Iterator[Updates]:
        """Have the server list its models. One that is silent is waited for, about which people are told."""
        if (picked := _picked(fields)) is None:
            yield gr.skip()
            return
        window = self._windows.get(visit)
        picking = window.picking
        yield {self._ui.outcome: notice(say("test.asking", window.language), "hint")}
        try:
            settings = self._with_server(self._windows.settings, picked)
            models = _served(settings)
        except GlyphError as error:
            said, kind, models = error.message.text(window.language), "error", []
        else:
            key = ("test.none", "test.answers.one", "test.answers")[min(len(models), 2)]
            said, kind = say(key, window.language, host=settings.remote.urls, count=len(models)), "hint"
        if window.picking != picking:  # another choice is shown
            return
        yield {
            self._ui.outcome: closable(notice(said, kind), window.language),
            self._ui.served: served_choices(models),
        }

    def act(
        self,
        visit: Visit,
        choice: Any,
        folder: Any,
        address: Any,
        key: Any,
        served: Any,
        precision: Any,
        data: gr.EventData,
    ) -> Iterator[Updates]:
        """Do what a button under a choice says."""
        picked = _picked((choice, folder, address, key, served, precision))
        if picked is None:
            yield gr.skip()
            return
        window = self._windows.get(visit)
        try:
            if data.act == "use":
                yield from self._use(window, picked)
            elif data.act == "download":
                yield from self._ask(window, picked)
            elif data.act == "confirm":
                if getattr(data, "model", None) == self._wanted(picked).model:
                    yield from self._fetch(visit, window, picked)
                else:  # another name was typed since people were asked
                    yield from self._ask(window, picked)
            else:
                yield self.choose(visit, choice, folder, address, key, served, precision)
        except GlyphError as error:
            window.notice = _told(error)
            said = {self._ui.outcome: self._view.told(window)}
            yield merged(self._view.all_of_engine(window), self._view.front(window), self._kept(window, picked), said)

    def _ask(self, window: Window, picked: Picked) -> Iterator[Updates]:
        """Ask whether to download. What a model is that people named is looked up before. Raises GlyphError."""
        choice, settings, language = picked.choice, self._wanted(picked), window.language
        if choice.key == "folder":
            picking, busy = window.picking, self._view.picker.chosen(choice, settings, language, idle=False)
            asking = say("choice.asking", language, name=settings.model)
            yield merged(busy, {self._ui.outcome: notice(asking, "hint")})
            choice = looked_up(choice, settings)
            if window.picking != picking:
                return
            self._view.picker.look()
        shown = self._view.picker.chosen(choice, settings, language, sure=True)
        yield merged(shown, {self._ui.outcome: ""})

    def _fetch(self, visit: Visit, window: Window, picked: Picked) -> Iterator[Updates]:
        """Download, then use. Raises GlyphError."""
        self._windows.download.start(self._wanted(picked))
        yield self._view.picker.chosen(picked.choice, self._wanted(picked), window.language, idle=False)
        yield from self._download.follow(visit, begun=True)
        if self._windows.download.notice is not None:  # else another was chosen meanwhile
            yield self._kept(window, picked)

    def _use(self, window: Window, picked: Picked) -> Iterator[Updates]:
        """Load another engine for all windows, showing the progress. Documents and conversations stay. Raises
        GlyphError."""
        settings, ui = self._wanted(picked), self._ui
        if picked.choice.key == "folder":
            here = weights_here(settings)
            if here is None and is_on_hub(settings.model):
                yield from self._ask(window, picked)
                return
            if here is not None:
                check_folder(here)
        before, window.load_stopped = window.load_stopped, (stopped := threading.Event())
        window.notice = (LOADING, "hint")
        busy = self._view.picker.chosen(picked.choice, settings, window.language, idle=False)
        first = {**self._view.status(window), ui.picked: busy[ui.picked], ui.outcome: self._view.stoppable(window)}
        worker = ThreadPoolExecutor(1, thread_name_prefix="choose-engine")
        chosen = worker.submit(self._load, window, picked, settings, stopped)
        worker.shutdown(wait=False)  # whoever closes this, because the page has gone, waits for no load
        if before is not None:  # people changed their mind
            self._windows.switch.stop_loading(before)
        self._windows.download.stop_loading(replaced=True)
        yield first
        while not wait([chosen], READING_INTERVAL).done:
            yield {**self._view.status(window), ui.outcome: self._view.stoppable(window)}
        if not chosen.result():
            return
        said = {ui.outcome: closable(notice(LOADED.text(window.language), "hint"), window.language)}
        yield merged(self._view.all_of_engine(window), self._view.front(window), said)

    def _load(self, window: Window, picked: Picked, settings: Settings, stopped: threading.Event) -> bool:
        """Change the engine, and leave word in the window: by the end its page may have been loaded anew, and nobody
        may follow this. False, and no word, if another one was chosen in the window after it. Raises GlyphError."""
        told: Told | None = None
        try:
            if picked.choice.key == "server":
                models = _served(settings)
                if settings.model == "auto" and models:
                    settings = replace(settings, model=models[0])
                elif models and settings.model not in models:
                    raise not_served(settings.model, settings.remote.urls)
            self._windows.switch.choose_engine(settings, stopped)
            told = (LOADED, "hint")
        except GlyphError as error:
            told = _told(error)
            if window.load_stopped is stopped:
                raise
        finally:
            last = window.load_stopped is stopped
            if last:
                window.notice, window.load_stopped = told, None
        return last

    def _kept(self, window: Window, picked: Picked) -> Updates:
        """The picker with what people chose, whatever is in use."""
        updates = self._view.picker.chosen(picked.choice, self._shown(picked), window.language)
        return merged(updates, {self._ui.choice: gr.update(value=picked.choice.key)}, self._fields(picked))

    def _fields(self, picked: Picked) -> Updates:
        return {
            self._ui.folder: gr.update(value=picked.folder),
            self._ui.address: gr.update(value=picked.address),
            self._ui.served: self._view.picker.served_at(picked.address),
            self._ui.precision: gr.update(value=picked.precision),
        }

    def _shown(self, picked: Picked) -> Settings:
        """The settings with a choice, as far as it can be used yet."""
        try:
            return self._wanted(picked)
        except GlyphError:
            settings = self._view.picker.settings_of(picked.choice, picked.folder, picked.precision)
            return replace(settings, remote=replace(settings.remote, urls=picked.address))

    def _wanted(self, picked: Picked) -> Settings:
        """The settings with a choice. Raises GlyphError."""
        choice, model = picked.choice, picked.choice.model
        if choice.key == "folder":
            model = picked.folder
            if not model:
                raise no_model_named()
        values = {"engine": choice.engine, "inference.precision": picked.precision or "auto"}
        settings = merge(self._windows.settings, values)
        if choice.key == "server":
            settings, model = self._with_server(settings, picked), picked.served or "auto"
        return merge(settings, {"model": model})

    def _with_server(self, settings: Settings, picked: Picked) -> Settings:
        """`settings` with the server that people named; where they may name none, with that of this start. A key stays
        with its address, for a page does not know it. Raises GlyphError."""
        configured = self._windows.switch.configured.remote
        if not self._view.picker.names_servers:
            return replace(settings, remote=configured)
        if "@" in picked.address:
            raise password_in_address()
        known = {remote.urls: remote.api_key for remote in (configured, self._windows.settings.remote)}
        key = picked.key or known.get(picked.address, "")
        return merge(settings, {"remote.urls": picked.address, "remote.api_key": key})


def _picked(fields: tuple[Any, ...]) -> Picked | None:
    """None for a choice that there is not."""
    choice, *texts = fields
    found = next((known for known in model_choices() if known.key == choice), None)
    if found is None:
        return None
    return Picked(found, *(text.strip()[:MAX_ADDRESS] if isinstance(text, str) else "" for text in texts))


def _served(settings: Settings) -> list[str]:
    """The models of the servers, of which there may be several. Raises GlyphError."""
    from glyph_demo.engines.remote.servers import parse_urls, served_models

    urls = parse_urls(settings.remote.urls)
    first, *others = (served_models(url, settings.remote.api_key) for url in urls)
    return [model for model in first if all(model in models for models in others)]


def _told(error: GlyphError) -> Told:
    return error.message, "hint" if error.code == "load_stopped" else "error"
