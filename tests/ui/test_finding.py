"""Words are found in the document, and places of answers on pages that have been drawn anew."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr

from glyph_demo.ui.pages import absent_view, found_view
from glyph_demo.windows.page_look import PAGES_CHANGED
from glyph_demo.windows.visit import Visit
from tests.documents.test_page_images import mixed
from tests.ui.handling import final, opened, write

TEXT = "".join(f"Line {number} of the ledger.\n" for number in range(1, 120)) + "The ferry accounts.\n"


def beside(on, words, step):
    return on.find_beside("tab", words, SimpleNamespace(step=step))


def test_each_enter_shows_the_next_place_and_the_last_is_followed_by_the_first(on, tmp_path):
    opened(on, write(tmp_path, text=TEXT))
    window = on.windows.get("tab")
    for number, said in ((1, "1 of 119"), (2, "2 of 119")):
        updates = on.find("tab", "ledger")
        assert said in updates[on.ui.found]
        assert "glyph-box chosen" in updates[on.ui.page]
        assert window.focus.chosen.line == number
    assert "119 of 119" in [beside(on, "ledger", -1) for _ in range(2)][-1][on.ui.found]
    assert window.view.number == len(window.reading.pages) > 1
    assert "1 of 119" in beside(on, "ledger", "1")[on.ui.found]
    assert "1 of 1" in on.find("tab", "ferry accounts")[on.ui.found], "other words begin anew"


def test_what_is_not_there_is_said_and_the_page_stays(on, tmp_path):
    assert "Not found" in on.find("tab", "ledger")[on.ui.found], "no document"
    opened(on, write(tmp_path, text=TEXT))
    updates = on.find("tab", "<b>absent")
    assert "Not found" in updates[on.ui.found]
    assert on.ui.found in updates
    assert updates.get(on.ui.page, "") == on._view.page(on.windows.get("tab"))
    assert on.find("tab", "  ") == {on.ui.found: ""}


def test_what_is_not_on_pages_read_as_images_is_said_to_be_out_of_reach_unless_the_engine_reads_them(
    on, tmp_path, monkeypatch
):
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(mixed())
    opened(on, scan)
    assert "Pages that are images cannot be searched" in on.find("tab", "absent")[on.ui.found]
    monkeypatch.setattr(on.windows.get("tab").reading.handle, "read_lines", lambda: ())
    assert on.find("tab", "absent")[on.ui.found] == absent_view(None, "en"), "they were looked through"


def test_how_many_places_there_are_follows_the_language_and_goes_with_the_document(on, tmp_path):
    opened(on, write(tmp_path, "b.txt"))
    opened(on, write(tmp_path, "a.txt", TEXT))
    on.find("tab", "ledger")
    assert found_view(1, 119, "zh") == on.change_language("tab", "zh")[on.ui.found]
    assert final(on.shelf.follow_reading("tab"), on.ui.found) == found_view(1, 119, "zh"), "nothing else is in front"
    assert on.shelf.select("tab", "1")[on.ui.found] == ""


def answered(on, tmp_path, text):
    opened(on, write(tmp_path, text=TEXT))
    list(on.chat.ask_question("tab", "one?"))
    window = on.windows.get("tab")
    exchange = window.transcript[0]
    exchange.regions = (replace(exchange.regions[0], text=text),)
    on.preferences.change_setting(Visit("tab"), {}, 14.0, name="font_size")
    window.reading.wait()
    return window


def test_a_place_is_found_again_after_the_pages_were_drawn_in_another_size(on, tmp_path):
    window = answered(on, tmp_path, "The ferry accounts.")
    assert "glyph-box" not in on._view.page(window), "where it was is something else"
    shown = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert window.view.number == len(window.reading.pages)
    assert "glyph-box chosen" in shown[on.ui.page]
    assert on.ui.status not in shown


def test_a_place_that_is_not_found_again_is_said_to_be_gone(on, tmp_path):
    window = answered(on, tmp_path, "The fcrry accounts.")
    shown = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert PAGES_CHANGED.en in shown[on.ui.status]
    assert "glyph-box" not in shown[on.ui.page]
    assert window.transcript[0].regions


def test_the_marks_of_an_answer_go_with_the_next_that_has_none(on, tmp_path):
    opened(on, write(tmp_path, text=TEXT))
    list(on.chat.ask_question("tab", "one?"))
    window = on.windows.get("tab")
    assert "glyph-box" in on._view.page(window)
    page = window.view.number
    updates = list(on.chat.ask_question("tab", "absent"))
    assert "glyph-box" not in final(updates, on.ui.page)
    assert window.view.number == page


def test_a_figure_of_an_answer_leads_to_its_place_and_an_absent_one_nowhere(on, tmp_path):
    opened(on, write(tmp_path, text=TEXT))
    list(on.chat.ask_question("tab", "Is it 118 or 4711?"))
    window = on.windows.get("tab")
    claims = window.transcript[0].claims
    numbers = {window.transcript[0].answer[claim.start : claim.end]: i for i, claim in enumerate(claims)}
    assert {"118", "4711"} <= numbers.keys()
    shown = on.on_page("tab", SimpleNamespace(act="claim", answer="0", claim=str(numbers["118"])))
    assert window.view.number == len(window.reading.pages) > 1
    assert "glyph-box chosen" in shown[on.ui.page]
    for odd in (str(numbers["4711"]), "99", "-1", None):
        assert on.on_page("tab", SimpleNamespace(act="claim", answer="0", claim=odd)) == gr.skip()


def test_the_count_goes_with_the_places_that_it_counts(on, tmp_path):
    opened(on, write(tmp_path, text=TEXT))
    assert "1 of " in on.find("tab", "ledger")[on.ui.found]
    assert on.find("tab", "nowhere")[on.ui.found] == absent_view(None, "en")
    assert "1 of " not in on.change_language("tab", "en")[on.ui.found]
    on.find("tab", "ledger")
    on.find("tab", "")
    assert on.change_language("tab", "en")[on.ui.found] == ""
    on.find("tab", "ledger")
    assert final(on.chat.ask_question("tab", "why?"), on.ui.found) == "", "the page shows what the answer rests on"
    on.find("tab", "ledger")
    assert final(on.chat.ask_question("tab", "absent"), on.ui.found) == ""
    on.chat.undo_exchange("tab")
    on.find("tab", "ledger")
    shown = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert shown[on.ui.found] == ""
