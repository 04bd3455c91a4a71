"""The page view shows the file's page as it looks, or what the model saw of it: what the handlers make of it."""

import re
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.conversation.originals import Originals
from glyph_demo.documents.extraction import original_type
from glyph_demo.documents.model import Document, Mark
from glyph_demo.engines.events import FilePage
from glyph_demo.ui.pages import gallery_view, page_view
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.visit import Visit
from tests.documents.uploads import lines_pdf
from tests.ui.handling import opened, write

LONG = "\n".join(f"Line {number}." for number in range(40))


@pytest.fixture
def report(on, tmp_path):
    """A PDF of four pages that become two, opened and asked about once."""
    path = tmp_path / "report.pdf"
    path.write_bytes(lines_pdf("quoted line", LONG, LONG, "The last page."))
    opened(on, path)
    list(on.chat.ask_question("tab", "where?"))
    return on.windows.get("tab")


def click(on, act, **data):
    return on.on_page("tab", SimpleNamespace(act=act, **data))[on.ui.page]


def drawn(on, act, **data):
    """What the page shows in the end: it asks for what is missing."""
    shown = click(on, act, **data)
    return click(on, "draw") if "data-drawing" in shown else shown


def head(shown):
    return re.search("<span>((?:[Pp]age|第).*?)</span>", shown)[1]


def thumbnails(on, window):
    """The names of the small pictures by the number of the page that they show."""
    shown = on._view.gallery(window.looked_at, window.language)
    return dict(re.findall("data-page='(.*?)'.*?<span>(.*?)</span>", shown))


def pressed(shown):
    return re.findall("data-what='(.*?)' aria-pressed='true'", shown)


def test_the_original_is_drawn_when_it_is_chosen_with_the_place_marked(on, report):
    assert report.reading.originals.drawn(1) is None, "nothing that was not asked for"
    waiting = click(on, "show", what="original")
    assert "Drawing the page" in waiting
    assert "data-drawing" in waiting
    shown = click(on, "draw")
    assert "data-drawing" not in shown
    assert shown.count("glyph-box chosen") == 1
    assert f"src='pages/{report.reading.key}/original_1.png'" in shown
    assert pressed(shown) == ["original"]


def test_heads_count_pages_of_the_file_and_of_the_model(on, report):
    assert head(click(on, "show", what="model")) == "Page 1 of 2 · pages 1–3 of the file"
    assert head(drawn(on, "show", what="original")) == "Page 1 of 4"
    on.change_language("tab", "zh")
    assert head(click(on, "show", what="model")) == "第 1 页，共 2 页 · 文件第 1–3 页"
    assert head(click(on, "show", what="original")) == "第 1 页，共 4 页"


def test_thumbnails_are_named_by_the_pages_of_the_file_as_answers_are(on, report):
    assert thumbnails(on, report) == {"1": "Pages 1–3", "2": "Pages 3–4"}
    drawn(on, "show", what="original")
    for number, marked in (("1", "1"), ("2", "1"), ("4", "2")):
        assert f"data-shown='{marked}'" in click(on, "original", page=number)
    assert head(click(on, "page", page="2")) == "Page 3 of 4", "the first that the thumbnail names"
    on.change_language("tab", "zh")
    assert thumbnails(on, report) == {"1": "第 1–3 页", "2": "第 3–4 页"}


def test_a_thumbnail_of_one_page_has_the_files_own_name_of_it_and_is_no_markup(on, tmp_path):
    opened(on, write(tmp_path))
    assert thumbnails(on, on.windows.get("tab")) == {"1": "Page 1", "2": "Page 2"}, "a file without pages"
    view = replace(on.windows.get("tab").reading.pages[0], span=(0, 3))
    document = Document("a.pdf", "pdf", "one", "", (Mark("page", 1, 0, "<b>"),))
    assert "<span>Page 1 (labelled &lt;b&gt;)</span>" in gallery_view("key", [view], document, "en")


