import threading
import time
from dataclasses import replace

import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.events import Evidence, Finished, Progress, Token
from glyph_demo.errors import GlyphError
from glyph_demo.settings import load_settings
from glyph_demo.store import FeatureStore
from tests.fakes import FakeEngine


@pytest.fixture
def session(engine):
    made = DocumentSession(engine, load_settings())
    yield made
    made.close()
    assert engine.open_handles == 0, "every document an engine opened is closed again"


def write(tmp_path, name="a.txt", pages=1):
    path = tmp_path / name
    path.write_text("\n".join(f"{name}: line {i} of a long document." for i in range(40 * pages)))
    return path


def opened(session, path, **kwargs):
    identifier = session.open(path, **kwargs)
    session.current.wait()
    return identifier


def answer(events):
    return "".join(e.text for e in events if isinstance(e, Token)).strip()


def test_a_document_is_opened_asked_and_answered_in_turns(session, tmp_path):
    opened(session, write(tmp_path, pages=2))
    reading = session.current
    assert reading.state == "ready"
    assert [p.number for p in reading.pages] == list(range(1, len(reading.pages) + 1))
    assert all(p.image.read_bytes().startswith(b"\x89PNG") for p in reading.pages)
    events = list(session.ask("what is it?"))
    assert isinstance(events[-1], Finished)
    assert any(isinstance(e, Evidence) for e in events)
    assert answer(events) == f"{len(reading.pages)} pages, turn 1: what is it?"
    assert answer(session.ask("and then?")).endswith("turn 2: and then?")
    assert [turn.question for turn in reading.transcript.turns()] == ["what is it?", "and then?"]


def test_a_question_asked_while_pages_are_read_waits_and_says_how_far_it_is(engine, session, tmp_path):
    engine.page_seconds = 0.1
    session.open(write(tmp_path, pages=4))
    events = list(session.ask("early"))
    progress = [e for e in events if isinstance(e, Progress) and e.stage == "encode"]
    assert len({e.done for e in progress}) > 2
    assert progress[-1].total == progress[-1].done
    assert answer(events).endswith("turn 1: early")


def test_closing_the_answer_stops_the_engine_and_keeps_what_was_said(engine, session, tmp_path):
    opened(session, write(tmp_path))
    events = session.ask("a question with quite a few words in it")
    for event in events:
        if isinstance(event, Token):
            break
    events.close()
    steps = engine.steps
    time.sleep(0.05)
    assert engine.steps == steps
    assert session.current.transcript.turns()[-1].answer.strip() == "1"
    assert answer(session.ask("next")).endswith("turn 2: next")


def test_pages_already_known_are_not_encoded_again_in_this_run_or_the_next(engine, tmp_path):
    path = write(tmp_path, pages=2)
    settings = load_settings()
    for run in range(2):
        session = DocumentSession(engine, settings)
        opened(session, path)
        total = len(session.current.pages)
        assert session.current.pages_from_store == (total if run else 0)
        opened(session, write(tmp_path, "copy.txt") if run == 0 else path)
        session.close()
    assert len(engine.encoded) == len(set(engine.encoded))


def test_two_models_never_share_features(engine, tmp_path):
    store = FeatureStore(None, 1 << 20, 0)
    first = DocumentSession(engine, load_settings(), store)
    opened(first, write(tmp_path))
    other = FakeEngine()
    other.identity = "fake-2"
    second = DocumentSession(other, load_settings(), store)
    opened(second, write(tmp_path))
    assert second.current.pages_from_store == 0
    assert other.encoded == engine.encoded
    first.close()
    second.close()


def test_with_the_cache_off_every_page_is_read_again(engine, tmp_path):
    settings = load_settings(flags={"inference.reuse_cache": False})
    session = DocumentSession(engine, settings)
    opened(session, write(tmp_path))
    opened(session, write(tmp_path))
    assert len(engine.encoded) == 2 * len(session.current.pages)
    assert session.current.pages_from_store == 0
    session.close()


def test_documents_are_closed_to_make_room_and_read_from_the_store_on_return(engine, tmp_path):
    session = DocumentSession(engine, load_settings(flags={"store.open_documents": 2}))
    identifiers = [opened(session, write(tmp_path, f"{i}.txt")) for i in range(4)]
    list(session.ask("kept?"))
    states = [r.state for r in session.documents.values()]
    assert states == ["closed", "closed", "ready", "ready"]
    assert engine.open_handles == 2
    encoded = len(engine.encoded)
    session.select(identifiers[0])
    session.current.wait()
    assert session.current.name == "0.txt"
    assert session.current.pages_from_store == len(session.current.pages)
    assert len(engine.encoded) == encoded
    session.select(identifiers[3])
    assert [turn.question for turn in session.current.transcript.turns()] == ["kept?"]
    session.close()
    assert engine.open_handles == 0


def test_new_page_settings_read_the_document_again_and_others_do_not(engine, session, tmp_path):
    opened(session, write(tmp_path))
    before = session.current.pages[0].digest
    assert not session.configure(replace(session.settings, language="zh"))
    changed = replace(session.settings, rendering=replace(session.settings.rendering, font_size=20.0))
    assert session.configure(changed)
    session.current.wait()
    assert session.current.pages[0].digest != before


