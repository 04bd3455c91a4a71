"""A question asked while a document is read is answered from the pages that there are as soon as they suffice, and
again when all are read."""

import io
import threading
from dataclasses import replace

import pytest

from glyph_demo.conversation import early
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Finished, Progress, Token
from glyph_demo.errors import EngineError
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from tests.browser.files import picture
from tests.fakes import FakeEngine, PageByPage

PAGES = 4


@pytest.fixture
def engine():
    return PageByPage()


@pytest.fixture
def session(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(early, "TRY_SECONDS", 0.0)
    monkeypatch.setattr(early, "TRY_SHARE", 0)
    settings = replace(Settings(), documents=replace(Settings().documents, pages=f"1-{PAGES}"))
    session = DocumentSession(engine, settings, FeatureStore(None, 1 << 26, 0))
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(f"Paragraph {i} of a story. " * 30 for i in range(PAGES * 6)))
    session.open(path)
    yield session
    engine.pages.release(100)
    session.close()
    assert engine.open_handles == 0


def finish(engine, session):
    engine.pages.release(100)
    session.current.wait()


def ask(session, question):
    exchange = Exchange(question)
    events = list(session.converse(exchange, early=True))
    assert isinstance(events[-1], Finished)
    return exchange


def remarks(events):
    return [event.more.en for event in events if isinstance(event, Progress) and event.more]


def test_a_question_is_shown_to_be_asked_before_the_pages_are_looked_through(engine, session):
    engine.let(session.current, 2)
    events = session.converse(Exchange("on 2?"), early=True)
    assert isinstance(next(events), Progress)
    assert engine.tries == []
    events.close()


def test_pages_that_suffice_answer_and_the_answer_is_given_again_from_all(engine, session):
    engine.let(session.current, 2)
    exchange = ask(session, "on 2?")
    assert exchange.answer == "2 pages, turn 1: on 2? "
    assert exchange.read_so_far[0] == 2
    assert "Answered from 2" in exchange.remark.en
    assert session.current.transcript.exchanges == [exchange]
    finish(engine, session)
    (final,) = session.current.transcript.exchanges
    assert session.current.renewed == [(exchange, final)]
    assert (final.answer, final.read_so_far, final.remark) == (f"{PAGES} pages, turn 1: on 2? ", None, None)
    after = list(session.ask_aside("on 2?"))
    assert "".join(e.text for e in after if isinstance(e, Token)).replace("turn 2", "turn 1") == final.answer


def test_a_question_waits_for_the_pages_that_answer_it_and_says_for_which(engine, session):
    engine.let(session.current, 1)
    exchange, seen = Exchange("on 3?"), []
    for event in session.converse(exchange, early=True):
        seen.append(event)
        if remarks([event]) and session.current.prefilled < 3:
            assert session.current.transcript.exchanges == []
            engine.let(session.current, 1)
    assert exchange.read_so_far[0] == 3
    assert exchange.answer.startswith("3 pages")
    assert remarks(seen)[0].startswith("Not found on the page read so far. Waiting for the pages from 2")
    assert [read for _, read, _ in engine.tries] == [1, 2, 3], "once for every page that comes"


def test_the_last_page_is_waited_for_by_its_number(engine, session):
    engine.let(session.current, PAGES - 1)
    said, drawn = [], False
    for event in session.converse(Exchange("on 9?"), early=True):
        if drawn and remarks([event]):
            said += remarks([event])
            engine.pages.release(100)
        drawn = session.current.total is not None
    assert said[0].startswith("Not found on the 3 pages read so far. Waiting for page 4;")


def test_what_no_page_answers_is_said_once_all_are_read(engine, session):
    engine.let(session.current, 1)
    exchange, seen = Exchange("on 9?"), []
    for event in session.converse(exchange, early=True):
        seen.append(event)
        if remarks([event]):
            engine.pages.release(100)
    assert exchange.finished.reason == "not_found"
    assert exchange.read_so_far is None
    assert session.current.state == "ready"


def test_an_engine_that_cannot_is_asked_once_all_pages_are_read(engine, session, monkeypatch):
    monkeypatch.setattr(PageByPage, "answers_partial_reading", False)
    engine.let(session.current, 2)
    exchange, seen = Exchange("on 1?"), []
    for number, event in enumerate(session.converse(exchange, early=True)):
        seen.append(event)
        if number == 2:
            assert engine.tries == []
            engine.pages.release(100)
    assert exchange.answer.startswith(f"{PAGES} pages")
    assert remarks(seen) == []


def test_without_asking_for_it_an_answer_comes_from_all_pages(engine, session):
    engine.let(session.current, 2)
    threading.Timer(0.1, engine.pages.release, (100,)).start()
    list(session.ask("on 1?"))
    assert session.current.transcript.exchanges[0].answer.startswith(f"{PAGES} pages")


