"""Questions asked during an answer, stopped, and given back where they were typed."""

import json
import re
import subprocess
import threading
from types import SimpleNamespace

import gradio as gr
import pytest
from playwright._impl._driver import compute_driver_executable

from glyph_demo.settings import load_settings
from glyph_demo.ui.app import GIVE_BACK
from glyph_demo.windows.collection import Windows
from tests.ui.handling import answers, final, opened, write


def press_stop(on):
    """Press Stop, which returns once the answer has ended, beside the test."""
    threading.Thread(target=on.chat.stop_answer, args=("tab",)).start()
    assert on.windows.get("tab")._stopping.wait(60)


def test_a_question_during_an_answer_is_asked_after_it_and_what_is_stopped_comes_back(on, engine, tmp_path):
    opened(on, write(tmp_path))
    first = on.chat.ask_question("tab", "one two three")
    next(first)
    second = on.chat.ask_question("tab", "and then?")
    told = next(second)
    assert told[on.ui.question] == ""
    assert "asked when the answer before it has ended" in told[on.ui.status]
    list(first)
    updates = list(second)
    assert on.ui.question not in updates[0], "what is typed meanwhile stays"
    assert [m["content"] for m in updates[-1][on.ui.chat] if m["role"] == "user"] == ["one two three", "and then?"]

    third = on.chat.ask_question("tab", "stopped?")
    next(third)
    fourth = on.chat.ask_question("tab", "stopped too?")
    next(fourth)
    turned_away = []
    waiting = threading.Thread(target=lambda: turned_away.extend(fourth))
    waiting.start()
    press_stop(on)
    waiting.join(0.5)  # it is not turned away before the answer has let go
    *_, last = third
    assert last[on.ui.unasked] == "stopped?"
    assert last[on.ui.live] == ""
    waiting.join(60)
    assert turned_away[-1][on.ui.unasked] == "stopped too?"
    assert turned_away[-1][on.ui.status] == "", "nothing is asked next any more"
    assert len(on.windows.get("tab").transcript) == 2


def test_a_conversation_that_is_cleared_while_its_last_answer_is_shown_stays_cleared(on, tmp_path):
    opened(on, write(tmp_path))
    window, shown = on.windows.get("tab"), []
    for updates in on.chat.ask_question("tab", "one"):
        if on.ui.chat in updates:
            shown.append(answers(updates[on.ui.chat]))
        if window.transcript and window.transcript[0].finished and on.ui.chat in updates:
            window.clear()  # by another event, whose empty chat may come first
    assert [len(cards) for cards in shown[-2:]] == [1, 0]


def test_of_two_questions_that_wait_the_newer_is_asked(on, tmp_path):
    opened(on, write(tmp_path))
    first, second, third = (on.chat.ask_question("tab", question) for question in ("one", "two", "three"))
    for asked in (first, second):
        next(asked)
    turned_away = []
    waiting = threading.Thread(target=lambda: turned_away.extend(second))
    waiting.start()
    while not on.windows.get("tab").waits:
        pass
    next(third)
    answering = threading.Thread(target=lambda: list(third))
    answering.start()
    waiting.join(60)
    assert [update[on.ui.unasked] for update in turned_away] == ["two"]
    list(first)
    answering.join(60)
    assert [exchange.question for exchange in on.windows.get("tab").transcript] == ["one", "three"]


@pytest.mark.parametrize("again", ["two", " one ", " "])
def test_an_enter_too_many_asks_nothing_and_pushes_out_no_question_that_waits(on, tmp_path, again):
    opened(on, write(tmp_path))
    first, second = (on.chat.ask_question("tab", question) for question in ("one", "two"))
    for asked in (first, second):
        next(asked)
    waited = []
    waiting = threading.Thread(target=lambda: waited.extend(second))
    waiting.start()
    while not on.windows.get("tab").waits:
        pass
    assert next(on.chat.ask_question("tab", again)) == gr.skip(), "Gradio empties a page of which nothing is said"
    list(first)
    waiting.join(60)
    assert waited
    assert [exchange.question for exchange in on.windows.get("tab").transcript] == ["one", "two"]


def test_a_page_that_is_loaded_anew_shows_the_answer_and_then_that_to_the_question_that_waits(on, engine, tmp_path):
    opened(on, write(tmp_path))
    engine.token_seconds = 0.06
    first, second = (on.chat.ask_question("tab", question) for question in ("one two three", "and four"))
    for asked in (first, second):
        next(asked)

    def waits():
        next(second)  # as it begins
        second.close()  # its page has gone

    waiting = threading.Thread(target=waits)
    waiting.start()
    while not on.windows.get("tab").waits:
        pass
    first.close()
    updates = list(on.chat.follow_answer("tab"))[1:]
    waiting.join(60)
    assert not on.windows.get("tab").busy
    asked = [message["content"] for message in final(updates, on.ui.chat) if message["role"] == "user"]
    assert asked == ["one two three", "and four"]
    assert len(answers(final(updates, on.ui.chat))) == 2
    lives = [update[on.ui.live] for update in updates if on.ui.live in update]
    assert any("turn 2" in re.sub("<.*?>", "", live) for live in lives), "it was seen as it was written"
    assert lives[-1] == ""
    assert on.ui.unasked not in updates[-1]


