"""What a newcomer adds with one file and one line in a registry is there everywhere, with no other file changed."""

import json

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from glyph_demo import languages
from glyph_demo.cli import build_parser, main
from glyph_demo.conversation.session import DocumentSession, open_store
from glyph_demo.documents.extraction import extract
from glyph_demo.documents.file_types import FILE_TYPES, FileType, offered_types
from glyph_demo.errors import DocumentError, SettingsError
from glyph_demo.rendering.style import STYLES, Style, resolve_style
from glyph_demo.serving.app import create_api
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.service import Service
from glyph_demo.settings import Documents, Rendering, load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.texts import say
from glyph_demo.windows.visit import Visit
from tests.fakes import FakeEngine
from tests.ui.handling import final, listed, opened, request, value

TOY_PARSER = """
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem

def read_toy(path, max_pages, max_characters, encoding):
    pages = path.read_bytes().removeprefix(b"TOY" + bytes(9)).decode().split("|")
    if len(pages) > max_pages:
        raise problem("too_many_pages", count=len(pages), limit=max_pages)
    return Parsed(pages, "page")
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A document of a type that is registered for this test only, its parser being where only child processes look."""
    folder = tmp_path / "parsers"
    folder.mkdir()
    (folder / "toy_parser.py").write_text(TOY_PARSER)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    added = FileType("TOY", (".toy",), lambda data, suffix: data.startswith(b"TOY" + bytes(9)), "toy_parser:read_toy")
    FILE_TYPES.append(added)
    path = tmp_path / "letter.toy"
    path.write_bytes(b"TOY" + bytes(9) + b"First page.|Second page.")  # no text: the zeros are refused
    yield path
    FILE_TYPES.remove(added)


def test_a_session_opens_a_file_of_a_new_type(toy):
    session = DocumentSession(FakeEngine(), load_settings())
    session.open(toy)
    session.current.wait()
    document = session.current.document
    session.close()
    assert (document.kind, document.text) == ("toy", "First page.\nSecond page.")
    assert [mark.start for mark in document.marks] == [0, 12]


def test_a_file_of_a_new_type_has_the_limits_and_refusals_of_all(toy):
    with pytest.raises(DocumentError, match="too_many_pages"):
        extract(toy, toy.name, Documents(max_pages=1))
    toy.write_text("no toy at all")
    with pytest.raises(DocumentError, match="its content is not TOY") as caught:
        extract(toy, toy.name, Documents())
    assert caught.value.code == "not_a_toy"


def test_the_window_names_a_new_type_and_opens_it(on, toy):
    updates = opened(on, toy)
    assert on.windows.get("tab").reading.state == "ready"
    assert listed(final(updates, on.ui.documents)) == ["letter.toy"]
    assert "TOY or TXT" in value(on.load_page(Visit(), None, request("en"))[on.ui.upload])


def test_the_api_keeps_a_file_of_a_new_type_and_answers_about_it(toy):
    settings = load_settings()
    service = Service(FakeEngine(), settings, open_store(settings), lambda: True)
    with TestClient(create_api(service), base_url="http://127.0.0.1") as client:
        form = {"files": {"file": (toy.name, toy.read_bytes())}, "data": {"purpose": "user_data"}}
        kept = {"type": "file", "file": {"file_id": client.post("/v1/files", **form).json()["id"]}}
        question = {"role": "user", "content": [kept, {"type": "text", "text": "What?"}]}
        answer = client.post("/v1/chat/completions", json={"messages": [question]}).json()
    service.close()
    assert answer["choices"][0]["message"]["content"].strip() == "1 pages, turn 1: What?"


@pytest.fixture
def large():
    """The name of a page style that is registered for this test only."""
    STYLES["large"] = Style("large", font_size=40.0, leading=50.0)
    yield "large"
    del STYLES["large"]


def test_a_new_style_is_drawn_by_the_setting_and_by_the_command_line(large, tmp_path, save):
    settings = load_settings(flags={"rendering.style": large})
    assert resolve_style(settings.rendering, "text", "pocket") is STYLES[large]
    file = save("a.txt", "A line of text.\n" * 20)
    assert main(["render", str(file), "--style", large, "--out", str(tmp_path / "pages")]) == 0
    assert len(list((tmp_path / "pages").iterdir())) == 2  # 16 lines of 50 points fit on a page


def test_the_help_and_the_refusal_of_another_name_list_a_new_style(large, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["render", "--help"])
    assert "whitepaper, large" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SettingsError, match="whitepaper, large"):
        resolve_style(Rendering(style="fancy"), "text", "pocket")


def test_a_new_style_is_taken_for_the_engine_that_reads_it_best(large):
    assert resolve_style(Rendering(), "text", large).name == large


ESPERANTO = {
    "Question about the current document": "Demandu pri la dokumento",
    "Page {number}": "Paĝo {number}",
    offered_types().en: "PDF aŭ TXT",
    "There is no style '{name}'. Choose one of: {names}.": "Ne ekzistas stilo '{name}'. Elektu el: {names}.",
}


@pytest.fixture
def catalogue(tmp_path, monkeypatch, save):
    """The file of a language that is registered for this test only, with few translations."""
    monkeypatch.setattr(languages, "FOLDER", str(tmp_path))
    monkeypatch.setitem(languages.LANGUAGES, "eo", "Esperanto")
    return save("eo.json", json.dumps(ESPERANTO))


def test_the_window_speaks_a_new_language_and_english_where_a_text_is_missing(catalogue, on):
    updates = on.load_page(Visit(), None, request("eo,en;q=0.5"))
    assert updates[on.ui.language]["value"] == "eo"
    assert updates[on.ui.question]["placeholder"] == "Demandu pri la dokumento"
    assert ">Settings</h2>" in updates[on.ui.settings_label]
    assert updates[on.ui.upload]["value"] == "Drop a PDF aŭ TXT here, or click to choose"
    assert say("page", "eo", number=3) == "Paĝo 3"


def test_a_new_language_can_be_chosen_in_the_window_and_is_kept(catalogue, on):
    with gr.Blocks():
        components = build(on.windows.settings, [], "eo", on.windows.leave)
    assert ("Esperanto", "eo") in components.language.choices
    assert on.change_language("tab", "eo")[on.ui.question]["placeholder"] == "Demandu pri la dokumento"
    assert on.windows.get("tab").language == "eo"


def test_settings_flags_and_requests_take_a_new_language(catalogue, capsys, tmp_path, save):
    assert load_settings(flags={"language": "eo"}).language == "eo"
    with pytest.raises(SettingsError, match=r"auto \| en \| zh \| eo"):
        load_settings(flags={"language": "xx"})
    assert language_of({"accept-language": "eo"}, "auto") == "eo"
    file = save("a.txt", "A line of text.")
    main(["render", str(file), "--style", "fancy", "--language", "eo", "--out", str(tmp_path / "pages")])
    assert capsys.readouterr().err.startswith("Ne ekzistas stilo 'fancy'. Elektu el: auto, glyph-zh")


def test_a_translation_with_other_placeholders_is_refused_by_name(catalogue):
    catalogue.write_text('{"Page {number}": "Paĝo {numero}"}', encoding="utf-8")
    with pytest.raises(ValueError, match="the placeholders of"):
        say("page", "eo", number=3)