def test_the_files_own_name_of_a_page_is_said_and_is_no_markup(on, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(lines_pdf("Preface.", "Contents.", "Chapter."))
    opened(on, path)
    reading = on.windows.get("tab").reading
    marks = (replace(m, label=label) for m, label in zip(reading.document.marks, ("i", "ii", "<b>'"), strict=True))
    named = replace(reading.document, marks=tuple(marks))
    reading.originals = Originals(named, original_type(named), path, reading.folder, reading.settings.documents)
    click(on, "show", what="original")
    assert head(click(on, "original", page="2")) == "Page 2 (labelled ii) of 3"
    assert head(click(on, "original", page="3")) == "Page 3 (labelled &lt;b&gt;&#x27;) of 3"
    on.change_language("tab", "zh")
    assert head(click(on, "original", page="2")) == "第 2 页（页码 ii），共 3 页"


def test_the_files_own_name_is_said_of_a_page_that_the_model_saw_too(on, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(lines_pdf("Preface.", "Contents."))
    opened(on, path)
    reading = on.windows.get("tab").reading
    marks = (Mark("page", 4, 0, "ii"), Mark("page", 5, 9, "<b>"))
    shown = partial(page_view, "key", list(reading.pages), PageFocus(), "en")
    assert head(shown(marks[:1])) == "Page 1 of 1 · page 4 (labelled ii) of the file"
    assert head(shown(marks[1:])) == "Page 1 of 1 · page 5 (labelled &lt;b&gt;) of the file"
    assert head(shown(marks)) == "Page 1 of 1 · pages 4–5 of the file"


def test_pages_are_turned_in_both_views_and_the_switch_keeps_the_place(on, report):
    click(on, "show", what="original")
    assert head(drawn(on, "original", page="4")) == "Page 4 of 4"
    assert "data-shown='2'" in click(on, "original", page="4")
    assert head(click(on, "show", what="model")) == "Page 2 of 2 · pages 3–4 of the file"
    assert head(click(on, "show", what="original")) == "Page 4 of 4"
    click(on, "show", what="model")
    click(on, "page", page="1")
    assert head(click(on, "show", what="original")) == "Page 1 of 4"
    assert head(click(on, "page", page="2")) == "Page 3 of 4", "a thumbnail shows the first that is on it"
    for odd in ("0", "5", "-1", "1e9", None, ["1"]):
        assert on.on_page("tab", SimpleNamespace(act="original", page=odd)) == gr.skip()


def test_a_source_opens_the_view_that_was_used_last(on, report):
    drawn(on, "show", what="original")
    click(on, "original", page="4")
    shown = click(on, "line", exchange="0", line="0")
    assert head(shown) == "Page 1 of 4"
    assert shown.count("glyph-box chosen") == 1
    click(on, "show", what="model")
    click(on, "page", page="2")
    assert "pages 1–3" in head(click(on, "line", exchange="0", line="0"))


def test_the_page_stays_in_sight_while_the_places_of_another_answer_are_looked_for(on, report):
    drawn(on, "show", what="original")
    list(on.chat.ask_question("tab", "where else?"))
    report.reading.originals.drawn(1).boxes.clear()
    shown = click(on, "line", exchange="1", line="0")
    assert "original_1.png" in shown
    assert "data-drawing" in shown
    assert "glyph-box chosen" in click(on, "draw")


def test_an_original_that_cannot_be_drawn_is_a_sentence_and_no_broken_image(on, report):
    report.reading.path.unlink()
    shown = drawn(on, "show", what="original")
    assert "The page of the file cannot be shown. The file cannot be opened" in shown
    assert "<img" not in shown
    assert "data-drawing" not in shown, "the page does not ask without end"
    assert "<img" in click(on, "show", what="model")


def test_files_without_pages_show_what_the_model_sees_and_no_switch(on, report, tmp_path):
    drawn(on, "show", what="original")
    *_, last = opened(on, write(tmp_path))
    assert "glyph-switch" not in last[on.ui.page]
    assert re.fullmatch(r"Page 1 of \d+", head(last[on.ui.page]))
    on.shelf.select("tab", "1")
    assert pressed(click(on, "line", exchange="0", line="0")) == ["original"], "the choice stays"


def test_only_who_opened_the_file_is_given_its_pages(on, report):
    drawn(on, "show", what="original")
    report.visitor = "me"
    key = report.reading.key
    assert on.windows.picture("me", key, "original_1").read_bytes().startswith(b"\x89PNG")
    for visitor, document, name in (
        ("you", key, "original_1"),
        ("me", "key", "original_1"),
        ("me", key, "original_2"),
        ("me", key, "original_"),
    ):
        assert on.windows.picture(visitor, document, name) is None


def test_a_source_of_an_answer_is_found_after_the_pages_were_read_in_another_way(on, report):
    exchange = report.transcript[0]
    exchange.regions = (replace(exchange.regions[0], text="The last page.", page=2, file_page=FilePage(4)),)
    on.preferences.change_setting(Visit("tab"), {}, "always", name="page_images")
    report.reading.wait()
    assert head(click(on, "line", exchange="0", line="0")) == "Page 4 of 4 · page 4 of the file"
    shown = drawn(on, "show", what="original")
    assert head(shown) == "Page 4 of 4"
    assert shown.count("glyph-box chosen") == 1
