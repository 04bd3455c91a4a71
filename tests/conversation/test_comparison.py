"""One question in three ways: what was kept is used or not, the answer is the same, and the conversation goes on as if
nobody had compared."""

import contextlib

import pytest

from glyph_demo.conversation.comparison import WAYS, Side, compare
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.events import Finished, Progress, Timings, Token, Usage
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import GlyphError
from glyph_demo.settings import Inference, Rendering, Settings
from tests.checkpoints import make_checkpoint
from tests.fakes import FakeEngine


@pytest.fixture
def story(save):
    return save(
        "story.txt", "".join(f"Sentence {i} tells of a mill by a river and of its wheel.\n" for i in range(400))
    )


@pytest.fixture
def faked(tmp_path, story):
    engine = FakeEngine()
    session = DocumentSession(engine, Settings(cache_dir=str(tmp_path / "cache")))
    session.open(story)
    yield engine, session
    session.close()


def last(steps):
    return {side.way: side for side in list(steps)[-1]}


def said(session, question):
    return "".join(event.text for event in session.ask(question) if isinstance(event, Token))


def test_all_three_ways_on_a_vision_language_model(tmp_path, story, one_thread):
    settings = Settings(
        model=str(make_checkpoint(tmp_path / "model", context=1 << 16)),
        cache_dir=str(tmp_path / "cache"),
        rendering=Rendering(style="compact"),
        inference=Inference(max_new_tokens=8, repetition_penalty=1.0),
    )
    sessions = [DocumentSession(LocalEngine(settings, kv_bytes=1 << 27), settings) for _ in range(2)]
    try:
        for session in sessions:
            session.open(story)
            said(session, "What stands by the river?")
        compared, undisturbed = sessions
        before = compared.current.transcript.turns()
        sides = last(compare(compared, "And what turns?"))
        kept, anew, text = (sides[way] for way in WAYS)
        assert all(side.state == "done" and side.so_far.finished and side.error is None for side in sides.values())
        assert compared.current.transcript.turns() == before
        assert kept.so_far.finished and anew.so_far.finished and text.so_far.finished  # noqa: PT018 - for the type checker
        assert kept.so_far.answer == anew.so_far.answer
        assert (kept.so_far.finished.usage.cached > 0, anew.so_far.finished.usage.cached) == (True, 0)
        assert kept.so_far.finished.usage.input == anew.so_far.finished.usage.input != text.so_far.finished.usage.input
        assert (kept.encode, text.encode) == (0.0, 0.0)
        assert anew.encode > 0
        assert kept.seconds is not None
        assert anew.seconds is not None
        assert anew.seconds > kept.seconds
        assert said(compared, "And then?") == said(undisturbed, "And then?")
    finally:
        for session in sessions:
            session.close()


def test_without_reuse_every_page_is_read_once_more(faked):
    engine, session = faked
    sides = last(compare(session, "What turns?"))
    digests = [page.digest for page in session.current.pages]
    assert engine.encoded == digests * 2
    assert sides["kept"].so_far.answer == sides["anew"].so_far.answer
    assert len(session.current.transcript) == 0


def test_an_engine_that_answers_from_pages_only_says_so_in_the_third_place(faked):
    text = last(compare(faked[1], "What turns?"))["text"]
    assert text.error is not None
    assert "--engine local" in text.error.en


def test_waiting_for_a_model_to_be_loaded_is_not_counted(monkeypatch):
    now = iter([0.0, 1.0, 5.0, 7.0, 8.0])
    monkeypatch.setattr("glyph_demo.conversation.comparison.time.perf_counter", lambda: next(now))
    side = Side("kept")
    finished = Finished(Usage(), Timings(total=7.5), "stop")
    for event in (Token("Quote."), Progress("load", 0), Progress("load", 0), Progress("decode", 1), finished):
        side.take(event)
    assert (side.load, side.seconds) == (6.0, 1.5)


def test_closing_stops_the_engine_and_leaves_the_session_usable(faked):
    engine, session = faked
    with contextlib.closing(compare(session, "one two three four five six")) as steps:
        for sides in steps:
            if sides[1].so_far.answer:
                break
    stopped_at = engine.steps
    assert [side.state for side in sides] == ["done", "stopped", "waiting"]
    assert said(session, "and now")
    assert engine.steps > stopped_at


@pytest.mark.parametrize("question", ["", "  "])
def test_what_would_fail_in_every_way_is_said_once(faked, question):
    with pytest.raises(GlyphError, match="no_question"):
        list(compare(faked[1], question))


def test_without_a_document_there_is_nothing_to_compare(tmp_path):
    session = DocumentSession(FakeEngine(), Settings(cache_dir=str(tmp_path)))
    with pytest.raises(GlyphError, match="no_document"):
        list(compare(session, "What?"))
    session.close()
