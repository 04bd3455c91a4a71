import html
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from glyph_demo.conversation.reading import ReadingTimings
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import FilePage, Finished, Progress, Region, Thinking, Timings, Token, Usage
from glyph_demo.errors import Message
from glyph_demo.ui import views
from glyph_demo.ui.markup import notice, waiting_text
from glyph_demo.ui.updates import paced
from tests.fakes import FakeEngine

HOSTILE = "<img src=http://evil.example/a.png onerror=alert(1)> &lt;b&gt; <script>x</script> R&D a < b <!-- -->"
FINISHED = Finished(Usage(412, 120, 36), Timings(0.05, 0.06, 0.4, 0.47), "stop")


def answered(**values):
    exchange = Exchange("What?", answer="An answer.", finished=FINISHED, running=False)
    for name, value in values.items():
        setattr(exchange, name, value)
    return exchange


@pytest.mark.parametrize("tag", ["<b>", "</b>", "<!--", "<?x", "&lt;", "&#60;", "&#x3c;", "&copy"])
def test_markup_in_a_message_is_broken_and_comes_back_as_typed(tag):
    shown = views.plain(f"a{tag}c")
    assert tag not in shown
    assert views.typed(shown) == f"a{tag}c"


@pytest.mark.parametrize("text", ["R&D", "a < b", "1 <2", "AT&T;", "**bold** [x](http://y.example)", "“引文” & 其他"])
def test_plain_text_stays_as_it_is(text):
    assert views.plain(text) == text


def test_nothing_of_document_or_model_becomes_markup():
    hostile = Region(1, 2, HOSTILE, (), 1.0)
    exchange = answered(
        question=HOSTILE, answer=HOSTILE, thinking=HOSTILE, regions=(hostile, replace(hostile, text="<i>"))
    )
    shown = views.chat_messages([exchange], "en")
    thinking, answer, panel = shown[1]["content"]
    texts = [shown[0]["content"], answer]
    hostile_engine = FakeEngine()
    hostile_engine.label = hostile_engine.device = HOSTILE
    html = (
        thinking.value
        + panel.value
        + views.live_answer(replace(exchange, running=True), "en")
        + notice(HOSTILE)
        + views.title_view(hostile_engine, "en")
    )
    assert not any(tag in text for text in texts for tag in ("<img", "<script", "<!--", "&lt;"))
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=http://evil.example" in html
    assert "&lt;i&gt;" in html


def test_an_exchange_is_two_messages_and_its_panel_holds_all_figures():
    question, answer = views.chat_messages([answered(reused=(2, 3))], "en")
    assert (question["role"], question["content"]) == ("user", "What?")
    assert (answer["role"], answer["content"][0]) == ("assistant", "An answer.")
    panel = answer["content"][1].value
    for figure in ("0.06 s", "90.0", "0.47 s", "412 (cached 120)", "36", "2 / 3"):
        assert f"<dd>{figure}</dd>" in panel
    assert "Speculation" not in panel
    drafted = replace(FINISHED, usage=replace(FINISHED.usage, drafted=20, accepted=18))
    assert "<dd>×2.0 (18 / 20)</dd>" in views.answer_panel(answered(finished=drafted), 0, "en")
    uncounted = views.answer_panel(answered(finished=replace(FINISHED, usage=Usage())), 0, "en")
    assert "Tokens" not in uncounted, "an engine that counts none"
    assert "0.47 s" in uncounted


def test_an_answer_being_written_is_shown_live_and_not_resent_with_the_conversation():
    running = Exchange("Next?", answer="So far <b>", running=True)
    shown = views.chat_messages([answered(), running], "en")
    assert [message["role"] for message in shown] == ["user", "assistant", "user"]
    assert "So far &lt;b&gt;" in views.live_answer(running, "en")
    assert views.live_answer(answered(), "en") == ""


def test_the_panel_speaks_chinese():
    panel = views.answer_panel(answered(), 0, "zh")
    assert "首字" in panel
    assert "0.06 秒" in panel


def test_a_quote_in_the_answer_is_not_repeated_but_its_place_is_given():
    exchange = answered(answer="“Built in\n1923.” (page 2, line 7)", regions=(Region(2, 7, "Built in 1923.", (), 1.0),))
    panel = views.answer_panel(exchange, 0, "en")
    assert "page 2, line 7" in panel
    assert "<q>" not in panel
    assert "<q>Built in 1923.</q>" in views.answer_panel(answered(regions=exchange.regions), 0, "en")


PASSAGES = tuple(
    Region(page, 1, text, (), score, FilePage(page))
    for page, text, score in (
        (3, "Three <months>.", 9.0),
        (7, "Four weeks.", 5.0),
        (8, "Four weeks.", 5.0),
        (9, "x", 4.0),
    )
)
QUOTED = "“Three <months>.” (page 3)\n\n“Four weeks.” (page 7)\n\n“x” (page 9)"


