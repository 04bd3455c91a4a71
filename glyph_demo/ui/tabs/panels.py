"""What the tabs beside the one for reading have in common, and how labels follow the language."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.ui.texts import say
from glyph_demo.windows.collection import Windows

MAX_QUESTION = 4000  # characters
# JavaScript: a click on a button that has data-act becomes an event of its component, with the button's data. It is a
# click, or what data-event says.
ACTIONS = """element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) trigger(button.dataset.event ?? "click", { ...button.dataset });
});"""
SAVE = """file => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: "text/plain" }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""  # JavaScript: the page makes the file, so the server keeps none

DIALOG = (Path(__file__).parents[1] / "dialog.js").read_text(encoding="utf-8")

UPLOAD_BOX = """<label class="glyph-drop"><input type="file" multiple><span>${value}</span></label>
<p class="glyph-sent" role="status"></p>"""


def dialog_box(name: str) -> gr.HTML:
    """Where `markup.dialog` asks what must be agreed to first. Its `click` tells the answer."""
    return gr.HTML(elem_id=name, elem_classes="glyph-asks", js_on_load=DIALOG)


def upload_box(elem_id: str) -> gr.HTML:
    """Where people choose files. Its `upload` event tells what upload.js has sent. The browser offers files of every
    kind: our own message refuses one that cannot be read, in the chosen language."""
    return gr.HTML(
        html_template=UPLOAD_BOX,
        elem_id=elem_id,
        js_on_load=f'document.getElementById("{elem_id}").sent = (files) => trigger("upload", files);',
    )


def question_box(name: str, lines: int = 1) -> gr.Textbox:
    """Where the tab `name` is asked. With more than one line Enter begins the next, and Shift-Enter asks."""
    return gr.Textbox(
        lines=lines, max_lines=4 * lines, scale=6, min_width=300, elem_id=f"{name}-question", max_length=MAX_QUESTION
    )


def run_and_stop(name: str, labels: Labels, scale: int = 1, width: int = 120) -> tuple[Any, Any]:
    """The two buttons of the tab `name`. `width` is the least of the first, in pixels."""
    run = gr.Button(variant="primary", scale=scale, min_width=width, elem_id=f"{name}-run")
    stop = gr.Button(scale=scale, min_width=90, elem_id=f"{name}-stop")
    return labels(run, value=f"{name}.run"), labels(stop, value=f"{name}.stop")


@dataclass
class Labels:
    """Which property of which component shows which text."""

    language: Language  # of the layout as it is first built
    said: list[tuple[Any, str, str]] = field(default_factory=list)  # component, property, key of its text

    def __call__(self, component: Any, **keys: str) -> Any:
        """The component, with the properties named in `keys` following the language."""
        for name, key in keys.items():
            self.said.append((component, name, key))
            setattr(component, name, say(key, self.language))
        return component

    def updates(self, language: Language) -> dict[Any, Any]:
        """Updates that put every label into a language."""
        properties: dict[Any, dict[str, Any]] = {}
        for component, name, key in self.said:
            properties.setdefault(component, {})[name] = say(key, language)
        return {component: gr.update(**values) for component, values in properties.items()}


class Panel(Protocol):
    """A tab beside the one for reading. Making it with the window's Labels lays it out."""

    components: list[Any]  # those whose labels follow the language

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        """Set what its components do. `private` are the arguments of an event that concerns this window only."""
