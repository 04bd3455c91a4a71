"""Handlers over a fake engine and real components."""

import threading
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.engines import loading
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


@pytest.fixture
def slow(monkeypatch):
    """Engines other than `pocket` wait at each report of their load, until `go_on` is set; `waiting` is set
    meanwhile."""
    waiting, go_on, create = threading.Event(), threading.Event(), loading.create_engine

    def slowly(settings, report):
        def told(*progress):
            waiting.set()
            assert go_on.wait(120)
            report(*progress)

        return create(settings, report if settings.engine == "pocket" else told)

    monkeypatch.setattr(loading, "create_engine", slowly)
    return SimpleNamespace(waiting=waiting, go_on=go_on)