def test_a_page_that_is_loaded_anew_gives_a_question_back_that_is_stopped_before_its_answer(on, tmp_path):
    opened(on, write(tmp_path))
    with on.windows.get("tab").session._asking:  # as by a comparison: no word comes
        asked = on.chat.ask_question("tab", "why?")
        next(asked)
        asked.close()
        following = on.chat.follow_answer("tab")
        for _ in range(3):
            next(following)
        press_stop(on)
        *_, last = following
    assert last[on.ui.unasked] == "why?"


def test_a_question_stopped_before_its_answer_comes_back_also_if_it_was_answered_earlier(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "why?"))
    asked = on.chat.ask_question("tab", "why?")
    next(asked)  # no word yet
    press_stop(on)
    *_, last = asked
    assert last[on.ui.unasked] == "why?"
    assert len(on.windows.get("tab").transcript) == 1


def test_a_retry_that_is_stopped_before_its_answer_leaves_the_question_in_the_conversation_only(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "why?"))
    asked = on.chat.retry_question("tab", SimpleNamespace(index=0))
    next(asked)
    press_stop(on)
    *_, last = asked
    assert on.ui.unasked not in last


def test_what_there_is_of_a_stopped_answer_is_checked_but_for_what_may_be_cut_off(on, engine, tmp_path):
    opened(on, write(tmp_path, text="The sum is 1,234.\n"))
    engine.token_seconds = 0.06
    asked = on.chat.ask_question("tab", "1234; 777; 501; 502; 503; 504; 505; 506; 507; 508")
    window = on.windows.get("tab")
    while not (window.transcript and window.transcript[0].answer.endswith("501; ")):
        next(asked)
    press_stop(on)
    *_, last = asked
    (exchange,) = window.transcript
    *_, last_word = exchange.answer.split()
    marks = {exchange.answer[claim.start : claim.end]: claim.place is not None for claim in exchange.claims}
    assert (marks["1234"], marks["777"], last_word[:3] in marks) == (True, False, False)
    (card,) = last[on.ui.chat][1]["content"]
    assert "not found in the document'>777<" in card.value


@pytest.mark.parametrize("anew", [False, True])
def test_what_is_checked_of_a_stopped_answer_is_kept(on, engine, tmp_path, anew):
    opened(on, write(tmp_path, text="The pier is 14.2 metres deep.\n" * 30))
    engine.token_seconds = 0.06
    asked = on.chat.ask_question("tab", "14.2 and then some more of it")
    window = on.windows.get("tab")
    while not window.transcript or "14.2 and" not in window.transcript[0].answer:
        next(asked)
    if anew:
        asked.close()
        asked = on.chat.follow_answer("tab")
    press_stop(on)
    updates = list(asked)
    assert updates
    assert [claim.place.line for claim in window.transcript[0].claims if claim.place] == [1]
    kept = Windows(on.windows.switch.engine, load_settings())
    assert kept.get("tab").transcript[0].claims == window.transcript[0].claims
    kept.close_all()


def test_a_question_partly_answered_is_not_given_back_beside_another_document(on, engine, tmp_path):
    opened(on, write(tmp_path, "b.txt"))
    opened(on, write(tmp_path, "a.txt"))
    engine.token_seconds = 0.06
    asked = on.chat.ask_question("tab", "one two three")
    while not on.windows.get("tab").transcript or not on.windows.get("tab").transcript[0].answer:
        next(asked)
    selecting = threading.Thread(target=on.shelf.select, args=("tab", "1"))
    selecting.start()
    assert on.windows.get("tab")._stopping.wait(60)
    *_, last = asked
    selecting.join(60)
    assert on.ui.unasked not in last
    (kept,) = on.windows.get("tab").session.documents["2"].transcript.exchanges
    assert kept.answer


@pytest.mark.parametrize(
    ("unasked", "typed", "then"),
    [
        ("why", "", "why"),
        ("why", "why", "why"),
        ("why", "and why not", "and why not\nwhy"),
        ("one\ntwo", "one\ntwo\nthree", "one\ntwo\nthree"),
        ("", "typed", "typed"),
    ],
)
def test_a_question_given_back_is_put_below_what_was_typed_unless_it_stands_there(unasked, typed, then):
    node, _ = compute_driver_executable()  # comes with the driver of the browser tests
    script = f"process.stdout.write(({GIVE_BACK})({json.dumps(unasked)}, {json.dumps(typed)}))"
    ran = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == then