def test_removing_a_document_while_it_is_read_stops_at_the_next_page(engine, session, tmp_path):
    engine.page_seconds = 0.1
    identifier = session.open(write(tmp_path, pages=20))
    assert engine.encoding.wait(60)
    session.remove(identifier)
    read = len(engine.encoded)
    assert session.current is None
    while any("_paint" in thread.name for thread in threading.enumerate()):
        time.sleep(0.01)
    assert len(engine.encoded) <= read + 1
    with pytest.raises(GlyphError, match="no_document"):
        session.ask("anyone there?")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip at all"])
def test_a_bad_file_is_an_error_and_the_session_goes_on(session, tmp_path, content, save):
    bad = save("bad.docx", content)
    session.open(bad)
    with pytest.raises(GlyphError):
        session.current.wait()
    assert session.current.state == "failed"
    with pytest.raises(GlyphError):
        list(session.ask("what?"))
    opened(session, write(tmp_path))
    assert answer(session.ask("fine?")).endswith("fine?")


def test_an_engine_failing_on_a_page_is_an_error_of_that_document_only(engine, session, tmp_path):
    engine.fail_with = RuntimeError("a bug inside")
    session.open(write(tmp_path))
    with pytest.raises(GlyphError, match="internal"):
        session.current.wait()
    engine.fail_with = None
    opened(session, write(tmp_path))


def test_an_engine_failing_on_a_question_leaves_the_session_usable(session, tmp_path):
    opened(session, write(tmp_path))
    for question, code in (("fail", "fake_failure"), ("crash", "internal"), ("   ", "no_question")):
        with pytest.raises(GlyphError, match=code):
            list(session.ask(question))
    assert answer(session.ask("fine?")).endswith("turn 1: fine?")


def test_closing_a_session_leaves_no_files_and_no_threads(engine, tmp_path):
    session = DocumentSession(engine, load_settings())
    engine.page_seconds = 0.05
    session.open(write(tmp_path, pages=10))
    engine.encoding.wait(60)
    folder = session._folder
    session.close()
    assert not folder.exists()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("reader")]


def test_a_session_that_is_closed_takes_no_document_and_says_so(engine, tmp_path):
    """Its window made room for another tab's while a file was on its way to it, or the engine was changed."""
    session = DocumentSession(engine, load_settings())
    identifier = opened(session, write(tmp_path))
    kept = session.documents[identifier]
    session.close()
    with pytest.raises(GlyphError, match="document_closed"):
        session.open(write(tmp_path))
    session._readings[identifier], session.current_id = kept, identifier  # as one that was put there meanwhile
    session.configure(replace(session.settings, rendering=replace(session.settings.rendering, font_size=13.0)))
    assert not session._folder.exists()


def test_who_still_answers_while_a_document_goes_is_told_that_it_was_closed(session, tmp_path):
    opened(session, write(tmp_path))
    reading = session.current
    release, reading._close_handle = reading._release, lambda: None  # the engine has not let go yet
    release()
    with pytest.raises(GlyphError, match="document_closed"):
        list(reading.ask("where is it?", (), session.options()))
    del reading._close_handle


def test_who_looks_while_a_document_goes_sees_one_that_is_there(session, tmp_path, monkeypatch):
    first, second = (opened(session, write(tmp_path, name)) for name in ("a.txt", "b.txt"))
    seen, gone = [], session.documents[second]
    monkeypatch.setattr(gone, "cancel", lambda cancel=gone.cancel: (seen.append(session.current), cancel()))
    session.remove(second)
    assert seen == [session.documents[first]]
    session.current_id = "gone"  # as a session that is closed under a click
    assert session.current is None


def test_a_page_range_is_read_alone_and_evidence_keeps_the_documents_page_numbers(engine, session, tmp_path):
    opened(session, write(tmp_path, pages=4), pages="2-3")
    assert [p.number for p in session.current.pages] == [2, 3]
    assert any("2" in w.en and "more" in w.en for w in session.current.warnings)
    (evidence,) = [e for e in session.ask("where?") if isinstance(e, Evidence)]
    assert evidence.regions[0].page == 2
    session.open(write(tmp_path), pages="9-")
    with pytest.raises(GlyphError, match="no_such_pages"):
        session.current.wait()


def test_compression_is_measured_on_the_text_the_pages_show(session, tmp_path):
    path = write(tmp_path, pages=4)
    opened(session, path, pages="1")
    assert session.current.compression == session.current.pages[0].span[1]


def test_new_page_settings_keep_how_a_document_was_opened(session, tmp_path):
    """A page range, or page images for a scan, was forgotten when the text size changed."""
    opened(session, write(tmp_path, pages=4), pages="2-3")
    session.configure(replace(session.settings, rendering=replace(session.settings.rendering, font_size=13.0)))
    session.current.wait()
    assert [p.number for p in session.current.pages] == [2, 3]


@pytest.mark.parametrize("change", ["remove", "configure"])
def test_a_document_of_an_earlier_run_takes_no_other_ones_pages_with_it(session, tmp_path, change):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("A line.\n" * 50)
    kept = session.restore(tmp_path / "a.txt", "a.txt", [], pages="")
    session.open(tmp_path / "b.txt")
    session.current.wait()
    images = [view.image for view in session.current.pages]
    if change == "remove":
        session.remove(kept)
        assert all(image.exists() for image in images)
    else:
        session.configure(replace(session.settings, rendering=replace(session.settings.rendering, font_size=14.0)))
        session.current.wait()
        assert session.current.state == "ready"
        assert all(view.image.exists() for view in session.current.pages)
