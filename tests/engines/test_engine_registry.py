"""An engine is a module and a line in the registry: command line, API and window take it from there."""

import json

import gradio as gr
import pytest

from glyph_demo.cli import main
from glyph_demo.engines import create_engine
from glyph_demo.engines.registry import ENGINES, EngineKind
from glyph_demo.errors import EngineError, Message, SettingsError
from glyph_demo.settings import load_settings
from glyph_demo.ui import views
from glyph_demo.ui.blocks import build

PARROT = """
from glyph_demo.engines.base import Engine, OpenDocument
from glyph_demo.engines.events import Finished, Timings, Token, Usage
from glyph_demo.store import PageFeatures


class Parrot(Engine):
    name = "parrot"
    identity = "parrot-1"

    def __init__(self, settings, progress=None):
        pass

    def encode(self, page):
        return PageFeatures({}, (f"{page.size[0]} wide",))

    def open_document(self, features=(), source=None):
        return ParrotDocument()


class ParrotDocument(OpenDocument):
    def append(self, features):
        self.page = features

    def answer(self, question, history, options):
        yield Token(f"{question} {self.page.texts[0]}")
        yield Finished(Usage(), Timings(), "stop")
"""


@pytest.fixture
def parrot(tmp_path, monkeypatch):
    (tmp_path / "parrot.py").write_text(PARROT)
    monkeypatch.syspath_prepend(tmp_path)
    remark = Message("it repeats", "只会重复")
    monkeypatch.setitem(ENGINES, "parrot", EngineKind("parrot", "parrot:Parrot", page_style="clear", remark=remark))
    return load_settings(flags={"engine": "parrot"})


def test_a_new_engine_answers_at_the_command_line_in_the_style_it_reads_best(parrot, tmp_path, capsys):
    file = tmp_path / "a.txt"
    file.write_text("A line of text.\n" * 20)
    assert main(["ask", str(file), "What?", "And?", "--engine", "parrot", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engine"] == "parrot"
    main(["render", str(file), "--style", "clear", "--out", str(tmp_path / "pages"), "--json"])
    width = json.loads(capsys.readouterr().out)["pages"][0]["size"][0]
    assert [answer["text"] for answer in report["answers"]] == [f"What? {width} wide", f"And? {width} wide"]
    assert report["capacity"] is report["compression"] is None


def test_a_new_engine_is_offered_and_named_in_the_window(parrot):
    with gr.Blocks():
        components = build(parrot, [], "en", lambda visit: None)
    assert ("parrot", "parrot") in components.choice.choices
    assert components.choice.value == "parrot"
    assert "Engine: parrot · CPU (it repeats)" in views.title_view(create_engine(parrot), "en")


def test_what_an_engine_leaves_out_has_a_default(parrot):
    engine = create_engine(parrot)
    assert engine.ready()
    assert engine.loading is engine.capacity() is None
    assert not engine.kind.parallel_documents
    with pytest.raises(EngineError, match="answers from pages only"):
        engine.open_text("a text")
    document = engine.open_document()
    assert document.tokens is document.compression("a text") is None


def test_an_engine_that_there_is_not_is_refused_by_name():
    with pytest.raises(SettingsError, match="Choose one of: auto, pocket, local, remote"):
        create_engine(load_settings(flags={"engine": "cuckoo"}))
