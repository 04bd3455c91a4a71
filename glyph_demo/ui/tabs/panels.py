"""What the window's further tabs have in common, and how labels follow the language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.ui.texts import say
from glyph_demo.windows.collection import Windows

# A click on a button with data-act in such a component is an event with the button's data.
ACTIONS = """element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) trigger("click", { ...button.dataset });
});"""
SAVE = """file => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: "text/plain" }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""  # the file is made in the page, so the server keeps none


UPLOAD_BOX = """<label class="glyph-drop"><input type="file" multiple><span>${value}</span></label>
<p class="glyph-sent" role="status"></p>"""


def upload_box(elem_id: str) -> gr.HTML:
    """Where files are chosen. Its `upload` event says what upload.js has sent. Files of every kind can be chosen: one
    that cannot be read is refused by our own message, in the chosen language."""
    return gr.HTML(
        html_template=UPLOAD_BOX,
        elem_id=elem_id,
        js_on_load=f'document.getElementById("{elem_id}").sent = (files) => trigger("upload", files);',
    )


@dataclass
class Labels:
    """Which property of which component takes which text."""

    language: Language  # that the layout is first built in
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
    """A tab of its own beside the one for reading, laid out when it is made with the window's Labels."""

    components: list[Any]
    """Those whose labels follow the language."""

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        """Set what its components do. `private` are the arguments of an event that is of this window only."""
        ...
