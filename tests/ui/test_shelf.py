"""The list of documents: they are given other names, and found by what was said about them."""

from types import SimpleNamespace

import pytest

from glyph_demo.documents.extraction import shown_title
from glyph_demo.settings import load_settings
from glyph_demo.ui.shelf import document_list
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import Visit
from tests.ui.handling import final, listed, opened, request, write

HOSTILE = "<img src=x onerror=alert(1)> \"quoted\" 'and' &lt;"


@pytest.fixture
def two(on, tmp_path):
    """The handlers with two documents, b.txt in front, and a question asked about each."""
    for name, question in (("a.txt", "When does the lease of the 倉庫 end?"), ("b.txt", "How deep is the pier?")):
        opened(on, write(tmp_path, name))
        list(on.chat.ask_question("tab", question))
    return on


def act(on, act, identifier="1", **more):
    return final([on.shelf.on_document("tab", SimpleNamespace(act=act, id=identifier, **more))], on.ui.documents)


def search(on, words):
    return on.shelf.search("tab", words)[on.ui.documents]


def test_a_name_is_typed_in_the_list_and_taken_or_not(two):
    on = two
    shown = act(on, "rename")
    assert shown.count("<input") == 1
    assert "value='a.txt' maxlength='120' aria-label='Rename a.txt'" in shown
    assert listed(act(on, "unnamed", name="Lease")) == ["a.txt", "b.txt"]
    act(on, "rename")
    shown = act(on, "named", name="  The lease ")
    assert "<input" not in shown
    assert listed(shown) == ["The lease", "b.txt"]
    assert "title='a.txt'" in shown, "the file is still told"
    assert listed(act(on, "named", name=" \n ")) == ["a.txt", "b.txt"], "nothing typed: the name of the file"
    act(on, "rename", "no such")
    assert listed(act(on, "named", "no such", name="x")) == ["a.txt", "b.txt"]


def test_a_name_stays_for_reloads_restarts_and_other_sizes_of_text(two):
    on = two
    act(on, "named", name="The lease")
    act(on, "rename", "2")
    search(on, "lease")
    on.shelf.select("tab", "1")
    on.preferences.change_setting(Visit("tab"), {}, 14.0, name="font_size")
    assert on.chat.export_conversation("tab", "md")["name"] == "The lease.md"
    assert on.chat.export_conversation("tab", "json")["text"].startswith('{\n  "document": "The lease"')
    assert on.windows.get("tab").reading.name == "a.txt", "by which it is parsed"
    windows = Windows(on.windows.switch.engine, load_settings())
    window = windows.get("tab")
    assert listed(document_list(window)) == ["The lease", "b.txt"]
    windows.close_all()


def test_a_page_that_is_opened_anew_shows_the_whole_list(two):
    on = two
    search(on, "lease")
    act(on, "rename")
    window = on.windows.get("tab")
    memory = {"window": "0123456789abcdef" * 2}
    window.identifier, on.windows._windows[memory["window"]] = memory["window"], window
    visit = SimpleNamespace(values={}, arrive=lambda identifier: None)
    assert listed(on.load_page(visit, memory, request("en"))[on.ui.documents]) == ["a.txt", "b.txt"]


def test_no_name_is_markup_or_longer_than_a_line(two):
    shown = act(two, "named", name=HOSTILE)
    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot; &#x27;and&#x27; &amp;lt;" in shown
    assert "<img" not in act(two, "rename")
    assert shown_title("a\u202eb\x00c\u200f\r\nd\te \ufeff") == "abc d e"
    assert shown_title("Q3/Q4 report.") == "Q3/Q4 report."
    assert len(shown_title("x" * 9999)) == 120
    assert shown_title(" \u2066\u200e ") == ""


def test_documents_are_found_by_their_names_and_by_what_was_said(two):
    on = two
    assert listed(search(on, "lease")) == ["a.txt"]
    assert "1 of 2 documents, found 2 times" in search(on, "lease"), "in the question, which the answer repeats"
    act(on, "named", "2", name="The lease of the pier")
    shown = search(on, "LEASE  of\tthe")
    assert listed(shown) == ["a.txt", "The lease of the pier"]
    assert "2 of 2 documents, found 3 times" in shown
    assert "found once" in shown
    for same in ("仓库", "倉庫", "ｌｅａｓｅ of the 倉庫"):
        assert listed(search(on, same)) == ["a.txt"], same
    assert listed(search(on, "  ")) == ["a.txt", "The lease of the pier"]
    assert listed(search(on, None)) == ["a.txt", "The lease of the pier"]
    shown = search(on, "<b>absent.*")
    assert listed(shown) == []
    assert "No name, question or answer has these words" in shown
    assert "glyph-several" in shown, "else the field would go with the last row"


def test_words_that_hide_the_last_document_are_forgotten_with_the_field_they_stand_in(two):
    on = two
    assert listed(search(on, "lease")) == ["a.txt"]
    shown = on.shelf.remove("tab", "1")[on.ui.documents]
    assert "glyph-several" not in shown, "there is no field"
    assert listed(shown) == ["b.txt"]


def test_the_answers_of_other_documents_are_looked_through_and_bear_their_names(two):
    on = two
    act(on, "named", name="The lease")
    act(on, "named", "2", name="The pier")
    list(on.chat.ask_question("tab", "why?", True))
    exchange = on.windows.get("tab").transcript[-1]
    assert exchange.document == "The pier"
    assert [row.file for row in exchange.others] == ["The lease"]
    assert "glyph-documents" in search(on, "why")
    assert listed(search(on, exchange.others[0].answer)) == ["The pier"]


def test_the_list_is_found_in_chinese_too(two):
    on = two
    on.windows.get("tab").language = "zh"
    assert "2 份文档中有 1 份，找到 2 处" in search(on, "pier")
    assert "都没有这些词" in search(on, "absent")
    assert "重命名 a.txt" in search(on, "")


def test_each_other_list_has_a_higher_number(two):
    window = two.windows.get("tab")
    first = document_list(window)
    assert document_list(window) == first
    lists = [first, *(search(two, words) for words in ("lease", "", "pier"))]  # one that was there before is new too
    begins = [shown[: shown.index(">")] for shown in lists]
    assert begins == sorted(set(begins))
