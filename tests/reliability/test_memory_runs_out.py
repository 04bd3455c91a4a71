"""Memory runs out in the middle of any stage: the person hears `out_of_memory`, or the engine finds a way and answers
rightly; the next question is answered rightly in either case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from checkpoints import make_checkpoint
from echo import EchoEngine
from faults import STAGES, Fault, FaultyEngine

from glyph_demo.engines.base import AskOptions, Engine, PageFeatures, Token
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import GlyphError
from glyph_demo.session import DocumentSession
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = AskOptions(max_new_tokens=6, thinking=False)
QUESTIONS = ("What is it?", "And then?")
AFTER = (0, 7, 60)  # torch operations of the stage


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("model")
    model = make_checkpoint(folder / "model")
    settings = replace(Settings(), engine="local", model=str(model), cache_dir=str(folder / "cache"))
    return replace(settings, inference=replace(settings.inference, precision="fp32"))


@pytest.fixture(scope="module")
def engine(settings: Settings) -> Iterator[LocalEngine]:
    engine = LocalEngine(settings, kv_bytes=1 << 26)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "a.txt"
    path.write_text("A line of the document.\n" * 90)
    return path


@pytest.fixture(scope="module")
def right(engine: LocalEngine, settings: Settings, document: Path) -> list[str]:
    session = DocumentSession(engine, settings, FeatureStore(None, 0, 0))
    session.open(document)
    answers = [said(session, question) for question in QUESTIONS]
    session.close()
    return answers


def said(session: DocumentSession, question: str) -> str:
    return "".join(event.text for event in session.ask(question, OPTIONS) if isinstance(event, Token))


def survives(engine: Engine, settings: Settings, document: Path, right: list[str]) -> list[str]:
    """The codes of the errors on the way to two right answers."""
    codes = []
    session = DocumentSession(engine, settings, FeatureStore(None, 1 << 24, 0))
    identifier = session.open(document)
    for question, expected in zip(QUESTIONS, right, strict=True):
        turns = len(session.current.turns) if session.current else 0
        try:
            answer = said(session, question)
        except GlyphError as error:
            codes.append(error.code)
            if session.current is not None and session.current.state == "failed":
                session.remove(identifier)
                identifier = session.open(document)
            elif session.current is not None:
                del session.current.turns[turns:]  # half an answer may have come
            answer = said(session, question)
        assert answer == expected
    session.close()
    return codes


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("stage", STAGES)
def test_memory_that_runs_out_once_costs_a_question_at_most(
    stage: str, after: int, engine: LocalEngine, settings: Settings, document: Path, right: list[str]
) -> None:
    fault = Fault(stage, after)
    codes = survives(FaultyEngine(engine, fault), settings, document, right)
    assert fault.happened
    assert codes in ([], ["out_of_memory"])
    assert engine.nbytes == 0, "nothing is held for a document that was closed"


def test_a_store_without_memory_costs_nothing(settings: Settings, document: Path) -> None:
    class Full(FeatureStore):
        def put(self, key: str, features: PageFeatures) -> None:
            raise MemoryError

    session = DocumentSession(EchoEngine(), settings, Full(None, 0, 0))
    session.open(document)
    assert said(session, QUESTIONS[0])
    session.close()


def test_memory_that_runs_out_outside_torch_is_told_the_same_way(settings: Settings, document: Path) -> None:
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
