"""The sidebar: the settings that people change in the window, each explained in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.settings import Inference, Settings
from glyph_demo.ui.texts import say

WINDOW_ID = re.compile("[0-9a-f]{32}")
MAX_NEW_TOKENS = 8192
FONT_SIZES = (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 16.0)  # points
RESOLUTIONS = (72, 96, 120, 150, 200)  # dots per inch
# The button that opens the sidebar has a name of Gradio's, and no tooltip.
NAME_THE_BUTTON = """const named = () => {
  const button = element.closest("#settings").querySelector(".toggle-button");
  button.ariaLabel = button.title = element.textContent.trim();
};
named();
watch("value", named);"""
ENGINES = ("auto", "pocket", "local", "remote")

# Components of the sidebar by name, and the setting each of them shows.
PREFERENCES = {
    "cache": "inference.reuse_cache",
    "thinking": "inference.thinking",
    "max_new_tokens": "inference.max_new_tokens",
    "temperature": "inference.temperature",
    "font_size": "rendering.font_size",
    "dpi": "rendering.dpi",
}
OF_PAGES = ("font_size", "dpi")  # those that change what pages look like
ENGINE_PREFERENCES = {"engine_name": "engine", "model": "model", "precision": "inference.precision"}

MODES: dict[str, dict[str, Any]] = {
    "latency": {
        "inference.thinking": False,
        "inference.max_new_tokens": 1024,
        "store.open_documents": 2,
        "inference.max_batch_size": 1,
        "inference.max_wait_ms": 0,
    },
    "balanced": {
        "inference.thinking": True,
        "inference.max_new_tokens": 8192,
        "store.open_documents": 8,
        "inference.max_batch_size": 8,
        "inference.max_wait_ms": 50,
    },
    "throughput": {
        "inference.thinking": False,
        "inference.max_new_tokens": 512,
        "store.open_documents": 32,
        "inference.max_batch_size": 8,
        "inference.max_wait_ms": 100,  # as in "memory and batch size for GLM-4.6V-Flash-WEB": max_wait_time 0.1 s
    },
}

RANGES = {
    "inference.max_new_tokens": (16, MAX_NEW_TOKENS),
    "inference.temperature": (0, 1.5),
    "rendering.font_size": (0, 72),
    "rendering.dpi": (0, 600),
}


def setting(settings: Settings, name: str) -> Any:
    """The value of a setting, by its dotted name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def mode_of(settings: Settings) -> str | None:
    return next(
        (mode for mode, values in MODES.items() if all(setting(settings, n) == v for n, v in values.items())), None
    )


def mode_choices(language: Language) -> list[tuple[str, str]]:
    return [(say(f"mode.{mode}", language), mode) for mode in MODES]


def offered(name: str, value: Any) -> bool:
    """Whether the sidebar offers to set this setting to this value. What a page sends may be anything."""
    if type(value) not in (bool, int, float):
        return False
    if name in RANGES:
        least, most = RANGES[name]
        return least <= value <= most
    of_modes = [values[name] for values in MODES.values() if name in values]
    return value in of_modes if of_modes else name in PREFERENCES.values() and isinstance(value, bool)


def remembered(memory: Any) -> dict[str, Any]:
    """The settings that a browser remembers, by dotted name; nothing else that it may hold."""
    kept = memory.get("settings") if isinstance(memory, dict) else None
    return {name: value for name, value in kept.items() if offered(name, value)} if isinstance(kept, dict) else {}


def known_window(memory: Any) -> str | None:
    """The id of the window that a browser remembers, if it is one."""
    named = memory.get("window") if isinstance(memory, dict) else None
    return named if isinstance(named, str) and WINDOW_ID.fullmatch(named) else None


def choices(offered: tuple[float, ...], configured: float, language: Language) -> list[tuple[str, float]]:
    """Choices of a dropdown: the style's own value (0), those offered and the one that the settings name."""
    values = sorted({*offered, configured} - {0})
    return [(say("auto", language), 0), *((f"{value:g}", value) for value in values)]


def sidebar(labels: Callable[..., Any], settings: Settings) -> dict[str, Any]:
    """Lay the sidebar out; its components by name."""
    made: dict[str, Any] = {}

    def add(name: str, component: Any) -> None:
        made[name] = labels(component, label=name, info=f"{name}.info")

    inference, rendering = settings.inference, settings.rendering
    precisions = get_args(get_type_hints(Inference)["precision"])
    with gr.Sidebar(open=False, elem_id="settings", width=320):
        made["settings_label"] = gr.HTML(js_on_load=NAME_THE_BUTTON)
        add("mode", gr.Radio(mode_choices("en"), value=mode_of(settings), elem_id="mode"))
        add("cache", gr.Checkbox(inference.reuse_cache, elem_id="cache"))
        add("thinking", gr.Checkbox(inference.thinking, elem_id="thinking"))
        add("max_new_tokens", gr.Slider(16, MAX_NEW_TOKENS, value=inference.max_new_tokens, step=16))
        add("temperature", gr.Slider(0, 1.5, value=inference.temperature, step=0.1))
        add("font_size", gr.Dropdown(choices(FONT_SIZES, rendering.font_size, "en"), value=rendering.font_size))
        add("dpi", gr.Dropdown(choices(RESOLUTIONS, rendering.dpi, "en"), value=rendering.dpi))
        made["engine"] = gr.HTML(elem_id="engine")
        add("engine_name", gr.Dropdown(list(ENGINES), value=settings.engine))
        add("model", gr.Textbox(settings.model, max_length=500, elem_id="model"))
        add("precision", gr.Dropdown(list(precisions), value=inference.precision))
        made["load"] = labels(gr.Button(size="sm", elem_id="load"), value="load")
    return made
