"""The tab that asks one question in three ways, as HTML."""

import pytest

from glyph_demo.conversation.comparison import Side, compare
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Finished, Timings, Usage
from glyph_demo.errors import GlyphError, Message
from glyph_demo.ui.tabs.compare import compared, left, sides_view, stopped
from tests.ui.handling import opened, write


def done(way, seconds, tokens, cached=0, encode=0.0, answer="An answer."):
    finished = Finished(Usage(tokens, cached, 9, kv_bytes=3 << 20), Timings(0.1, seconds / 2, 0.1, seconds), "stop")
    return Side(way, "done", encode, so_far=Exchange("", answer, finished=finished))


def test_the_ways_stand_side_by_side_with_their_gains():
    sides = [done("kept", 0.5, 1000, cached=990), done("anew", 1.0, 1000, encode=4.0), done("text", 2.0, 3300)]
    shown = sides_view(sides, "en")
    assert "10.0 times as fast" in shown
    assert "1,000 tokens, as text 3,300: 3.3 times as many" in shown
    assert shown.index("data-way='anew'") < shown.index("data-way='kept'") < shown.index("data-way='text'")
    assert "Tokens in 1,000, of them kept 990" in shown
    assert "5.00 s in all" in shown
    assert "keys and values 3.0 MiB" in shown
    assert "glyph-part encode' style='width: 80.00%'" in shown
    assert "速度为不复用的 10.0 倍" in sides_view(sides, "zh")


def test_a_way_that_cannot_be_had_says_why_and_one_that_waits_or_was_stopped_says_so():
    sides = [done("kept", 0.5, 0), Side("anew", "stopped"), Side("text", error=Message("Only pages.", "只有页面。"))]
    shown = sides_view(sides, "en")
    assert "Stopped." in shown
    assert "Only pages." in shown
    assert "times as" not in shown
    assert "Waiting for its turn" in sides_view([Side("kept"), Side("anew"), Side("text")], "en")
    assert sides_view([], "en") == ""


def test_the_page_can_tell_from_the_first_moment_whether_anything_can_be_stopped(on, tmp_path):
    opened(on, write(tmp_path))
    steps = compare(on.windows.get("tab").session, "why?")
    sides = next(steps)
    shown = sides_view(sides, "en")
    assert (shown.count("data-state='running'"), shown.count("data-state='waiting'")) == (1, 2)
    steps.close()
    assert stopped(sides, "en").count("data-state='stopped'") == 3
    assert "glyph-wait" not in stopped(sides, "en")
    (*_, sides) = compare(on.windows.get("tab").session, "why?")
    assert stopped(sides, "en").count("data-state='done'") == 3


def test_a_page_that_is_loaded_anew_says_once_that_a_comparison_ended_with_the_page_before(on, tmp_path):
    opened(on, write(tmp_path))
    window = on.windows.get("tab")
    for language, words in (("en", "ended with the page that began it"), ("zh", "请重新开始")):
        steps = compared(window, "why?")
        next(steps)
        steps.close()  # as Gradio does
        said = left(window, language)
        assert words in said
        assert "data-act='close'" in said
        assert left(window, language) == ""
    assert list(compared(window, "why?"))
    assert left(window, "en") == ""
    with pytest.raises(GlyphError, match="no_question"):
        list(compared(window, ""))
    assert left(window, "en") == ""


def test_answers_are_text():
    assert "<img" not in sides_view([done("kept", 1, 1, answer="<img src=x>"), Side("anew"), Side("text")], "en")
