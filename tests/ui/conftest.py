"""Handlers over a fake engine and real components."""

import gradio as gr
import pytest

from glyph_demo.errors import Message
from glyph_demo.settings import load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.examples import Example
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from tests.fakes import FakeEngine


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def on(engine, tmp_path):
    sample = tmp_path / "sample.txt"
    sample.write_text("The office was founded in 1923.\n" * 60)
    examples = [Example(sample, Message("A sample", "示例"), ("When?", "Who?"))]
    windows = Windows(engine, load_settings())
    with gr.Blocks():
        components = build(windows.settings, examples, "en", windows.leave)
    yield Handlers(windows, components, examples)
    windows.close_all()
