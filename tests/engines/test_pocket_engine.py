"""The engine answers from pixels, in quotes with their place, and stops when it is told to."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Evidence, Finished, Progress, Token
from glyph_demo.engines.pocket.document import IN_SHORT
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.engines.pocket.sentences import split_sentences
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Line
from glyph_demo.settings import Pocket, Settings
from tests.answers import joined
from tests.engines.drawing import CHINESE, ENGLISH, draw

DEFAULTS = AskOptions()
SHORT = AskOptions(max_new_tokens=8)
ROOT = Path(__file__).parents[2]


def opened(engine, text):
    return engine.open_document([engine.encode(page) for page in draw(text)])


def answer(document, question, history=(), options=DEFAULTS):
    events = list(document.answer(question, history, options))
    assert isinstance(events[-1], Finished)
    return joined(events), events


def decoded(events):
    return [event for event in events if isinstance(event, Progress) and event.stage == "decode"]


def test_an_english_answer_is_a_quote_with_page_and_line(engine):
    text, events = answer(opened(engine, ENGLISH), "How much did the trust pay for the signal works?")
    assert "240,000 crowns" in text
    assert "(page 1, line " in text
    evidence = next(event for event in events if not isinstance(event, Progress))
    assert isinstance(evidence, Evidence)
    best = evidence.regions[0]
    assert best.page == 1
    assert f"(page 1, line {best.line})" in text
    assert all(left < right and top < bottom for left, top, right, bottom in best.boxes)


def test_the_lines_that_were_read_are_given_with_their_pages_and_boxes(engine):
    (page,) = draw("The lamp was lit in 1893.\nNobody saw it.")
    document = engine.open_document([engine.encode(page), engine.encode(page)])
    lines = document.read_lines()
    assert [(line.page, line.line, line.text) for line in lines] == [
        (number, i, text) for number in (1, 2) for i, text in ((1, "The lamp was lit in 1893."), (2, "Nobody saw it."))
    ]
    for line, drawn in zip(lines, page.lines, strict=False):
        (box,) = line.boxes
        assert box[1] < (drawn.box[1] + drawn.box[3]) / 2 < box[3]


def test_a_document_that_is_read_is_indexed_before_the_first_question(engine, monkeypatch):
    document = opened(engine, ENGLISH)
    document.hint_text(ENGLISH)
    monkeypatch.setattr("glyph_demo.engines.pocket.document.split_sentences", None)  # nothing is left to split
    assert "240,000 crowns" in answer(document, "How much did the trust pay for the signal works?")[0]


def test_a_question_is_stopped_while_a_long_document_is_indexed_which_serves_the_next_one(engine, monkeypatch):
    document, go_on, split = opened(engine, ENGLISH), threading.Event(), []

    def slowly(pages):
        assert go_on.wait(30)
        split.append(len(pages))
        return split_sentences(pages)

    monkeypatch.setattr("glyph_demo.engines.pocket.document.split_sentences", slowly)
    events = document.answer("How much did the trust pay for the signal works?", (), DEFAULTS)
    assert isinstance(next(events), Progress)
    events.close()  # returns although nothing is indexed yet
    assert split == []
    go_on.set()
    assert "240,000 crowns" in answer(document, "How much did the trust pay for the signal works?")[0]
    assert split == [1]


def test_a_chinese_answer_is_in_chinese(engine):
    text, _ = answer(opened(engine, CHINESE), "卫星通信改造用了多少钱？")
    assert "895万元" in text
    assert "(第 1 页，第" in text


def test_the_answer_comes_from_the_pixels_and_nothing_else(engine):
    """Whatever a page claims about its text, the engine answers what the page shows."""
    (page,) = draw(ENGLISH)
    lies = tuple(Line("It cost 999,999 crowns.", 0, 23, line.box) for line in page.lines)
    false = replace(page, lines=lies, span=(0, 1))
    text, _ = answer(engine.open_document([engine.encode(false)]), "How much did the trust pay for the signal works?")
    assert "240,000" in text
    assert "999,999" not in text
    (changed,) = draw(ENGLISH.replace("240,000", "170,500"))
    painted = replace(page, pixels=changed.pixels)
    text, _ = answer(engine.open_document([engine.encode(painted)]), "How much did the trust pay for the signal works?")
    assert "170,500" in text


@pytest.mark.parametrize(
    ("text", "question", "refusal"),
    [
        (ENGLISH, "Which enzyme splits lactose in infants?", "does not seem to say"),
        (CHINESE, "哪种酶能分解乳糖？", "似乎没有提到"),
    ],
)
def test_a_question_the_document_does_not_answer_is_refused_in_its_language(engine, text, question, refusal):
    shown, events = answer(opened(engine, text), question)
    assert refusal in shown
    assert events[-1].reason == "not_found"
    assert not any(isinstance(event, Evidence) for event in events)


def test_a_document_without_text_refuses(engine):
    _, events = answer(opened(engine, ""), "What is this about?")
    assert events[-1].reason == "not_found"


def test_a_follow_up_uses_the_question_before(engine):
    text = (
        "The grant of the county was 18 crowns in 1923.\nThe strike began in 1924.\nThe grant was 20 crowns in 1924.\n"
    )
    shown, _ = answer(opened(engine, text), "And in 1924?", [Turn("How large was the grant in 1923?", "18 crowns")])
    assert "20 crowns" in shown.split("\n\n")[0]


def test_the_identity_names_models_and_precision(engine, tmp_path):
    assert "PP-OCRv6_rec_small" in engine.identity
    assert engine.identity.endswith("float32")
    other = PocketEngine(Settings(cache_dir=str(tmp_path)))
    assert other.identity == engine.identity
    other.close()


def test_without_the_readers_files_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("glyph_demo.engines.pocket.engine.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install rapidocr") as caught:
        PocketEngine(Settings())
    assert caught.value.code == "reader_missing"
    assert "pip install" in caught.value.text("zh")


def test_without_a_language_model_of_the_user_s_an_answer_is_its_quotes(tmp_path):
    engine = PocketEngine(Settings(cache_dir=str(tmp_path)))
    shown, events = answer(opened(engine, ENGLISH), "When was the Harrow Valley Trust founded?")
    engine.close()
    assert "14 March 1962" in shown
    assert IN_SHORT not in shown
    assert not decoded(events)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """A language model that says nothing sensible."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.checkpoints import FIRST_SPECIAL, TEMPLATE, VOCABULARY, byte_tokenizer

    folder = tmp_path_factory.mktemp("model")
    size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **size)).save_pretrained(folder)
    byte_tokenizer(FIRST_SPECIAL, TEMPLATE).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def phrasing_document(small_model, tmp_path_factory):
    """A document with a language model loaded."""
    cache = str(tmp_path_factory.mktemp("cache"))
    engine = PocketEngine(Settings(cache_dir=cache, pocket=Pocket(language_model=str(small_model))))
    document = opened(engine, ENGLISH)
    assert engine._phraser.result() is not None
    yield document
    engine.close()


