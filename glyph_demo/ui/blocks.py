"""The layout: where each component is, and which text of texts.py each of its labels shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.languages import LANGUAGES, Language
from glyph_demo.settings import Settings
from glyph_demo.ui.about import ASK
from glyph_demo.ui.examples import QUESTIONS_PER_EXAMPLE, Example
from glyph_demo.ui.shelf import NEWEST_LIST
from glyph_demo.ui.sidebar import sidebar
from glyph_demo.ui.tabs.benchmark import BenchmarkPanel
from glyph_demo.ui.tabs.compare import ComparePanel
from glyph_demo.ui.tabs.machine import MachinePanel
from glyph_demo.ui.tabs.many import ManyPanel
from glyph_demo.ui.tabs.panels import ACTIONS, MAX_QUESTION, Labels, Panel, dialog_box, upload_box
from glyph_demo.windows.visit import Visit

SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.js")}
PANELS: dict[str, Callable[[Labels], Panel]] = {
    "many": ManyPanel,
    "compare": ComparePanel,
    "machine": MachinePanel,
    "benchmark": BenchmarkPanel,
}


@dataclass
class Components:
    """The components that handlers read or change."""

    window: gr.State  # the page's Visit
    memory: gr.BrowserState  # what the browser keeps: its last window's id, language and settings
    header: gr.HTML
    language: gr.Radio
    removing: gr.HTML  # asks whether a document with its conversation may go
    replacing: gr.HTML  # asks whether the questions after one that is asked again may go
    clearing: gr.HTML  # asks whether a conversation may go
    status: gr.HTML
    read_first: gr.Button
    offer: gr.HTML
    upload: gr.HTML
    welcome: gr.HTML
    examples_label: gr.HTML
    examples: list[gr.Button]
    search: gr.Textbox
    documents: gr.HTML
    progress: gr.HTML
    divider: gr.HTML
    find: gr.Textbox
    found: gr.HTML
    page: gr.HTML
    gallery: gr.HTML
    about: gr.HTML
    earlier: gr.HTML  # shows more of the conversation
    chat: gr.Chatbot
    live: gr.HTML
    clear: gr.Button
    export_markdown: gr.Button
    export_json: gr.Button
    exported: gr.JSON
    samples: list[gr.Button]
    question: gr.Textbox
    everyone: gr.Checkbox
    unasked: gr.Textbox  # a question that was not answered, to go back where it was typed
    settings_label: gr.HTML
    mode: gr.Radio
    cache: gr.Checkbox
    thinking: gr.Checkbox
    max_new_tokens: gr.Slider
    temperature: gr.Slider
    font_size: gr.Dropdown
    dpi: gr.Dropdown
    page_images: gr.Radio
    engine: gr.HTML  # the engine in use; the next ones choose another, see picker.py
    choice: gr.Radio
    folder: gr.Textbox
    server: gr.Column
    preset: gr.Dropdown
    address: gr.Textbox
    key: gr.Textbox
    test: gr.Button
    served: gr.Dropdown
    precision: gr.Dropdown
    picked: gr.HTML
    outcome: gr.HTML
    all_tabs: gr.Tabs
    tabs: list[gr.Tab]
    panels: list[Panel]
    labels: Labels

    def outputs(self) -> list[Any]:
        """All components, for events that may change any of them."""
        found: list[Any] = []
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name not in ("labels", "panels"):
                found += value if isinstance(value, list) else [value]
        return found + [component for panel in self.panels for component in panel.components]


def build(settings: Settings, examples: list[Example], language: Language, left: Callable[[Visit], None]) -> Components:
    """Lay the window out inside the gr.Blocks that is open. `left` is called when a page has gone."""
    labels = Labels(language)
    made: dict[str, Any] = {"window": gr.State(Visit(), delete_callback=left), "tabs": [], "panels": []}
    # Fixed key and secret: with Gradio's random ones a restart would find nothing.
    made["memory"] = gr.BrowserState(None, storage_key="glyph-demo", secret="glyph-demo")
    made |= sidebar(labels, settings)
    with gr.Row(elem_id="head"):
        made["header"] = gr.HTML(elem_id="title")
        named = [(name, code) for code, name in LANGUAGES.items()]
        made["language"] = labels(
            gr.Radio(named, value=language, container=False, elem_id="language"), label="language"
        )
    for name in ("removing", "replacing", "clearing"):
        made[name] = dialog_box(name)
    with gr.Row(elem_id="notice"):
        made["status"] = gr.HTML(elem_id="status", js_on_load=ACTIONS)
        made["read_first"] = labels(gr.Button(visible=False, size="sm", elem_id="read-first"), value="read_first")
        made["offer"] = gr.HTML(elem_id="offer", js_on_load=ACTIONS)
    with gr.Tabs(elem_id="tabs") as made["all_tabs"]:
        with tab(made["tabs"], labels, "tab.read"), gr.Row(elem_id="main", equal_height=True):
            with gr.Column(scale=5, min_width=240, elem_id="shelf"):
                _shelf(made, labels, examples)
            with gr.Column(scale=11, min_width=320, elem_id="talk"):
                _talk(made, labels)
            made["divider"] = labels(gr.HTML(elem_id="divider", js_on_load=SCRIPTS["divider"]), value="divide")
            with gr.Column(scale=8, min_width=280, elem_id="pages"):
                _pages(made, labels)
        for name, panel in PANELS.items():
            with tab(made["tabs"], labels, f"tab.{name}"):
                made["panels"].append(panel(labels))
    return Components(**made, labels=labels)


@contextmanager
def tab(tabs: list[gr.Tab], labels: Labels, key: str) -> Iterator[None]:
    """Open one more tab in the gr.Tabs that is open, named by the text `key`."""
    with labels(gr.Tab(id=key), label=key) as opened:
        tabs.append(opened)
        yield


def _shelf(made: dict[str, Any], labels: Labels, examples: list[Example]) -> None:
    made["upload"] = labels(upload_box("upload"), value="upload.hint")
    made["welcome"] = labels(gr.HTML(elem_id="welcome"), value="welcome")
    search = gr.Textbox(lines=1, max_lines=1, show_label=False, max_length=200, container=False, elem_id="search")
    made["search"] = labels(search, label="search", placeholder="search.hint")
    scripts = SCRIPTS["focus"] + ACTIONS + SCRIPTS["shelf"]
    made["documents"] = gr.HTML(elem_id="documents", html_template=NEWEST_LIST, js_on_load=scripts)
    made["progress"] = gr.HTML(elem_id="progress")
    with gr.Row(elem_id="examples", visible=bool(examples)):
        made["examples_label"] = gr.HTML(elem_id="examples-label")
        made["examples"] = [gr.Button(size="sm", elem_classes="chip", min_width=80) for _ in examples]


def _talk(made: dict[str, Any], labels: Labels) -> None:
    with gr.Column(elem_id="conversation"):
        made["about"] = gr.HTML(elem_id="about", js_on_load=SCRIPTS["focus"] + ASK)
        made["earlier"] = gr.HTML(elem_id="earlier", js_on_load=ACTIONS)
        chat = gr.Chatbot(
            render_markdown=False,
            latex_delimiters=[],
            buttons=[],
            editable="user",
            feedback_options=None,
            show_label=False,
            elem_id="chat",
        )
        made["chat"] = labels(chat, label="chat", placeholder="chat.empty")
        made["live"] = gr.HTML(elem_id="live", js_on_load=SCRIPTS["talk"])
    with gr.Row(elem_id="talk-tools"):
        for name, key in (("clear", "clear"), ("export_markdown", "export.markdown"), ("export_json", "export.json")):
            made[name] = labels(gr.Button(size="sm", elem_classes="quiet", min_width=40), value=key)
        made["exported"] = gr.JSON(visible="hidden", show_label=False)
    with gr.Row(elem_id="samples"):
        made["samples"] = [
            gr.Button(visible=False, size="sm", elem_classes="chip", min_width=80) for _ in range(QUESTIONS_PER_EXAMPLE)
        ]
    question = gr.Textbox(
        lines=1,
        max_lines=6,
        submit_btn=True,
        stop_btn=True,  # style.css shows one of them
        show_label=False,
        max_length=MAX_QUESTION,
        elem_id="question",
    )
    made["question"] = labels(question, label="question", placeholder="question.hint")
    made["everyone"] = labels(gr.Checkbox(container=False, elem_id="everyone"), label="everyone")
    made["unasked"] = gr.Textbox(visible="hidden", show_label=False)


def _pages(made: dict[str, Any], labels: Labels) -> None:
    with gr.Row(elem_id="finding"):
        box = gr.Textbox(lines=1, max_lines=1, show_label=False, max_length=200, scale=1, min_width=80, elem_id="find")
        made["find"] = labels(box, label="find", placeholder="find")
        made["found"] = gr.HTML(elem_id="found", js_on_load=SCRIPTS["focus"] + ACTIONS)
    made["page"] = gr.HTML(elem_id="page", js_on_load=SCRIPTS["focus"] + SCRIPTS["page"])
    made["gallery"] = gr.HTML(elem_id="gallery", js_on_load=SCRIPTS["gallery"])