@pytest.mark.parametrize("before", ["", "Three months\n\n", "The document does not seem to say. Nearest passages:\n\n"])
@pytest.mark.parametrize("after", ["", "\n\nIn short: three months."])
def test_the_best_passage_stands_open_and_the_others_are_folded_with_their_places(before, after):
    exchange = answered(answer=before + QUOTED + after, regions=PASSAGES, ranked=True)
    shown, panel = views.chat_messages([exchange], "en")[1]["content"]
    assert views.typed(shown) == f"{before}“Three <months>.” (page 3){after}"
    unfolded, folded = panel.value.split("<details")
    assert re.findall(r"data-line='(\d)'>(.*?)</button>", unfolded) == [("0", "Page 3")]
    assert "<summary>2 more passages</summary>" in folded
    assert re.findall(r"data-line='(\d)'>(.*?)</button>", folded) == [("1", "Page 7"), ("2", "Page 8"), ("3", "Page 9")]
    assert folded.index("“Four weeks.”") < folded.index("Page 7") < folded.index("“x”") < folded.index("Page 9")
    assert f"data-text='{html.escape(exchange.answer, quote=True)}'" in panel.value, "all of it is copied"
    assert "另外 2 处" in views.answer_panel(exchange, 0, "zh")
    live = views.live_answer(replace(exchange, running=True), "en")
    assert "Three &lt;months&gt;." in live
    assert "Four weeks." not in live, "it would be seen for a moment and go"


def test_one_more_passage_is_one():
    exchange = answered(answer=QUOTED.rsplit("\n\n", 1)[0], regions=PASSAGES[:3], ranked=True)
    assert "<summary>1 more passage</summary>" in views.answer_panel(exchange, 0, "en")


@pytest.mark.parametrize(
    "change",
    [{"ranked": False}, {"regions": PASSAGES[:1]}, {"answer": "Three months or four weeks."}],
    ids=["parts of one answer", "one passage", "no quotes"],
)
def test_an_answer_without_ranked_quotes_is_shown_whole(change):
    exchange = answered(**{"answer": QUOTED, "regions": PASSAGES, "ranked": True} | change)
    shown, panel = views.chat_messages([exchange], "en")[1]["content"]
    assert views.typed(shown) == exchange.answer
    assert "<details" not in panel.value


def test_an_answer_from_some_pages_says_so():
    assert "Answered from 3 of 60 pages; answered again when the rest is read." in views.answer_panel(
        answered(read_so_far=(3, 60)), 0, "en"
    )
    assert "3 页（共 60 页）" in views.answer_panel(answered(read_so_far=(3, 60)), 0, "zh")
    assert "Answered from 3 pages;" in views.answer_panel(answered(read_so_far=(3, None)), 0, "en")


def test_the_panel_says_why_an_answer_ended_early():
    assert "Stopped." in views.answer_panel(answered(finished=None), 0, "en")
    cut = answered(finished=replace(FINISHED, reason="length"))
    assert "Cut off" in views.answer_panel(cut, 0, "en")


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("load", 0), "Loading the model…"),
        (Progress("load", 10**9, 2 * 10**9), "Loading the model… 1.0/2.0 GB"),
        (Progress("extract", 0, 1), "Reading the document first: 0 of ? pages…"),
        (Progress("encode", 3, 12), "Reading the document first: 3 of 12 pages…"),
        (Progress("encode", 3, 12, Message("Waiting for page 4.", "")), "Waiting for page 4."),
        (Progress("decode", 3, 12), "Looking for the answer…"),
        (None, "Looking for the answer…"),
    ],
)
def test_an_answer_that_has_not_begun_says_what_it_waits_for(progress, text):
    exchange = Exchange("What?", progress=progress, running=True)
    assert waiting_text(progress, "en") == text
    assert text in views.live_answer(exchange, "en")


def test_thinking_is_folded_away_with_its_duration_before_the_answer():
    exchange = Exchange("What?", running=True)
    exchange.take(Thinking("Let me "))
    exchange.take(Thinking("<i>see</i>."))
    folded = r"<summary>Thinking, \d+\.\d s</summary><div>Let me &lt;i&gt;see&lt;/i&gt;\.</div>"
    assert re.search(folded, views.live_answer(exchange, "en"))
    exchange.take(Token("Yes."))
    exchange.running = False
    thinking, answer, _ = views.chat_messages([exchange], "en")[1]["content"]
    assert "Let me" in thinking.value
    assert answer == "Yes."


def reading(pages=0, total=None, text="x" * 1000, **values):
    """A stand-in for a Reading on its way, every page holding 100 characters."""
    views_of_pages = [SimpleNamespace(span=(100 * i, 100 * i + 100)) for i in range(pages)]
    base = {"state": "reading", "pages": views_of_pages, "total": total, "document": SimpleNamespace(text=text)}
    base |= {"timings": ReadingTimings(0.5, 1.0, 2.0), "encoded": 0, "prefilled": 0, "engine": FakeEngine()}
    return SimpleNamespace(**base | values)


def test_progress_has_a_bar_a_stage_with_pages_rate_and_time_left():
    html = views.reading_progress(reading(pages=6, encoded=4, prefilled=3), "en")
    assert html.count("role='progressbar'") == 4
    for figures in ("6 / ~10 · 6.0 pages/s", "4 / ~10 · 2.0 pages/s · 3 s left", "3 / ~10"):
        assert f"<span>{figures}</span>" in html
    assert "3 / 6 · " not in html
    assert "6 / 6" in views.reading_progress(reading(pages=6, total=6), "en")


def test_slow_reading_is_told_in_seconds_a_page():
    slow = reading(pages=6, total=6, encoded=4, prefilled=4, timings=ReadingTimings(0.5, 3.0, 68.0))
    assert "<span>4 / 6 · 17.0 s a page · 34 s left</span>" in views.reading_progress(slow, "en")
    assert "每页 17.0 秒" in views.reading_progress(slow, "zh")
    assert "6 / 6 · 2.0 pages/s" in views.reading_progress(slow, "en")


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
    assert "<details" not in views.reading_progress(done, "en")


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
