import copy
import os
import threading
import time

import pytest

from glyph_demo.errors import GlyphError
from glyph_demo.scratch import DAY
from glyph_demo.settings import load_settings
from glyph_demo.windows import visit
from glyph_demo.windows.collection import MAX_WINDOWS, MOST_WINDOWS, Windows
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window


@pytest.fixture
def windows(engine):
    made = Windows(engine, load_settings())
    yield made
    made.close_all()
    assert engine.open_handles == 0


@pytest.fixture
def window(windows, save):
    path = save("a.txt", "A line of the document.\n" * 3)
    made = windows.get("tab")
    made.session.open(path)
    made.reading.wait()
    return made


def ask(window, question, at=None):
    for _ in window.ask(question, at):
        pass


def test_an_exchange_grows_with_the_events_of_its_answer(window):
    lengths = [len(exchange.answer) for exchange in window.ask(" what is it? ")]
    assert lengths == sorted(lengths)
    (exchange,) = window.transcript
    assert exchange.question == "what is it?"
    assert exchange.answer == "1 pages, turn 1: what is it? "
    assert exchange.regions[0].page == 1
    assert exchange.finished.reason == "stop"
    assert exchange.reused == (1, 1)
    assert not exchange.running


def test_documents_behind_are_kept_with_their_conversations_while_their_window_is_used(windows, save):
    window, past = windows.get("tab"), time.time() - DAY - 1
    for name in ("a.txt", "b.txt"):
        window.open(save(name, "A line.\n"), name)
        window.reading.wait()
    paths = [reading.path for reading in window.session.documents.values()]
    for path in paths:
        os.utime(path, (past, past))
    ask(window, "what?")
    windows.sweep()
    assert [path.exists() for path in paths] == [True, True]


def test_stopping_ends_the_engines_work_within_a_step_and_keeps_what_was_said(engine, window):
    answer = window.ask("one two three four five six seven")
    for exchange in answer:
        if exchange.answer:
            break
    steps = engine.steps
    stopping = threading.Thread(target=window.stop)
    stopping.start()
    assert window._stopping.wait(60)
    for _ in answer:
        pass
    stopping.join(60)
    assert engine.steps <= steps + 2
    (exchange,) = window.transcript
    assert exchange.answer
    assert exchange.finished is None
    ask(window, "and now?")
    assert window.transcript[1].answer.startswith("1 pages, turn 2")


def test_an_answer_is_saved_before_who_waits_for_its_end_goes_on(window, monkeypatch):
    """Else the window is closed meanwhile, and what is saved has no documents."""
    answering, save = [], window.history.save
    monkeypatch.setattr(window.history, "save", lambda *saved: (answering.append(window.answering), save(*saved)))
    ask(window, "one two three")
    assert answering
    assert all(answering)


def test_an_answer_that_ends_after_its_window_was_closed_leaves_what_was_saved(windows, window, save, monkeypatch):
    monkeypatch.setattr("glyph_demo.windows.window.PATIENCE", 0.0)
    window.open(save("b.txt", "Another line.\n"), "b.txt")
    answer = window.ask("one two three")
    next(answer)
    windows.close("tab")
    answer.close()
    assert [reading.name for reading in windows.get("tab").session.documents.values()] == ["b.txt"]


def test_a_second_question_during_an_answer_is_refused(window):
    answer = window.ask("first")
    next(answer)
    with pytest.raises(GlyphError, match="busy"):
        ask(window, "second")
    answer.close()


def test_a_question_without_a_document_is_refused(windows):
    with pytest.raises(GlyphError, match="no_document"):
        ask(windows.get("tab"), "what?")


def test_windows_are_capped_and_the_one_not_used_for_longest_goes(engine, windows, window):
    ask(window, "kept?")
    others = [windows.get(f"other {number}") for number in range(MAX_WINDOWS - 1)]
    assert windows.get("tab") is window
    windows.get("one too many")
    assert len(windows) == MAX_WINDOWS
    assert windows.get("tab") is window
    assert windows.get("other 0") is not others[0]
    assert engine.open_handles == 1


def test_a_window_with_something_to_do_is_not_closed_for_another(engine, windows, window):
    """Five pages that said that they had loaded ended an answer of a sixth."""
    engine.token_seconds = 0.05
    answer = window.ask("one two three four five six seven eight")
    next(answer)
    for number in range(2 * MAX_WINDOWS):
        windows.arrive(f"{number:032x}")
    assert [exchange.answer for exchange in answer][-1].rstrip().endswith("seven eight")
    assert windows.get("tab") is window
    windows.get("one more")
    assert len(windows) == MAX_WINDOWS


def test_while_all_have_something_to_do_windows_have_a_limit(windows, monkeypatch):
    monkeypatch.setattr(Window, "busy", True)
    for number in range(MOST_WINDOWS):
        windows.get(f"{number}")
    with pytest.raises(GlyphError, match="too_many_windows"):
        windows.get("one more")


def test_pages_that_never_load_share_no_window(windows, monkeypatch):
    monkeypatch.setattr("glyph_demo.windows.visit.ARRIVAL_SECONDS", 0.05)
    first = Visit()
    with pytest.raises(LookupError):
        windows.get(first)
    assert len(windows) == 0
    assert copy.deepcopy(Visit("tab")).window_id is None, "every page gets a copy that has not arrived"


def test_pages_that_never_load_take_few_threads(windows, monkeypatch):
    """Sixty of them took all threads of the app for twenty seconds."""
    monkeypatch.setattr("glyph_demo.windows.visit.ARRIVAL_SECONDS", 30)
    visits = [Visit() for _ in range(9)]
    waiting = [threading.Thread(target=windows.get, args=(one,)) for one in visits[:8]]
    for thread in waiting:
        thread.start()
    while visit._WAITING._value:  # places that are free
        time.sleep(0.01)
    with pytest.raises(LookupError):
        windows.get(visits[8])
    for one in visits[:8]:
        one.arrive("tab")
    for thread in waiting:
        thread.join(60)
    assert len(windows) == 1


def test_a_window_closed_to_make_room_comes_back_with_its_pages_settings(windows):
    page = Visit("tab")
    page.values = {"inference.temperature": 0.7}
    windows.get(page)
    windows.close("tab")
    assert windows.get(page).session.settings.inference.temperature == 0.7


def test_a_closed_window_lets_its_documents_go(engine, windows, window):
    windows.close("tab")
    assert engine.open_handles == 0
    assert windows.get("tab").reading is None
