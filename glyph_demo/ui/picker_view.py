"""What the picker shows of a choice, as updates of its components."""

from __future__ import annotations

from typing import Any

import gradio as gr

from glyph_demo.bench.estimates import Estimate, brief, expected
from glyph_demo.engines.model_choices import (
    ModelChoice,
    Resources,
    choice_of,
    looked_into,
    means,
    model_choices,
    needs,
    resources,
)
from glyph_demo.engines.registry import ENGINES
from glyph_demo.engines.weights import download_hosts, models_folder
from glyph_demo.errors import Language
from glyph_demo.settings import Settings, usable
from glyph_demo.ui.picker import choice_label, picked_view, served_choices
from glyph_demo.ui.texts import say
from glyph_demo.ui.updates import Updates
from glyph_demo.windows.collection import Windows


class PickerView:
    """`ui` are the window's components."""

    def __init__(self, windows: Windows, ui: Any) -> None:
        self._windows, self._ui = windows, ui
        self._here: Resources | None = None  # what the machine had when it was last looked at
        self._expected: dict[tuple[str, str], Estimate | None] = {}  # since then, by model and precision

    @property
    def names_servers(self) -> bool:
        """Whether people may name the address of a server here."""
        return self._windows.settings.server.own_machine

    def look(self) -> None:
        """Look at the machine again. Where there is a card, the first time may take seconds."""
        self._here, self._expected = resources(self._windows.settings), {}

    def labels(self, language: Language) -> Updates:
        names = []
        for choice in model_choices():
            settings = self.settings_of(choice)
            found = needs(choice, settings, self._here) if self._here is not None else None
            names.append((choice_label(choice, found, language), choice.key))
        return {self._ui.choice: gr.update(choices=names)}

    def settings_of(self, choice: ModelChoice, model: str = "", precision: str = "") -> Settings:
        """The settings of now with a choice in them; `model` is what people wrote."""
        values = {"engine": choice.engine, "model": choice.model or model or "auto"}
        if precision:
            values["inference.precision"] = precision
        return usable(self._windows.settings, values)

    def in_use(self, language: Language) -> Updates:
        """The whole picker as the engine in use has it. The key is never sent to a page."""
        ui, settings = self._ui, self._windows.settings
        choice = choice_of(settings)
        return {
            **self.chosen(choice, settings, language),
            ui.choice: {**self.labels(language)[ui.choice], "value": choice.key},
            ui.folder: gr.update(
                value=settings.model if choice.key == "folder" else "", visible=choice.key == "folder"
            ),
            ui.address: gr.update(value=settings.remote.urls if self.names_servers else ""),
            ui.served: self.served_at(settings.remote.urls),
            ui.precision: gr.update(
                value=settings.inference.precision, interactive=self._takes(choice, "inference.precision")
            ),
        }

    def served_at(self, address: str) -> dict[str, Any]:
        """The list of a server's models before it is tested: the one in use, if this is its address. It has none of
        another server's."""
        settings = self._windows.settings
        used = choice_of(settings).key == "server" and address == settings.remote.urls and settings.model != "auto"
        return served_choices([settings.model] if used else [])

    def chosen(
        self, choice: ModelChoice, settings: Settings, language: Language, sure: bool = False, idle: bool = True
    ) -> Updates:
        """The fields that a choice has, and what it needs where `settings` hold it. With `sure` people are asked to
        confirm its download; unless `idle` there is nothing to press."""
        if self._here is None:
            self.look()
        assert self._here is not None
        ui, server = self._ui, choice.key == "server"
        # An engine that could not be loaded can be tried again.
        in_use = means(settings, choice, self._windows.settings) and self._windows.switch.failure is None
        choice = looked_into(choice, settings)
        found = needs(choice, settings, self._here)
        extra = self._speed(settings, language) if choice.size and choice.model and not found.missing else ""
        if server and not self.names_servers:
            extra = say("server.fixed", language, urls=self._windows.switch.configured.remote.urls)
        host = say("offer.or", language).join(download_hosts(settings)) if sure else ""
        asked = (host, str(models_folder(settings)), settings.model) if sure else None
        return {
            **({} if server else {ui.served: served_choices([])}),
            ui.folder: gr.update(visible=choice.key == "folder"),
            ui.server: gr.update(visible=server and self.names_servers),
            ui.test: gr.update(visible=server),
            ui.precision: gr.update(interactive=self._takes(choice, "inference.precision")),
            ui.picked: picked_view(choice, found, in_use, language, extra, asked, idle),
        }

    def _speed(self, settings: Settings, language: Language) -> str:
        """How long a page and a token would take, which takes half a second to measure."""
        assert self._here is not None
        of = settings.model, settings.inference.precision
        if of not in self._expected:
            self._expected[of] = expected(settings, self._here)
        found = self._expected[of]
        if found is None:
            return ""
        return say(
            "choice.speed",
            language,
            page=say("figure.seconds", language, value=brief(found.page)),
            tokens=brief(found.tokens),
        )

    def _takes(self, choice: ModelChoice, name: str) -> bool:
        return name not in ENGINES[choice.engine].ignores
