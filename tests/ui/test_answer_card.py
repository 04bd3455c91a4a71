"""An answer as people see it: its words, the passages that bear them out, and no markup but ours."""

import html
import re
from dataclasses import replace

import pytest

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import FilePage, Finished, Progress, Region, Thinking, Timings, Token, Usage
from glyph_demo.errors import Message
from glyph_demo.ui import views
from glyph_demo.ui.answer_card import answer_card, chat_messages, live_answer, plain, typed
from glyph_demo.ui.markup import notice, waiting_text
from tests.fakes import FakeEngine

HOSTILE = "<img src=http://evil.example/a.png onerror=alert(1)> &lt;b&gt; <script>x</script> R&D a < b <!-- -->"
FINISHED = Finished(Usage(412, 120, 36), Timings(0.05, 0.06, 0.4, 0.47), "stop")


def answered(**values):
    exchange = Exchange("What?", answer="An answer.", finished=FINISHED, running=False)
    for name, value in values.items():
        setattr(exchange, name, value)
    return exchange


def seen(card):
    """The text of a card, its elements apart."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", card))).strip()


@pytest.mark.parametrize("tag", ["<b>", "</b>", "<!--", "<?x", "&lt;", "&#60;", "&#x3c;", "&copy"])
def test_markup_in_a_message_is_broken_and_comes_back_as_typed(tag):
    shown = plain(f"a{tag}c")
    assert tag not in shown
    assert typed(shown) == f"a{tag}c"


@pytest.mark.parametrize("text", ["R&D", "a < b", "1 <2", "AT&T;", "**bold** [x](http://y.example)", "“引文” & 其他"])
def test_plain_text_stays_as_it_is(text):
    assert plain(text) == text


def test_nothing_of_document_or_model_becomes_markup():
    hostile = Region(1, 2, HOSTILE, (), 1.0, FilePage(1, HOSTILE))
    exchange = answered(
        question=HOSTILE, answer=HOSTILE, thinking=HOSTILE, regions=(hostile, replace(hostile, text="<i>"))
    )
    hostile_engine = FakeEngine()
    hostile_engine.label = hostile_engine.device = HOSTILE
    question, answer = chat_messages([exchange], "en")
    assert not any(tag in question["content"] for tag in ("<img", "<script", "<!--", "&lt;"))
    shown = (
        answer["content"][0].value
        + live_answer(replace(exchange, running=True), 0, "en")
        + notice(HOSTILE)
        + views.title_view(hostile_engine, "en")
    )
    assert "<img" not in shown
    assert "<script" not in shown
    assert "&lt;img src=http://evil.example" in shown
    assert "&lt;i&gt;" in shown


def test_an_exchange_is_two_messages_and_all_figures_are_behind_one_line():
    question, answer = chat_messages([answered(reused=(2, 3))], "en")
    assert (question["role"], question["content"]) == ("user", "What?")
    assert answer["role"] == "assistant"
    card = answer["content"][0].value
    assert seen(card.split("<details")[0]) == "An answer."
    assert "<summary>Details: 0.47 s · 2/3 pages reused</summary>" in card
    for figure in ("0.06 s", "90.0", "0.47 s", "412 (cached 120)", "36", "2 / 3"):
        assert f"<dd>{figure}</dd>" in card
    assert "Speculation" not in card
    drafted = replace(FINISHED, usage=replace(FINISHED.usage, drafted=20, accepted=18))
    assert "<dd>×2.0 (18 / 20)</dd>" in answer_card(answered(finished=drafted), 0, "en")
    uncounted = answer_card(answered(finished=replace(FINISHED, usage=Usage())), 0, "en")
    assert "Tokens" not in uncounted, "an engine that counts none"
    assert "0.47 s" in uncounted


def test_an_answer_being_written_is_shown_live_and_not_resent_with_the_conversation():
    running = Exchange("Next?", answer="So far <b>", running=True)
    shown = chat_messages([answered(), running], "en")
    assert [message["role"] for message in shown] == ["user", "assistant", "user"]
    assert "So far &lt;b&gt;" in live_answer(running, 0, "en")
    assert live_answer(answered(), 0, "en") == ""


def test_the_card_speaks_chinese():
    card = answer_card(answered(), 0, "zh")
    assert "首字" in card
    assert "0.06 秒" in card
    assert "详情：" in card


@pytest.mark.parametrize(
    "quote", ["“Built in\n1923.” (page 2, line 7)", '"Built in 1923."', "“Built in 1923.”(第 2 页)"]
)
def test_a_passage_and_its_place_are_said_once(quote):
    region = Region(2, 7, "Built in 1923.", (), 1.0)
    assert seen(answer_card(answered(answer=quote, regions=(region,)), 0, "en").split("<details")[0]) == (
        "1 Built in 1923. page 2, line 7"
    )


PASSAGES = tuple(
    Region(page, 1, text, (), score, FilePage(page))
    for page, text, score in (
        (3, "Three <months>.", 9.0),
        (7, "Four weeks.", 5.0),
        (8, "Four weeks.", 5.0),
        (9, "x", 4.0),
    )
)
QUOTED = "“Three <months>.” (page 3)\n\n“Four weeks.” (page 7 (labelled iv))\n\n“x” (page 9)"


def lines(card):
    """The buttons that show a place: the line, what the button says."""
    return [(int(line), seen(text)) for line, text in re.findall(r"data-line='(\d)'[^>]*>(.*?)</button>", card)]


@pytest.mark.parametrize(
    ("before", "cites"),
    [("", ""), ("Three months\n\n", " [1]"), ("The document does not seem to say. Nearest passages:\n\n", "")],
)
@pytest.mark.parametrize("after", ["", "\n\nIn short: three months."])
def test_the_best_passage_stands_open_and_the_others_are_folded_with_their_places(before, cites, after):
    exchange = answered(answer=before + QUOTED + after, regions=PASSAGES, ranked=True)
    card = answer_card(exchange, 0, "en")
    unfolded, folded, _ = card.split("<details")
    expected = f"{before.strip()}{cites} 1 Three <months>. Page 3 {after.strip()}"
    assert seen(unfolded) == expected.strip()
    assert lines(unfolded) == [*([(0, "[1]")] if cites else []), (0, "1 Three <months>. Page 3")]
    assert ("glyph-card glyph-answer" in unfolded) == (not before and not after), "a passage alone is the answer"
    assert "<summary>2 more passages</summary>" in folded
    assert lines(folded) == [(1, "2 Four weeks. Page 7"), (2, "Page 8"), (3, "3 x Page 9")]
    assert f"data-text='{html.escape(exchange.answer, quote=True)}'" in card, "all of it is copied"
    assert "另外 2 处" in answer_card(exchange, 0, "zh")
    live = live_answer(replace(exchange, running=True), 0, "en")
    assert "Three &lt;months&gt;." in live
    assert "Four weeks." not in live, "it would be seen for a moment and go"


def test_one_more_passage_is_one():
    exchange = answered(answer=QUOTED.rsplit("\n\n", 1)[0], regions=PASSAGES[:3], ranked=True)
    assert "<summary>1 more passage</summary>" in answer_card(exchange, 0, "en")


def test_the_parts_of_one_answer_all_stand_open_in_their_order():
    exchange = answered(answer="From the document:\n\n" + QUOTED, regions=PASSAGES)
    (unfolded, _) = answer_card(exchange, 0, "en").split("<details")
    assert lines(unfolded) == [
        (0, "1 Three <months>. Page 3"),
        (1, "2 Four weeks. Page 7"),
        (2, "Page 8"),
        (3, "3 x Page 9"),
    ]


def test_an_answer_in_its_own_words_cites_what_it_rests_on_best_first():
    exchange = answered(answer="Three months or four weeks.", regions=PASSAGES)
    unfolded, folded, _ = answer_card(exchange, 0, "en").split("<details")
    assert seen(unfolded) == "Three months or four weeks. [1] [2] [3] 1 Three <months>. Page 3"
    assert lines(unfolded)[:3] == [(0, "[1]"), (1, "[2]"), (3, "[3]")]
    assert "aria-label='Source 2: Page 7'" in unfolded
    assert lines(folded) == [(1, "2 Four weeks. Page 7"), (2, "Page 8"), (3, "3 x Page 9")]


def test_an_answer_from_some_pages_says_so():
    assert "Answered from 3 of 60 pages; answered again when the rest is read." in answer_card(
        answered(read_so_far=(3, 60)), 0, "en"
    )
    assert "3 页（共 60 页）" in answer_card(answered(read_so_far=(3, 60)), 0, "zh")
    assert "Answered from 3 pages;" in answer_card(answered(read_so_far=(3, None)), 0, "en")


def test_the_panel_says_why_an_answer_ended_early():
    assert "Stopped." in answer_card(answered(finished=None), 0, "en")
    cut = answered(finished=replace(FINISHED, reason="length"))
    assert "Cut off" in answer_card(cut, 0, "en")


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("load", 0), "Loading the model…"),
        (Progress("load", 10**9, 2 * 10**9), "Loading the model… 1.0/2.0 GB"),
        (Progress("extract", 0, 1), "Reading the document first…"),
        (Progress("render", 3), "Reading the document first: page 4…"),
        (Progress("encode", 3, 12), "Reading the document first: 3 of 12 pages…"),
        (Progress("encode", 3, 12, Message("Waiting for page 4.", "")), "Waiting for page 4."),
        (Progress("decode", 3, 12), "Looking for the answer…"),
        (None, "Looking for the answer…"),
    ],
)
def test_an_answer_that_has_not_begun_says_what_it_waits_for(progress, text):
    exchange = Exchange("What?", progress=progress, running=True)
    assert waiting_text(progress, "en") == text
    assert text in live_answer(exchange, 0, "en")


def test_thinking_is_folded_away_with_its_duration_before_the_answer():
    exchange = Exchange("What?", running=True)
    exchange.take(Thinking("Let me "))
    exchange.take(Thinking("<i>see</i>."))
    folded = r"<summary>Thinking, \d+\.\d s</summary><div>Let me &lt;i&gt;see&lt;/i&gt;\.</div>"
    assert re.search(folded, live_answer(exchange, 0, "en"))
    exchange.take(Token("Yes."))
    exchange.running = False
    card = answer_card(exchange, 0, "en")
    assert re.search(folded, card)
    assert card.index("Let me") < card.index("Yes.")


def test_what_the_document_has_of_an_answer_is_a_link_and_what_it_has_not_is_marked():
    answer = "It was built in 1923 & cost 9 crowns."
    place = Region(2, 7, "Built in 1923.", (), 1.0)
    exchange = answered(answer=answer, claims=(Claim(16, 20, "number", place), Claim(28, 29, "number")))
    card = answer_card(exchange, 3, "en")
    assert "data-act='claim' data-answer='3' data-claim='0'" in card
    assert re.search("title='not found in the document'>9</span>", card)
    assert "1 of 2 figures found" in card
    assert html.unescape(re.sub("<.*?>", "", re.search("glyph-answer'>(.*?)</div>", card)[1])) == answer


def test_an_answer_without_words_or_passages_is_a_card_that_says_how_it_ended():
    assert "Stopped." in answer_card(answered(answer="", finished=None), 0, "en")
    assert "<details" in answer_card(answered(answer="", thinking="Hm."), 0, "en")
