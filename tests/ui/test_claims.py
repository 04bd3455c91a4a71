"""An answer with what the document has of it, as HTML."""

import html
import re

import pytest

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.engines.events import FilePage, Region
from glyph_demo.ui.claims import marked, tally
from tests.ui.test_views import HOSTILE

PLACE = Region(3, 4, "the line", ((1, 2, 3, 4),), 1.0)
SHOWS = "data-act='claim' data-answer='5'"
ANSWER = "It was 12 or 13 & <b>14</b>."
CLAIMS = (Claim(7, 9, "number", PLACE), Claim(13, 15, "number"), Claim(21, 23, "number", PLACE))


def text(shown):
    return html.unescape(re.sub("<[^>]*>", "", shown))


def test_what_was_found_is_a_link_and_what_was_not_is_named_so():
    shown = marked(ANSWER, CLAIMS, SHOWS, "en")
    assert text(shown) == ANSWER
    assert re.findall("<a href='#page'[^>]*data-answer='5' data-claim='(.)'[^>]*>(.*?)</a>", shown) == [
        ("0", "12"),
        ("2", "14"),
    ]
    assert "title='Page 3, line 4'" in shown or "title='page 3, line 4'" in shown
    assert "<span class='glyph-absent' role='mark' title='not found in the document'>13</span>" in shown
    assert "title='文档中没有'>13</span>" in marked(ANSWER, CLAIMS, SHOWS, "zh")


def test_a_part_of_an_answer_keeps_the_numbers_of_its_claims():
    shown = marked(ANSWER, CLAIMS, SHOWS, "en", (8, len(ANSWER)))
    assert text(shown) == ANSWER[8:]
    assert re.findall("data-claim='(.)'", shown) == ["2"]
    assert shown.startswith("2 or ")


@pytest.mark.parametrize("place", [None, Region(1, 1, HOSTILE, (), 1.0, FilePage(1, HOSTILE + "' onclick='x"))])
def test_nothing_of_an_answer_or_a_place_becomes_markup(place):
    for start in range(0, len(HOSTILE) - 7, 3):
        shown = marked(HOSTILE, (Claim(start, start + 7, "quotation", place),), SHOWS, "en")
        assert text(shown) == HOSTILE
        tags = re.findall("<[^>]*>", shown)
        assert {re.match(r"</?(\w+)", tag)[1] for tag in tags} <= {"a", "span"}
        assert len(tags) == 2
        assert not re.search(r"\son\w+=", re.sub("'[^']*'", "", tags[0]))


def test_the_count_is_of_figures_or_of_all_that_was_looked_up():
    assert tally(CLAIMS, "en") == "2 of 3 figures found; underlined: not found"
    assert tally(CLAIMS, "zh") == "3 处数据中有 2 处在文档中；下划线处文档中没有"
    assert tally(CLAIMS[:1], "en") == "1 of 1 figure found"
    assert (
        tally((*CLAIMS, Claim(24, 26, "name")), "en")
        == "2 of 4 figures, names and quotations found; underlined: not found"
    )
    assert tally((), "en") == tally((), "zh") == ""