def test_phrasing_comes_after_the_quotes_and_counts_its_tokens(phrasing_document):
    question = "When was the Harrow Valley Trust founded?"
    shown, events = answer(phrasing_document, question, options=SHORT)
    kinds = [type(event) for event in events]
    assert kinds.index(Token) < events.index(decoded(events)[0])
    usage, timings = events[-1].usage, events[-1].timings
    assert usage.output == len(decoded(events))
    assert 0 < usage.cached < usage.input
    assert 0 < timings.first_token < timings.prefill < timings.total
    assert "14 March 1962" in shown
    again, _ = answer(phrasing_document, question, options=SHORT)
    anew, events = answer(phrasing_document, question, options=replace(SHORT, reuse_kv=False))
    assert again == shown == anew
    assert events[-1].usage.cached == 0


def test_max_new_tokens_caps_the_phrased_sentence(phrasing_document):
    _, events = answer(phrasing_document, "When was the trust founded?", options=AskOptions(max_new_tokens=3))
    assert events[-1].usage.output <= 3


def test_closing_stops_within_one_step_and_leaves_the_document_usable(phrasing_document):
    question = "When was the Harrow Valley Trust founded?"
    whole, _ = answer(phrasing_document, question, options=SHORT)
    events = phrasing_document.answer(question, (), SHORT)
    for event in events:
        if isinstance(event, Progress) and event.stage == "decode" and event.done == 2:
            break
    begun = time.process_time()
    events.close()
    assert time.process_time() - begun < 0.5
    assert answer(phrasing_document, question, options=SHORT)[0] == whole


ENDS_AMID_LOADING = """
import sys
from glyph_demo.engines.pocket.document import IN_SHORT
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.settings import Pocket, Settings
engine = PocketEngine(Settings(pocket=Pocket(language_model=sys.argv[1])))
engine.open_document()
while not engine._phraser.running():
    pass
engine.close()
"""


@pytest.mark.long
def test_a_model_whose_loading_ends_with_the_process_is_not_called_unusable(small_model):
    command = [sys.executable, "-c", ENDS_AMID_LOADING, small_model]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "language_model_unusable" not in done.stderr
    assert "Traceback" not in done.stderr


NO_ROOM = """
import resource, sys
from glyph_demo.engines.pocket import engine
from glyph_demo.settings import Pocket, Settings
import torch, safetensors.torch, transformers, gguf
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
settings = Settings(cache_dir=sys.argv[2], pocket=Pocket(language_model=sys.argv[1]))
print(engine._load_phraser(settings, engine.threading.Event()))
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="limits of files as Linux has them")
def test_a_full_disk_under_the_cache_is_named_as_such(tmp_path):
    from tests.models.test_language import reference, write_gguf

    write_gguf(tmp_path / "model.gguf", reference(tied=True))
    command = [sys.executable, "-c", NO_ROOM, tmp_path / "model.gguf", tmp_path / "cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout == "None\n", done.stderr
    assert "cache_full" in done.stderr
    assert "unusable" not in done.stderr
