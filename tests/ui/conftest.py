"""Handlers over a fake engine and real components."""

import gradio as gr
import pytest

from glyph_demo.errors import Message
from glyph_demo.settings import Settings, load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.examples import Example
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    sample = tmp_path_factory.mktemp("examples") / "sample.txt"
    sample.write_text("The office was founded in 1923.\n" * 60)
    return [Example(sample, Message("A sample", "示例"), ("When?", "Who?"))]


@pytest.fixture(scope="session")
def components(examples):
    """Built once: they are names in what handlers return, and keep nothing of a window."""
    with gr.Blocks():
        return build(Settings(), examples, "en", lambda visit: None)


@pytest.fixture
def on(engine, components, examples):
    windows = Windows(engine, load_settings())
    yield Handlers(windows, components, examples)
    windows.close_all()
