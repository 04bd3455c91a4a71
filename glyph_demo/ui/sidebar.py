"""The sidebar: the settings that people can change in the window, each with a sentence that explains it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.settings import Settings
from glyph_demo.ui.picker import picker
from glyph_demo.ui.texts import say
from glyph_demo.windows.preferences import CHOICES, MAX_NEW_TOKENS, MODES, mode_of

FONT_SIZES = (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 16.0)  # points
RESOLUTIONS = (72, 96, 120, 150, 200)  # dots per inch
# What names.js gives names to, and the keys of their texts.
NAMED = {
    "send": "send",
    "stop": "many.stop",
    "retry": "chat.retry",
    "undo": "chat.undo",
    "edit": "chat.edit",
    "submit": "chat.submit",
    "cancel": "chat.cancel",
    "range": "slider.range",
    "number": "slider.number",
    "reset": "slider.reset",
}
NAMES = Path(__file__).with_name("names.js").read_text(encoding="utf-8")


def settings_title(language: Language) -> str:
    """HTML: the heading of the sidebar, which holds the names that names.js gives."""
    names = " ".join(f"data-{name}='{say(key, language, label='{label}')}'" for name, key in NAMED.items())
    return f"<h2 {names}>{say('settings', language)}</h2>"


def mode_choices(language: Language) -> list[tuple[str, str]]:
    return [(say(f"mode.{mode}", language), mode) for mode in MODES]


def page_image_choices(language: Language) -> list[tuple[str, str]]:
    return [(say(f"page_images.{way}", language), way) for way in CHOICES["documents.page_images"]]


def choices(offered: tuple[float, ...], configured: float, language: Language) -> list[tuple[str, float]]:
    """The choices of a dropdown: the style's own value (0), the `offered` ones and the `configured` one."""
    values = sorted({*offered, configured} - {0})
    return [(say("auto", language), 0), *((f"{value:g}", value) for value in values)]


def sidebar(labels: Callable[..., Any], settings: Settings) -> dict[str, Any]:
    """Lay the sidebar out. Returns its components by name."""
    made: dict[str, Any] = {}

    def add(name: str, component: Any) -> None:
        made[name] = labels(component, label=name, info=f"{name}.info")

    inference, rendering = settings.inference, settings.rendering
    with gr.Sidebar(open=False, elem_id="settings", width=320):
        made["settings_label"] = gr.HTML(js_on_load=NAMES)
        made |= picker(labels, settings)
        add("mode", gr.Radio(mode_choices("en"), value=mode_of(settings), elem_id="mode"))
        add("cache", gr.Checkbox(inference.reuse_cache, elem_id="cache"))
        add("thinking", gr.Checkbox(inference.thinking, elem_id="thinking"))
        add("max_new_tokens", gr.Slider(16, MAX_NEW_TOKENS, value=inference.max_new_tokens, step=16))
        add("temperature", gr.Slider(0, 1.5, value=inference.temperature, step=0.1, elem_id="temperature"))
        add("font_size", gr.Dropdown(choices(FONT_SIZES, rendering.font_size, "en"), value=rendering.font_size))
        add("dpi", gr.Dropdown(choices(RESOLUTIONS, rendering.dpi, "en"), value=rendering.dpi))
        add("page_images", gr.Radio(page_image_choices("en"), value=settings.documents.page_images))
    return made
