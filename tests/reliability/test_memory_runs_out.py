"""Memory runs out in the middle of any stage: the person hears `out_of_memory`, or the engine finds a way and answers
rightly; the next question is answered rightly in either case."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Token
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.errors import GlyphError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from tests.checkpoints import make_checkpoint
from tests.reliability.echo import EchoEngine
from tests.reliability.faults import LOST_CARD, NO_MEMORY, STAGES, Fault, FaultyEngine

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = AskOptions(max_new_tokens=6, thinking=False)
WHITE = Page(0, np.full((64, 64), 255, np.uint8))
QUESTIONS = ("What is it?", "And then?")
AFTER = (0, 7, 20)  # torch operations of the stage


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model = make_checkpoint(folder / "model")
    settings = replace(Settings(), engine="local", model=str(model), cache_dir=str(folder / "cache"))
    return replace(settings, inference=replace(settings.inference, precision="fp32"))


@pytest.fixture(scope="module")
def engine(settings):
    engine = LocalEngine(settings, kv_bytes=1 << 26)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    path = tmp_path_factory.mktemp("document") / "a.txt"
    path.write_text("A line of the document.\n" * 90)
    return path


@pytest.fixture(scope="module")
def right(engine, settings, document):
    session = DocumentSession(engine, settings, FeatureStore(None, 0, 0))
    session.open(document)
    answers = [said(session, question) for question in QUESTIONS]
    session.close()
    return answers


def said(session, question):
    return "".join(event.text for event in session.ask(question, OPTIONS) if isinstance(event, Token))


def survives(engine, settings, document, right):
    """The codes of the errors on the way to two right answers."""
    codes = []
    session = DocumentSession(engine, settings, FeatureStore(None, 1 << 24, 0))
    identifier = session.open(document)
    for question, expected in zip(QUESTIONS, right, strict=True):
        turns = len(session.current.transcript) if session.current else 0
        try:
            answer = said(session, question)
        except GlyphError as error:
            codes.append(error.code)
            if session.current is not None and session.current.state == "failed":
                session.remove(identifier)
                identifier = session.open(document)
            elif session.current is not None and len(session.current.transcript) > turns:
                session.undo()  # half an answer had come
            answer = said(session, question)
        assert answer == expected
    session.close()
    return codes


@pytest.mark.parametrize(
    ("after", "kind"), [*((after, "card") for after in AFTER), *((7, kind) for kind in NO_MEMORY if kind != "card")]
)
@pytest.mark.parametrize("stage", STAGES)
def test_memory_that_runs_out_once_costs_a_question_at_most(stage, after, kind, engine, settings, document, right):
    fault = Fault(stage, after, NO_MEMORY[kind])
    codes = survives(FaultyEngine(engine, fault), settings, document, right)
    assert fault.happened
    assert codes in ([], ["out_of_memory"])
    assert engine.nbytes == 0, "nothing is held for a document that was closed"


@pytest.mark.parametrize("stage", STAGES)
def test_a_card_that_breaks_down_is_told_and_another_engine_goes_on(stage, settings, document):
    """From then on nothing of CUDA works in this process; the session, its turns and its documents stay."""
    broken = LocalEngine(settings, kv_bytes=1 << 26)
    session = DocumentSession(FaultyEngine(broken, Fault(stage, 3, LOST_CARD, lasting=True)), settings)
    session.open(document)
    for _ in range(2):
        with pytest.raises(GlyphError, match="card_lost"):
            said(session, QUESTIONS[0])
    session.rest()
    broken.close()
    session.configure(settings, EchoEngine())
    assert said(session, QUESTIONS[0])
    session.close()


@pytest.mark.parametrize("place", ["render", "picture"])
def test_memory_that_runs_out_while_a_page_is_drawn_is_told(place, settings, document, monkeypatch):
    """NumPy has an error of its own, of which MemoryError is the base."""
    session = DocumentSession(EchoEngine(), settings, FeatureStore(None, 0, 0))

    def full(*_, **__):
        np.empty(1 << 60, np.uint8)

    with monkeypatch.context() as memory:
        memory.setattr("glyph_demo.conversation.drawing." + {"render": "render", "picture": "encode_png"}[place], full)
        session.open(document)
        with pytest.raises(GlyphError, match="out_of_memory"):
            said(session, QUESTIONS[0])
    session.open(document)
    assert said(session, QUESTIONS[0])
    session.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory can be limited on Linux only")
def test_the_pocket_reader_without_memory_is_told_and_reads_once_there_is_some():
    """A process of its own whose memory is really limited: what ONNX Runtime, OpenCV and NumPy then raise is theirs."""
    code = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from dataclasses import replace
from pathlib import Path
from glyph_demo.documents.model import Document
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.conversation.errors import as_user_error
from glyph_demo.process import give_memory_back
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Rendering, Settings
settings = replace(Settings(), pocket=replace(Settings().pocket, language_model="none", threads=1))
text = "A line of the document that is long enough to be read with some memory. " * 8
# A page in a style of its own, which the networks read.
page = next(render(Document("a.txt", "txt", text, ""), resolve_style(Rendering(font_size=13.0), text, "pocket")))
engine = PocketEngine(settings)
right = engine.encode(page).texts
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
codes = []
for kilobytes in (0, 256, 1024, 2048):
    give_memory_back()  # what was freed is not to be had again without asking
    held = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (held + 1024 * kilobytes, hard))
    try:
        engine.encode(page)
    except Exception as error:
        codes.append(error)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    assert engine.encode(page).texts == right
print(*(as_user_error(error).code for error in codes))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"out_of_memory"}, done.stderr


def test_a_reader_that_could_not_be_loaded_is_loaded_again(monkeypatch):
    with monkeypatch.context() as memory:
        memory.setattr("onnxruntime.InferenceSession", no_session)
        engine = PocketEngine(Settings())
        with pytest.raises(RuntimeError, match="Failed to allocate"):
            engine.encode(WHITE)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert engine.encode(WHITE).texts == ()
            break
        except RuntimeError:
            assert time.monotonic() < deadline
    engine.close()


def no_session(*_, **__):
    raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer")


def test_a_store_without_memory_costs_nothing(settings, document):
    class Full(FeatureStore):
        def put(self, key, features):
            raise MemoryError

    session = DocumentSession(EchoEngine(), settings, Full(None, 0, 0))
    session.open(document)
    assert said(session, QUESTIONS[0])
    session.close()


def test_memory_that_runs_out_outside_torch_is_told_the_same_way(settings, document):
    engine = EchoEngine()
    engine.fail_with = MemoryError()
    session = DocumentSession(engine, settings, FeatureStore(None, 0, 0))
    session.open(document)
    with pytest.raises(GlyphError, match="out_of_memory"):
        said(session, QUESTIONS[0])
    engine.fail_with = None
    session.open(document)
    assert said(session, QUESTIONS[0])
    session.close()
