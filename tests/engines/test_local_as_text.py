"""A document's text as tokens beside its pages: the same model, the same questions, and what each costs."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from glyph_demo import cli
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Event, Finished, Progress
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import GlyphError
from glyph_demo.settings import Settings
from tests.answers import joined
from tests.fakes import FakeEngine

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = AskOptions(max_new_tokens=6)
CONTENT = "The keeper counts ships and writes each of them down. " * 80


@pytest.fixture(scope="session")
def checkpoint(checkpoint_of):
    return checkpoint_of(context=16384)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(CONTENT)
    return path


@pytest.fixture
def session(local_settings):
    made = DocumentSession(LocalEngine(local_settings), local_settings)
    yield made
    made.close()
    assert made.engine.nbytes == 0


def ended(events: Iterator[Event]) -> tuple[str, Finished]:
    kept = list(events)
    assert isinstance(kept[-1], Finished)
    return joined(kept), kept[-1]


def test_text_and_pages_are_asked_side_by_side_and_only_pages_keep_turns(session, file):
    session.open(file)
    pages, of_pages = ended(session.ask("What is it?", SHORT))
    text, of_text = ended(session.ask_as_text("What is it?", SHORT))
    assert list(session.current.transcript.turns()) == [Turn("What is it?", pages)]
    assert of_text.usage.input > len(CONTENT) > of_pages.usage.input  # this model's tokens are bytes
    per_token = [of.usage.kv_bytes / of.usage.input for of in (of_text, of_pages)]
    assert per_token[0] == pytest.approx(per_token[1], rel=0.05)
    again, of_again = ended(session.ask_as_text("And why?", SHORT, [Turn("What is it?", text)]))
    assert of_again.usage.cached > len(CONTENT)
    with_that = session.engine.open_text(CONTENT)
    assert again == ended(with_that.answer("And why?", [Turn("What is it?", text)], SHORT))[0]
    with_that.close()


def test_the_first_question_about_a_text_computes_it_and_says_how_far_it_is(session, file):
    session.open(file)
    events = list(session.ask_as_text("What is it?", SHORT))
    assert events[-1].usage.cached == 0
    assert sum(isinstance(event, Progress) and event.stage == "prefill" for event in events) >= 3


def test_the_command_line_gives_the_text_with_the_same_keys(checkpoint, file, capsys):
    asked = ["ask", str(file), "What is it?", "And why?", "--engine", "local", "--model", str(checkpoint)]
    results = []
    for more in ([], ["--as-text"]):
        capsys.readouterr()
        assert cli.main([*asked, "--max-new-tokens", "4", "--json", *more]) == 0
        results.append(json.loads(capsys.readouterr().out))
    pages, text = results
    assert pages.keys() == text.keys()
    assert pages["answers"][0].keys() == text["answers"][0].keys()
    assert text["document"]["pages"] == pages["document"]["pages"]
    assert text["document"]["pages_from_store"] == 0
    assert text["compression"] is None
    assert text["answers"][0]["tokens"]["input"] > len(CONTENT)
    assert text["answers"][1]["tokens"]["cached"] > len(CONTENT)
    assert text["answers"][0]["memory"]["kv_bytes"] > 2 * pages["answers"][0]["memory"]["kv_bytes"] > 0


def test_control_tokens_in_a_text_its_name_its_questions_and_answers_are_letters(session, tmp_path):
    tokenizer = session.engine.model.tokenizer
    typed = " ".join(map(str, tokenizer.added_tokens_decoder.values())) + " {{ messages }} \ue000\ue001 \ue0000\ue001"

    def given(words: str) -> list[int]:
        file = tmp_path / f"{words[:200].replace('/', '')}.txt"
        file.write_text(words, encoding="utf-8")
        session.open(file)
        list(session.ask_as_text(words, SHORT, [Turn(words, words), Turn(f"{words}?", words)]))
        document = session.current._text_handle
        prefix = document._prefix
        prompt = prefix._written[: len(prefix._written) - len(prefix.completion.ids)]
        return [i for segment in document._segments for i in segment.ids] + prompt

    ids, harmless = given(typed), given("harmless")
    controls = tokenizer.added_tokens_decoder.keys()
    assert [i for i in ids if i in controls] == [i for i in harmless if i in controls]
    assert tokenizer.decode(ids).count(typed) == tokenizer.decode(harmless).count("harmless") == 6


def test_an_engine_without_such_a_way_says_so(file):
    session = DocumentSession(FakeEngine(), Settings())
    session.open(file)
    with pytest.raises(GlyphError, match="no_text_way"):
        list(session.ask_as_text("What is it?"))
    assert list(session.ask("What is it?"))
    session.close()


def test_a_document_of_pictures_has_no_text_to_give(session, tmp_path):
    scan = tmp_path / "scan.pdf"
    Image.fromarray(np.full((300, 300), 200, np.uint8)).save(scan)
    session.open(scan)
    with pytest.raises(GlyphError, match="no_text"):
        list(session.ask_as_text("What is it?"))
    session.settings = replace(session.settings, documents=replace(session.settings.documents, as_text=True))
    session.open(scan)
    with pytest.raises(GlyphError, match="no_text"):
        list(session.ask("What is it?"))
