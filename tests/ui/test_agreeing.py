"""What goes only once a person has agreed: a document with its conversation, the questions after one asked again."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.ui.handling import empty_list, listed, opened, value, write


def click(act, identifier="1"):
    return SimpleNamespace(act=act, id=identifier)


def agreed(sure, **data):
    return SimpleNamespace(sure=sure, **data)


def questions(on):
    return [exchange.question for exchange in on.windows.get("tab").transcript]


def test_a_document_without_a_conversation_goes_at_once(on, tmp_path):
    opened(on, write(tmp_path))
    assert on.shelf.on_document("tab", click("remove"))[on.ui.documents] == empty_list(on)


@pytest.mark.parametrize(
    ("language", "asks"),
    [("en", ("1 question with its answer", "2 questions with their answers")), ("zh", ("1 个问题", "2 个问题"))],
)
def test_a_document_with_a_conversation_goes_only_once_that_is_agreed_to(on, tmp_path, language, asks):
    opened(on, write(tmp_path, "<b>&'.txt"))
    on.change_language("tab", language)
    for question, told in zip(("one", "two"), asks, strict=True):
        list(on.chat.ask_question("tab", question))
        updates = on.shelf.on_document("tab", click("remove"))
        assert updates.keys() == {on.ui.removing}
        assert told in updates[on.ui.removing]
        assert "&lt;b&gt;&amp;&#x27;.txt" in updates[on.ui.removing]
        assert on.shelf.remove_if_sure("tab", agreed("", id="1")) == gr.skip()
        assert on.shelf.on_document("tab", click("remove")) != updates, "which a page would not show again"
        assert questions(on)[-1] == question
    updates = on.shelf.remove_if_sure("tab", agreed("yes", id="1"))
    assert listed(updates[on.ui.documents]) == []


def test_a_question_that_others_follow_is_asked_again_only_once_it_is_agreed_that_they_go(on, tmp_path):
    opened(on, write(tmp_path))
    for question in ("a", "b", "c"):
        list(on.chat.ask_question("tab", question))
    for index, told in ((0, "2 questions after it"), (2, "The question after it")):
        (update,) = on.chat.retry_question("tab", SimpleNamespace(index=index))
        assert len(value(update[on.ui.chat])) == 6, "an edit shown by Gradio's page is taken back"
        assert told in update[on.ui.replacing]
    (update,) = on.chat.edit_question("tab", SimpleNamespace(index=2, value="B's <i>"))
    at, question = re.search("data-at='(.*?)' data-question='(.*?)'", update[on.ui.replacing]).groups()
    assert (at, question) == ("1", "B&#x27;s &lt;i&gt;")
    (update,) = on.chat.replace_if_sure("tab", agreed("", at="1", question="B"))
    assert update == {on.ui.unasked: "B"}, "what was typed is kept"
    assert list(on.chat.replace_if_sure("tab", agreed("", at="0", question="a"))) == [gr.skip()]
    assert questions(on) == ["a", "b", "c"]
    list(on.chat.replace_if_sure("tab", agreed("yes", at="1", question="B")))
    assert questions(on) == ["a", "B"]


def test_a_conversation_is_cleared_only_once_that_is_agreed_to_and_while_it_is_in_front(on, tmp_path):
    opened(on, write(tmp_path, "b.txt"))
    opened(on, write(tmp_path, "a.txt"))
    assert on.ui.clearing not in on.chat.clear_conversation("tab"), "there is nothing to ask about"
    for question, told in (("a", "Its question and answer"), ("b", "Its 2 questions and their answers")):
        list(on.chat.ask_question("tab", question))
        updates = on.chat.clear_conversation("tab")
        assert updates.keys() == {on.ui.clearing}
        assert f"Clear the conversation about a.txt? {told}" in updates[on.ui.clearing]
        assert "data-id='2'" in updates[on.ui.clearing]
    for answer in (agreed("", id="2"), agreed("yes", id="1")):
        assert on.chat.clear_if_sure("tab", answer) == gr.skip()
    assert questions(on) == ["a", "b"]
    assert value(on.chat.clear_if_sure("tab", agreed("yes", id="2"))[on.ui.chat]) == []


@pytest.mark.parametrize("at", ["7", "-1", None, "x"])
def test_an_answer_about_a_question_that_has_gone_does_nothing(on, tmp_path, at):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "a"))
    assert list(on.chat.replace_if_sure("tab", agreed("yes", at=at, question="b"))) == [gr.skip()]
    assert questions(on) == ["a"]
