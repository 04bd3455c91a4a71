"""The layout: which component stands where, and which text of texts.py each of its labels takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.settings import Settings
from glyph_demo.ui.examples import QUESTIONS_PER_EXAMPLE, Example
from glyph_demo.ui.texts import LANGUAGES, say

MAX_NEW_TOKENS = 8192
MAX_QUESTION = 4000  # characters
FONT_SIZES = (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 16.0)  # points
RESOLUTIONS = (72, 96, 120, 150, 200)  # dots per inch


@dataclass
class Components:
    """The components that handlers read or change."""

    window: gr.State
    header: gr.HTML
    language: gr.Radio
    status: gr.HTML
    read_images: gr.Button
    read_first: gr.Button
    upload: gr.File
    upload_hint: gr.HTML
    examples_label: gr.HTML
    examples: list[gr.Button]
    documents: gr.Radio
    close: gr.Button
    progress: gr.HTML
    gallery: gr.Gallery
    chat: gr.Chatbot
    samples: list[gr.Button]
    question: gr.Textbox
    settings_label: gr.HTML
    cache: gr.Checkbox
    max_new_tokens: gr.Slider
    font_size: gr.Dropdown
    dpi: gr.Dropdown
    engine: gr.HTML
    labels: list[tuple[Any, str, str]] = field(default_factory=list)  # component, property, key of its text

    def outputs(self) -> list[Any]:
        """All components, for events that may change any of them."""
        found: list[Any] = []
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name != "labels":
                found += value if isinstance(value, list) else [value]
        return found

    def relabel(self, language: Language) -> dict[Any, Any]:
        """Updates that put every static label into a language."""
        properties: dict[Any, dict[str, Any]] = {}
        for component, name, key in self.labels:
            properties.setdefault(component, {})[name] = say(key, language)
        return {component: gr.update(**values) for component, values in properties.items()}


def build(
    settings: Settings, examples: list[Example], language: Language, closed: Callable[[str | None], None]
) -> Components:
    """Lay the window out inside the gr.Blocks that is open. `closed` takes the id of a window that has gone."""
    labels: list[tuple[Any, str, str]] = []

    def said(component: Any, **keys: str) -> Any:
        """The component, with the properties named in `keys` following the language."""
        for name, key in keys.items():
            labels.append((component, name, key))
            setattr(component, name, say(key, language))
        return component

    made: dict[str, Any] = {"window": gr.State(None, delete_callback=closed)}
    _sidebar(made, said, settings)
    with gr.Row(elem_id="head"):
        made["header"] = gr.HTML(elem_id="title")
        made["language"] = said(
            gr.Radio(list(LANGUAGES.items()), value=language, container=False, elem_id="language"), label="language"
        )
    with gr.Row(elem_id="notice"):
        made["status"] = gr.HTML(elem_id="status")
        made["read_images"] = said(gr.Button(visible=False, size="sm", elem_id="read-images"), value="read_images")
        made["read_first"] = said(gr.Button(visible=False, size="sm", elem_id="read-first"), value="read_first")
    with gr.Row(elem_id="main", equal_height=True):
        with gr.Column(scale=5, min_width=300, elem_id="document"):
            _document(made, said, examples)
        with gr.Column(scale=7, min_width=320, elem_id="talk"):
            _talk(made, said)
    return Components(**made, labels=labels)


def choices(offered: tuple[float, ...], configured: float, language: Language) -> list[tuple[str, float]]:
    """Choices of a dropdown: the style's own value (0), those offered and the one that the settings name."""
    values = sorted({*offered, configured} - {0})
    return [(say("auto", language), 0), *((f"{value:g}", value) for value in values)]


def _document(made: dict[str, Any], said: Any, examples: list[Example]) -> None:
    made["upload_hint"] = gr.HTML(elem_id="upload-hint")
    # No file_types: a file of another kind is refused by our own message, in the chosen language.
    made["upload"] = said(gr.File(height=92, elem_id="upload", show_label=False), label="upload")
    with gr.Row(elem_id="examples", visible=bool(examples)):
        made["examples_label"] = gr.HTML(elem_id="examples-label")
        made["examples"] = [gr.Button(size="sm", elem_classes="chip", min_width=80) for _ in examples]
    made["documents"] = said(gr.Radio([], visible=False, elem_id="documents"), label="documents")
    made["close"] = said(gr.Button(visible=False, size="sm", elem_id="close"), value="close")
    made["progress"] = gr.HTML(elem_id="progress")
    gallery = gr.Gallery(
        columns=3, object_fit="contain", buttons=["fullscreen"], interactive=False, elem_id="gallery", visible=False
    )
    made["gallery"] = said(gallery, label="pages")


def _talk(made: dict[str, Any], said: Any) -> None:
    chat = gr.Chatbot(
        render_markdown=False,
        latex_delimiters=[],
        buttons=[],
        editable="user",
        feedback_options=None,
        show_label=False,
        elem_id="chat",
        height="100%",
    )
    made["chat"] = said(chat, label="chat", placeholder="chat.empty")
    with gr.Row(elem_id="samples"):
        made["samples"] = [
            gr.Button(visible=False, size="sm", elem_classes="chip", min_width=80) for _ in range(QUESTIONS_PER_EXAMPLE)
        ]
    question = gr.Textbox(
        lines=1, max_lines=6, submit_btn=True, show_label=False, max_length=MAX_QUESTION, elem_id="question"
    )
    made["question"] = said(question, label="question", placeholder="question.hint")


def _sidebar(made: dict[str, Any], said: Any, settings: Settings) -> None:
    inference, rendering = settings.inference, settings.rendering
    with gr.Sidebar(open=False, elem_id="settings", width=300):
        made["settings_label"] = gr.HTML()
        made["cache"] = said(gr.Checkbox(inference.reuse_cache, elem_id="cache"), label="cache", info="cache.info")
        made["max_new_tokens"] = said(
            gr.Slider(16, MAX_NEW_TOKENS, value=inference.max_new_tokens, step=16),
            label="max_new_tokens",
            info="max_new_tokens.info",
        )
        font_size = gr.Dropdown(choices(FONT_SIZES, rendering.font_size, "en"), value=rendering.font_size)
        made["font_size"] = said(font_size, label="font_size", info="font_size.info")
        dpi = gr.Dropdown(choices(RESOLUTIONS, rendering.dpi, "en"), value=rendering.dpi)
        made["dpi"] = said(dpi, label="dpi", info="dpi.info")
        made["engine"] = gr.HTML(elem_id="engine")
