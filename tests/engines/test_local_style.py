"""A family of models reads pages in a style of its own, from the first page on."""

import json

import pytest

from glyph_demo import cli
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.documents.extraction import extract
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Settings, merge
from tests.engines.original import Original

pytestmark = pytest.mark.usefixtures("one_thread")

PROSE = "A keeper counts ships, and writes each one down. 看守人数船。 " * 60
STYLES = {"glm4v": "glyph-zh", "qwen3_vl": "clear"}


@pytest.mark.parametrize("kind", STYLES)
def test_a_document_is_drawn_in_its_family_s_style_and_answered_as_from_scratch(kind, checkpoint_of, tmp_path, capsys):
    folder, file, settings = checkpoint_of("wide", kind), tmp_path / "story.txt", Settings()
    file.write_text(PROSE, encoding="utf-8")
    drawn = resolve_style(settings.rendering, PROSE, STYLES[kind])
    pages = list(render(extract(file, file.name, settings.documents), drawn))
    original, asked = Original(folder), ["What is it?", "And why 为什么?"]
    assert cli.main(["ask", str(file), *asked, "--model", str(folder), "--max-new-tokens", "6", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    turns: list[tuple[str, list[int]]] = []
    for question, answer in zip(asked, answers, strict=True):
        expected = original.answer(pages, turns, question, AskOptions(max_new_tokens=6))
        assert answer["text"] == original.tokenizer.decode(expected, skip_special_tokens=True).strip()
        turns.append((question, expected))
    assert answers[0]["text"]


@pytest.mark.parametrize("kind", STYLES)
def test_pages_are_not_drawn_before_it_is_known_which_model_reads_them(kind, checkpoint_of, local_settings, tmp_path):
    file = tmp_path / "story.txt"
    file.write_text(PROSE, encoding="utf-8")
    settings = merge(local_settings, {"model": str(checkpoint_of("wide", kind))})
    engine = LoadingEngine(settings)
    session = DocumentSession(engine, settings)
    try:
        session.open(file)
        session.current.wait()
        drawn = render(session.current.document, resolve_style(settings.rendering, PROSE, STYLES[kind]))
        assert [page.digest for page in session.current.pages] == [page.digest for page in drawn]
    finally:
        session.close()
        engine.close()
