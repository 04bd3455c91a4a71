"""A place in the table of many documents is shown in the tab for reading."""

from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.store import FeatureStore
from tests.ui.handling import final, listed, opened, write

TEXT = "A line.\n" * 70 + "This is the quoted line of it.\n" + "A line.\n" * 200


def table_of(on, *paths, text="where?"):
    """The table of the window, with answers about these files."""
    table = on.windows.get("tab").table_run
    table.add([(path.name, path) for path in paths])
    settings = on.windows.settings
    table.start(on.windows.switch.engine, settings, FeatureStore(settings.cache_path, 0, 0), text, "en")
    for _ in table.changes():
        pass
    return table


def place(name, question="0", line="0"):
    return SimpleNamespace(name=name, question=question, line=line)


def test_a_place_opens_its_document_and_is_marked_once_it_is_read(on, tmp_path):
    opened(on, write(tmp_path, "other.txt", "Other."))
    table_of(on, write(tmp_path, "a.txt", TEXT))
    updates = [on.shelf.show_quote("tab", place("a.txt")), *on.shelf.follow_reading("tab")]
    assert updates[0][on.ui.all_tabs]["selected"] == "tab.read"
    assert listed(final(updates, on.ui.documents), "aria-current='true'") == ["a.txt"]
    shown = final(updates, on.ui.page)
    assert shown.count("glyph-box chosen") == 1
    chosen = on.windows.get("tab").focus.chosen
    assert (chosen.text, chosen.page) == ("quoted line", on.windows.get("tab").view.number)
    assert chosen.page > 1, "where it stands, though the answer said the first"


def test_the_document_is_kept_apart_from_the_table_and_opened_once(on, tmp_path):
    table = table_of(on, write(tmp_path, "a.txt", TEXT), write(tmp_path, "b.txt", "Nothing of it.\n" * 300))
    window = on.windows.get("tab")
    for name in ("a.txt", "b.txt", "a.txt"):
        updates = [on.shelf.show_quote("tab", place(name)), *on.shelf.follow_reading("tab")]
        assert window.reading.name == name
        assert ("glyph-box chosen" in final(updates, on.ui.page)) == (name == "a.txt")
    assert listed(final(updates, on.ui.documents)) == ["a.txt", "b.txt"]
    on.shelf.remove("tab", window.session.current_id)
    assert table.files["a.txt"].exists()
    table.remove("b.txt")
    assert window.reading.path.exists()
    assert window.history.folder("tab") == window.reading.path.parent, "where a restart looks for it"


def test_what_was_found_of_an_answer_is_shown_where_it_stands(on, tmp_path):
    table_of(on, write(tmp_path, "a.txt", TEXT + "The sum is 1,234.\n"), text="1234 or 777?")
    clicked = SimpleNamespace(name="a.txt", question="0", claim="2")
    updates = [on.shelf.show_quote("tab", clicked), *on.shelf.follow_reading("tab")]
    assert updates[0][on.ui.all_tabs]["selected"] == "tab.read"
    assert on.windows.get("tab").focus.chosen.text == "The sum is 1,234."
    assert on.shelf.show_quote("tab", SimpleNamespace(name="a.txt", question="0", claim="3")) == gr.skip()


def test_a_place_that_is_waited_for_is_not_shown_on_another_document(on, engine, tmp_path):
    opened(on, write(tmp_path, "other.txt", TEXT))
    table_of(on, write(tmp_path, "a.txt", TEXT + "More.\n"))
    engine.page_seconds = 0.3
    on.shelf.show_quote("tab", place("a.txt"))
    updates = [on.shelf.select("tab", "1"), *on.shelf.follow_reading("tab")]
    assert "glyph-box" not in final(updates, on.ui.page)


def test_a_place_in_a_file_that_has_gone_says_what_to_do(on, tmp_path):
    opened(on, write(tmp_path, "other.txt", TEXT))
    table_of(on, write(tmp_path, "a.txt", TEXT)).files["a.txt"].unlink()
    assert "Open its file again" in on.shelf.show_quote("tab", place("a.txt"))[on.ui.status]


@pytest.mark.parametrize("odd", ["7", "-1", None, ["0"], "x"])
def test_a_place_that_is_not_there_is_no_matter(on, tmp_path, odd):
    table_of(on, write(tmp_path, "a.txt", TEXT))
    for asked in (place(odd), place("a.txt", question=odd), place("a.txt", line=odd)):
        assert on.shelf.show_quote("tab", asked) == gr.skip()
    assert not on.windows.get("tab").session.documents
