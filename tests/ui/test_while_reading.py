"""A question asked while its document is read, as a page sees it."""

import threading

import pytest

from glyph_demo.conversation import early
from tests.fakes import PageByPage
from tests.ui.handling import answers, final, sent, value, write

TEXT = "".join(f"Line {number} of a text.\n" for number in range(200))


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(early, "TRY_SECONDS", 0.0)
    monkeypatch.setattr(early, "TRY_SHARE", 0)
    return PageByPage()


@pytest.fixture
def window(on, engine, tmp_path):
    sent(on, "tab", write(tmp_path, text=TEXT))
    window = on.windows.get("tab")
    engine.let(window.reading, 2)
    yield window
    engine.pages.release(100)


def said(messages):
    """The words of the answers, and the card of each."""
    cards = [message["content"][0].value for message in value(messages) if message["role"] == "assistant"]
    return list(zip(answers(messages), cards, strict=True))


def test_an_early_answer_ends_its_question_and_the_page_gets_the_later_one(on, engine, window):
    updates = list(on.chat.ask_question("tab", "on 1?"))
    ((words, panel),) = said(updates[-1][on.ui.chat])
    assert words == "2 pages, turn 1: on 1?"
    assert "answered again when the rest is read" in panel
    assert updates[-1][on.ui.live] == ""
    list(on.chat.ask_question("tab", "on 2?"))
    following = on.shelf.follow_reading("tab")
    assert on.ui.chat not in next(following)
    engine.pages.release(100)
    updates = list(following)
    pages = len(window.reading.pages)
    assert pages > 2
    assert sum(on.ui.chat in update for update in updates) in (1, 2), "both answers at once, or one after the other"
    shown = said(final(updates, on.ui.chat))
    assert [words for words, _ in shown] == [f"{pages} pages, turn 1: on 1?", f"{pages} pages, turn 2: on 2?"]
    assert not any("answered again" in panel for _, panel in shown)
    assert "glyph-box chosen" in final(updates, on.ui.page)


def test_words_that_are_not_found_may_be_on_pages_that_are_still_to_come(on, engine, window):
    assert "Not found on the pages read so far" in on.find("tab", "absent")[on.ui.found]
    engine.pages.release(100)
    window.reading.wait()
    assert "Not found in the text" in on.find("tab", "absent")[on.ui.found]


def test_a_page_loaded_meanwhile_shows_the_answer_so_far_and_then_the_later_one(on, engine, window):
    list(on.chat.ask_question("tab", "on 1?"))
    shown = said(on._view.front(window)[on.ui.chat])
    assert shown[0][0].startswith("2 pages")
    assert "answered again" in shown[0][1]
    engine.pages.release(100)
    assert "2 pages" not in said(final(list(on.shelf.follow_reading("tab")), on.ui.chat))[0][0]


def test_the_later_answer_is_not_sent_between_another_question_and_its_answer(on, engine, window):
    """The answer that came then would have been overwritten by the chat without it."""
    list(on.chat.ask_question("tab", "on 1?"))
    asking = on.chat.ask_question("tab", "on 9?")
    next(asking)
    engine.pages.release(100)
    window.reading.wait()
    following = on.shelf.follow_reading("tab")
    updates = [next(following)]
    assert on.ui.chat not in updates[0], "the other one is still being answered"
    list(asking)
    shown = said(final(list(following), on.ui.chat))
    assert shown[1][0].startswith("The document does not seem to say.")
    assert not any("answered again" in panel for _, panel in shown)


def test_what_is_kept_of_an_early_answer_is_given_again_after_a_restart(on, engine, window):
    list(on.chat.ask_question("tab", "on 1?"))
    closing = threading.Thread(target=on.windows.close, args=("tab",))
    closing.start()
    while not window.reading._cancelled:
        pass
    engine.pages.release()  # the page that is being read ends
    closing.join(60)
    again = on.windows.get("tab")
    assert again.transcript[0].read_so_far is not None
    engine.pages.release(100)
    list(on.shelf.follow_reading("tab"))
    assert again.transcript[0].read_so_far is None
    assert again.transcript[0].answer == f"{len(again.reading.pages)} pages, turn 1: on 1? "
