"""What a page is sent of a conversation does not grow with it."""

import inspect
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.conversation.transcript import Exchange
from glyph_demo.ui.app import window_app
from glyph_demo.windows.conversations import SHOWN
from tests.ui.handling import final, opened, request, value, write

TURNS = 3 * SHOWN
CHAT = 2  # messages for a turn


@pytest.fixture
def long(on, tmp_path):
    """The handlers with a conversation of TURNS turns, the first of which is number 0."""
    opened(on, write(tmp_path))
    window = on.windows.get("tab")
    for number in range(TURNS):
        exchange = Exchange(f"question {number}?", f"answer {number}")
        with window.reading.transcript.asking(exchange):
            window.reading.transcript.commit()
    return on


def questions(messages):
    return [message["content"] for message in value(messages) if message["role"] == "user"]


def test_the_last_turns_are_shown_and_others_when_they_are_wanted(long):
    on = long
    shown = on.change_language("tab", "en")
    assert questions(shown[on.ui.chat]) == [f"question {number}?" for number in range(TURNS - SHOWN, TURNS)]
    cards = [message["content"][0].value for message in value(shown[on.ui.chat]) if message["role"] == "assistant"]
    assert "answer 40" in cards[0]
    assert f"Show more of the {TURNS - SHOWN} earlier questions" in shown[on.ui.earlier]
    shown = on.chat.show_earlier("tab")
    assert len(value(shown[on.ui.chat])) == 2 * SHOWN * CHAT
    shown = on.chat.show_earlier("tab")
    assert questions(shown[on.ui.chat])[0] == "question 0?"
    assert shown[on.ui.earlier] == ""
    on.windows.get("tab").language = "zh"
    on.windows.get("tab").earlier.clear()
    assert f"还有 {TURNS - SHOWN} 个" in on.change_language("tab", "zh")[on.ui.earlier]


def test_a_document_that_is_found_by_what_was_said_is_opened_at_the_first_turn_with_the_words(long, tmp_path):
    on = long
    opened(on, write(tmp_path, "b.txt"))
    clicked = SimpleNamespace(act="open", id="1")
    for words, turn, count in (("answer 5", 0, TURNS - 5), ("question 45?", 40, TURNS - 5)):
        on.shelf.search("tab", words)
        shown = on.shelf.on_document("tab", clicked)
        assert len(value(shown[on.ui.chat])) == count * CHAT, "what was shown stays"
        assert f"data-turn='{turn}'" in shown[on.ui.earlier]
        assert f"{TURNS - count} earlier questions" in shown[on.ui.earlier]
        assert on.shelf.on_document("tab", clicked)[on.ui.earlier] != shown[on.ui.earlier], "else it is not shown again"
    for words in ("a.txt", " "):
        on.shelf.search("tab", words)
        assert "data-turn" not in on.shelf.on_document("tab", clicked)[on.ui.earlier]


def test_an_answer_sends_the_last_turns_once_each(long, engine):
    on, engine.token_seconds = long, 0.02
    updates = list(on.chat.ask_question("tab", "one two three four five six?"))
    engine.token_seconds = 0
    sent = [len(value(each[on.ui.chat])) for each in updates if on.ui.chat in each]
    assert len(updates) > 3
    assert sent == [SHOWN * CHAT - 1, SHOWN * CHAT], "at its beginning and its end"
    assert questions(final(updates, on.ui.chat))[-1] == "one two three four five six?"


def test_an_edit_and_a_retry_are_of_the_turn_that_was_clicked(long):
    on = long
    on.change_language("tab", "en")
    last = CHAT * (SHOWN - 1)
    list(on.chat.edit_question("tab", SimpleNamespace(index=last, value="edited?")))
    transcript = on.windows.get("tab").transcript
    assert [exchange.question for exchange in transcript[-2:]] == [f"question {TURNS - 2}?", "edited?"]
    list(on.chat.retry_question("tab", SimpleNamespace(index=last + 1)))
    assert "turn" in on.windows.get("tab").transcript[-1].answer
    (asked,) = on.chat.retry_question("tab", SimpleNamespace(index=[1]))
    assert f"The {SHOWN - 1} questions after it" in asked[on.ui.replacing]
    assert f"question {TURNS - SHOWN}?" in asked[on.ui.replacing]
    for odd in (-1, "x", None, 10**6):
        assert len(list(on.chat.retry_question("tab", SimpleNamespace(index=odd)))) == 1
    assert len(on.windows.get("tab").transcript) == TURNS


def test_a_page_that_is_opened_anew_is_sent_the_last_turns(long):
    on = long
    for _ in range(3):
        on.chat.show_earlier("tab")
    window = on.windows.get("tab")
    memory = {"window": "0123456789abcdef" * 2}
    window.identifier, on.windows._windows[memory["window"]] = memory["window"], window
    shown = on.load_page(SimpleNamespace(values={}, arrive=lambda identifier: None), memory, request("en"))
    assert len(value(shown[on.ui.chat])) == SHOWN * CHAT


def test_no_handler_of_the_page_ends_with_what_gradio_would_send_twice(on):
    handlers = window_app(on.windows).fns.values()
    of_talk = [each for each in handlers if any(isinstance(output, gr.Chatbot) for output in each.outputs)]
    yielding = [each.fn for each in of_talk if inspect.isgeneratorfunction(each.fn)]
    assert len(yielding) >= 10
    assert all(hasattr(fn, "__wrapped__") for fn in yielding)
    first = yielding[0]
    assert list(inspect.signature(first).parameters) == list(inspect.signature(first.__wrapped__).parameters)