def test_a_question_after_an_early_answer_is_told_the_later_one_when_it_is_answered_again(engine, session):
    engine.let(session.current, 2)
    ask(session, "on 1?")
    ask(session, "on 2?")
    waiting = session.converse(Exchange("on 4?"), early=True)
    next(event for event in waiting if remarks([event]))
    engine.pages.release(100)
    list(waiting)
    session.current.wait()  # the third may have come before the others were asked again
    first, second, third = session.current.transcript.turns()
    assert [turn.answer[:7] for turn in (first, second, third)] == [f"{PAGES} pages"] * 3
    told = {question: history for question, read, history in engine.tries if read == PAGES}
    assert told == {"on 1?": (), "on 2?": (first,), "on 4?": (first, second)}


def test_an_early_answer_that_is_taken_back_stays_away(engine, session):
    engine.let(session.current, 2)
    ask(session, "on 1?")
    session.undo()
    finish(engine, session)
    assert session.current.transcript.exchanges == []


def test_pages_that_end_while_they_are_asked_are_all_asked(engine, session):
    """An answer that nobody would have given again."""
    engine.let(session.current, PAGES - 1)
    exchange = Exchange("on 1?")
    events = session.converse(exchange, early=True)
    next(events)  # the pages so far have been asked for their first word
    finish(engine, session)
    list(events)
    assert exchange.answer.startswith(f"{PAGES} pages")
    assert exchange.read_so_far is None


def test_a_stop_while_it_waits_leaves_nothing_and_the_next_question_is_answered(engine, session):
    engine.let(session.current, 1)
    events = session.converse(Exchange("on 3?"), early=True)
    next(event for event in events if remarks([event]))
    events.close()
    assert session.current.transcript.shown == []
    assert ask(session, "on 1?").answer


def test_where_it_cannot_be_given_again_the_answer_stays_and_says_so(engine, session):
    engine.let(session.current, 2)
    exchange = ask(session, "on 1?")
    engine.broken = True
    finish(engine, session)
    (final,) = session.current.transcript.exchanges
    assert (final.answer, final.read_so_far) == (exchange.answer, None)
    assert final.notices[-1].en.startswith("It broke off")


def test_an_early_answer_read_by_another_engine_says_that_it_is_from_some_pages(engine, session, monkeypatch):
    engine.let(session.current, 2)
    ask(session, "on 1?")
    monkeypatch.setattr(PageByPage, "answers_partial_reading", False)
    finish(engine, session)
    (final,) = session.current.transcript.exchanges
    assert final.notices[-1].en.startswith("This answer is from the first 2 pages.")


def test_where_the_rest_cannot_be_read_the_answer_stays_and_promises_no_other(engine, session, monkeypatch):
    def fail(self, page):
        raise EngineError("broken", "The page is broken. Take another.", "页面已损坏。请换一页。")

    engine.let(session.current, 2)
    exchange = ask(session, "on 1?")
    monkeypatch.setattr(FakeEngine, "encode", fail)
    with pytest.raises(EngineError):
        finish(engine, session)
    (final,) = session.current.transcript.exchanges
    assert (final.answer, final.remark) == (exchange.answer, None)
    assert final.notices[-1].en.startswith("This answer is from the first 2 pages only")
    assert session.current.renewed == [(exchange, final)]


def scans(*texts):
    """A PDF of pictures, one a text."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(595, 842))
    for lines in texts:
        canvas.drawImage(ImageReader(picture(*lines)), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


@pytest.mark.slow
def test_the_embedded_engine_gives_in_the_end_the_answer_that_it_gives_after_reading(tmp_path, monkeypatch):
    from glyph_demo.engines.pocket.engine import PocketEngine

    class Held(PocketEngine):
        pages = threading.Semaphore(2)

        def encode(self, page):
            assert self.pages.acquire(timeout=60)
            return super().encode(page)

    path = tmp_path / "lease.pdf"
    path.write_bytes(
        scans(
            ["This lease is made in Quillmouth.", "The rent is paid on the first day of each month."],
            ["The notice period is three months.", "Keys are handed over at noon."],
            ["The cellar is damp.", "The notice period for the parking space is four weeks."],
        )
    )
    settings = Settings(cache_dir=str(tmp_path / "cache"))
    engine = Held(settings)
    session = DocumentSession(engine, settings)
    session.open(path)
    question = "What is the notice period?"
    exchange = Exchange(question)
    list(session.converse(exchange, early=True))
    assert "three months" in exchange.answer
    assert exchange.read_so_far == (2, 3)
    engine.pages.release(100)
    session.current.wait()
    (final,) = session.current.transcript.exchanges
    session.current.transcript.clear()
    after = Exchange(question)
    list(session.converse(after, early=True))
    assert (final.answer, final.regions, final.ranked) == (after.answer, after.regions, after.ranked)
    assert "four weeks" in final.answer
    assert len(final.regions) > len(exchange.regions)
    session.close()
    engine.close()
