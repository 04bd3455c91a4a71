import re
from types import SimpleNamespace

import pytest

from glyph_demo.conversation.reading import ReadingTimings
from glyph_demo.errors import Message
from glyph_demo.ui import views
from glyph_demo.ui.updates import paced
from tests.fakes import FakeEngine

HOSTILE = "<img src=http://evil.example/a.png onerror=alert(1)> &lt;b&gt; <script>x</script> R&D a < b <!-- -->"


def reading(pages=0, total=None, text="x" * 1000, **values):
    """A stand-in for a Reading on its way, every page holding 100 characters."""
    views_of_pages = [SimpleNamespace(span=(100 * i, 100 * i + 100)) for i in range(pages)]
    base = {"state": "reading", "pages": views_of_pages, "total": total, "document": SimpleNamespace(text=text)}
    base |= {"timings": ReadingTimings(0.5, 1.0, 2.0), "encoded": 0, "prefilled": 0, "engine": FakeEngine()}
    return SimpleNamespace(**base | values)


def said(shown):
    return re.sub(r"<[^>]*>", "", shown)


@pytest.mark.parametrize(
    ("state", "language", "text", "share"),
    [
        ({"document": None}, "en", "Opening the file…", 0),
        ({}, "en", "Drawing the pages…", 0),
        ({"pages": 6}, "en", "Reading page 1 of about 10", 0),
        ({"pages": 6, "prefilled": 4}, "en", "Reading page 5 of about 10 · 3 s left", 40),
        ({"pages": 6, "total": 6, "prefilled": 4, "encode": 680}, "en", "Reading page 5 of 6 · 6 min left", 67),
        ({"pages": 6, "total": 6, "prefilled": 4}, "zh", "正在阅读第 5 页，共 6 页 · 剩余 1 秒", 67),
        ({"pages": 6, "total": 6, "prefilled": 6}, "en", "Preparing for questions…", 100),
    ],
)
def test_one_bar_says_what_is_being_done_and_how_long_it_will_take(state, language, text, share):
    values = {"timings": ReadingTimings(0.5, 1.0, state.pop("encode", 2.0))} | state
    shown = views.reading_progress(reading(**values), language)
    assert said(shown) == text
    assert shown.count("role='progressbar'") == 1
    assert f"aria-valuenow='{share}'" in shown


def test_all_there_is_to_know_of_a_document_is_said_with_it_and_is_no_markup():
    warnings = [Message(f"{HOSTILE} Ask again.", "请重试。"), Message("Page 3 is left out.", "已略过第 3 页。")]
    done = reading(state="ready", warnings=warnings, pages_from_store=0, compression=None)
    html = views.reading_progress(done, "en")
    assert "<summary>2 notes about this document</summary>" in html
    assert "&lt;img src=http://evil.example" in html
    assert "<li>Page 3 is left out.</li>" in html
    assert "<img" not in html
    assert "关于该文档的 2 条提示" in views.reading_progress(done, "zh")
    done.warnings = warnings[1:]
    assert "<summary>1 note about this document</summary>" in views.reading_progress(done, "en")
    assert "<details class='glyph-notes' open>" in views.reading_progress(done, "en")
    done.warnings = warnings * 2
    assert "<details class='glyph-notes'>" in views.reading_progress(done, "en"), "many are folded"
    done.warnings = []
    assert "glyph-notes" not in views.reading_progress(done, "en")
    assert "<summary>Read in 2.5 s</summary>" in views.reading_progress(done, "en")


def test_the_number_of_pages_to_come_is_judged_by_the_text_they_hold():
    assert views.expected_pages(reading()) is None
    assert views.expected_pages(reading(pages=3, text="x" * 950)) == 10
    assert views.expected_pages(reading(pages=3, total=3)) == 3


def test_updates_are_spaced_out_and_the_last_is_never_lost():
    now = [0.0]

    def steps():
        for number in range(10):
            now[0] += 0.01
            yield number

    assert list(paced(steps(), 0.035, clock=lambda: now[0])) == [0, 4, 8, 9]
    assert list(paced(iter([]), 1.0)) == []
