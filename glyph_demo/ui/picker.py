"""The part of the sidebar where people choose a model, and what it shows of each."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_type_hints

import gradio as gr

from glyph_demo.engines.base import Engine
from glyph_demo.engines.loading import amount
from glyph_demo.engines.model_choices import ModelChoice, Needs, choice_of, model_choices
from glyph_demo.engines.remote.presets import PRESETS
from glyph_demo.errors import Language
from glyph_demo.settings import Inference, Settings
from glyph_demo.ui.tabs.panels import ACTIONS
from glyph_demo.ui.texts import listed, say

PRECISIONS = get_args(get_type_hints(Inference)["precision"])
# What the settings that an engine may ignore are called in the sidebar.
_CALLED = {f"inference.{name}": name for name in ("precision", "thinking", "max_new_tokens", "temperature")}
MAX_ADDRESS = 500  # characters; more than any path or address that people type


def picker(labels: Callable[..., Any], settings: Settings) -> dict[str, Any]:
    """Lay the picker out. Returns its components by name. What the settings hold of addresses and folders is filled in
    when a page loads: the layout is served to everybody."""
    made: dict[str, Any] = {"engine": gr.HTML(elem_id="engine")}

    def add(name: str, component: Any, **keys: str) -> None:
        made[name] = labels(component, label=name, **keys)

    names = [(choice.title.en, choice.key) for choice in model_choices()]
    add("choice", gr.Radio(names, value=choice_of(settings).key, elem_id="choice"), info="choice.info")
    add(
        "folder",
        gr.Textbox(visible=False, max_length=MAX_ADDRESS, elem_id="folder"),
        placeholder="folder.hint",
    )
    with gr.Column(visible=False, elem_id="server") as made["server"]:
        add(
            "preset", gr.Dropdown([preset.name for preset in PRESETS], value=None, elem_id="preset"), info="preset.none"
        )
        add("address", gr.Textbox(max_length=MAX_ADDRESS, elem_id="address"))
        add(
            "key",
            gr.Textbox(
                type="password",
                max_length=MAX_ADDRESS,
                elem_id="key",
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
            ),
            info="key.info",
        )
    made["test"] = labels(gr.Button(size="sm", visible=False, elem_id="test"), value="test")
    add("served", gr.Dropdown([], value=None, visible=False, allow_custom_value=True, elem_id="served"))
    made["picked"] = gr.HTML(elem_id="picked", js_on_load=ACTIONS)
    made["outcome"] = gr.HTML(elem_id="outcome", js_on_load=ACTIONS)
    add(
        "precision",
        gr.Dropdown(list(PRECISIONS), value=settings.inference.precision, elem_id="precision"),
        info="precision.info",
    )
    return made


def choice_label(choice: ModelChoice, found: Needs | None, language: Language) -> str:
    """A choice in a line: its name, its size, and whether it fits."""
    parts = [choice.title.text(language)]
    if choice.size:
        parts.append(amount(choice.size, None).replace(" ", "\xa0"))
    if found is not None and found.missing:
        things = listed([say(f"lacks.{thing}", language) for thing in found.missing], language)
        parts.append(say("choice.lacks", language, things=things))
    elif found is not None and found.download is not None and found.fits.en and choice.model:
        parts.append(say("choice.slow" if found.slow else "choice.fits", language))
    return " · ".join(parts)


def picked_view(
    choice: ModelChoice,
    found: Needs,
    in_use: bool,
    language: Language,
    extra: str = "",
    sure: tuple[str, str, str] | None = None,
    idle: bool = True,
) -> str:
    """HTML: what a choice is and needs, and the buttons that lead on, if it is `idle`. `extra` is one more line. `sure`
    are the host, the folder and the model of a download that people are asked to confirm."""
    size = amount(found.download, None) if found.download else ""
    lines = [choice.about.text(language), extra]
    if choice.size:
        here = found.download == 0
        whole = amount(choice.size, None)
        key, told = ("choice.here", whole) if here else ("choice.download", size)
        lines.append(say(key, language, size=told))
    fitting = [message.text(language) for message in found.missing.values()] or [found.fits.text(language)]
    lines += fitting
    if sure is not None and "disk" not in found.missing:
        lines = [say("choice.sure", language, size=size, host=sure[0], folder=sure[1]), *fitting]
        buttons = [("confirm", "choice.yes"), ("look", "choice.no")]
    elif in_use:
        lines.append(say("choice.in_use", language))
        buttons = []
    elif found.download:
        buttons = [("look", "choice.look")] if found.missing else [("download", "choice.get")]
    else:
        buttons = [("use", "choice.use_anyway" if found.missing else "choice.use")]
    shown = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
    model = sure[2] if sure is not None else ""
    pressed = "".join(_button(act, say(key, language, size=size), model) for act, key in buttons if idle)
    return f"<div class='glyph-picked'>{shown}<div class='glyph-acts'>{pressed}</div></div>"


def _button(act: str, label: str, model: str) -> str:
    kind = "glyph-act" if act == "look" else "glyph-act main"
    data = f"data-act='{act}' data-model='{html.escape(model, quote=True)}'"
    return f"<button type='button' class='{kind}' {data}>{html.escape(label)}</button>"


def engine_parts(engine: Engine, language: Language) -> str:
    """An engine in a line: its name, its model, precision and device, as far as they are known."""
    model = engine.label or (say("engine.embedded", language) if "model" in engine.kind.ignores else "")
    return " · ".join(filter(None, (engine.kind.name, model, engine.precision, engine.device)))


def engine_view(engine: Engine, language: Language) -> str:
    """HTML for the sidebar: the engine in use, how many pages have room, and which settings it ignores."""
    lines = []
    if (room := engine.capacity()) is not None:
        lines.append(say("engine.room", language, pages=room))
    unused = [say(name, language) for path, name in _CALLED.items() if path in engine.kind.ignores]
    if unused:
        lines.append(say("engine.ignores", language, names=listed(unused, language)))
    title = html.escape(say("engine.line", language, parts=engine_parts(engine, language)))
    return f"<p><b>{title}</b></p>" + "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def served_choices(models: Sequence[str]) -> dict[str, Any]:
    """The update of the list of a server's models."""
    chosen = models[0] if models else None
    update: dict[str, Any] = gr.update(choices=list(models), value=chosen, visible=bool(models))
    return update
