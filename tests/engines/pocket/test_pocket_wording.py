"""Questions find their answer though they are written otherwise than the document: with typing errors, in the other
kind of Chinese characters, or leaning on what was asked before."""

from pathlib import Path

import pytest

from glyph_demo.engines.base import Turn
from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.spelling import distance, respelled
from tests.engines.pocket.asking import ask, opened
from tests.engines.test_pocket_retrieval import first, index

CASES = Path(__file__).parents[2] / "cases"
REFUSED = ["The document does not seem to say."], ["文档似乎没有提到。"]
PLANT = (CASES / "plant.txt").read_text(encoding="utf-8")
SIMPLIFIED = (CASES / "simplified.txt").read_text(encoding="utf-8")
TRADITIONAL = (
    "水廠改造工程\n\n總投資為三千二百萬元，縣政府承擔三分之二。\n\n"
    "廠長是劉誌遠，副廠長是陳國樑。總機號碼是八五五二三。\n"
)
STAFF = (
    "Hanssen keeps the books of the harbour.",
    "Hansson keeps the lamps of the harbour.",
    "Brandt steers the ferry.",
    "The hostel has forty beds.",
    "The bridge was opened by Lindqvist.",
)


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("Who does the maintainance?", "Berg and"),
        ("Where is the accomodation of the wokers?", "old school"),
        ("How long is the warrenty?", "March 2026"),
        ("How many emploeyes are there?", "eleven"),
        ("How many hosueholds get water?", "3200"),
        ("What did the Lindquist fund pay?", "the rest came from"),
    ],
)
def test_a_question_with_typing_errors_is_answered(engine, question, right):
    assert right in " ".join(ask(opened(engine, PLANT), question))


@pytest.mark.parametrize(
    "question",
    [
        "Who is Hansten?",  # two are near
        "Who is Brand?",  # a name of its own
        "Who is Sandt?",
        "In 1972?",
    ],
)
def test_what_is_another_word_or_name_or_number_is_not_taken_for_an_error(question):
    found = index(*STAFF[:3], STAFF[4], "The flood of 1973 took the pier.")
    assert found.search(question) == []


def test_a_swapped_dropped_added_or_wrong_letter_is_one_error():
    others = ("water", "waetr", "wter", "watter", "wader", "wadar")
    assert [distance("water", other) for other in others] == [0, 1, 1, 1, 1, 2]
    assert respelled("wokers", {"workers", "worries"}, name=False) == "workers"
    assert respelled("hause", {"house", "halse"}, name=False) is None


@pytest.mark.parametrize(
    ("text", "question", "right"),
    [
        (SIMPLIFIED, "廠長是誰？", "刘志远"),
        (SIMPLIFIED, "維護合約與誰簽訂？", "伯格公司"),
        (SIMPLIFIED, "水廠為多少戶居民供水？", "３２００"),
        (SIMPLIFIED, "廠長叫什麼名字？", "刘志远"),
        (TRADITIONAL, "厂长是谁？", "廠長是"),
        (TRADITIONAL, "总机号码是多少？", "八五五二三"),
        (TRADITIONAL, "县政府承担多少？", "三分之二"),
    ],
)
def test_traditional_and_simplified_characters_find_one_another(engine, text, question, right):
    assert right in ask(opened(engine, text), question)[0]


def test_quotes_stay_in_the_characters_of_the_document():
    assert first(index("廠長是劉志遠。", "河水上漲了三尺。"), "厂长是谁？") == "廠長是劉志遠。"
    assert simplified("龍門客棧 abc") == "龙门客栈 abc"


YEARS = "The grant of the county was 18 crowns in 1923.\nThe strike began in 1925.\nThe grant was 20 crowns in 1922.\n"
JAHRE = "二〇一九年投资为四百万元。\n河水上涨了三尺。\n二〇一八年投资为三百万元。\n"


@pytest.mark.parametrize(
    ("text", "before", "question", "right"),
    [
        (PLANT, "What did the pilot plant cost?", "When was that?", "2019"),
        (PLANT, "What did the pilot plant cost?", "What year was that?", "2019"),
        (PLANT, "What did the pilot plant cost?", "And the date?", "2019"),
        (PLANT, "What did the pilot plant cost?", "Since when?", "2019"),
        (PLANT, "Who leads the plant?", "Who is that?", "Ingrid Dahl"),
        (PLANT, "Who leads the plant?", "Her name?", "Ingrid Dahl"),
        (PLANT, "What did the pilot plant cost?", "How much?", "1,240,000"),
        (PLANT, "What did the pilot plant cost?", "And who paid?", "county"),
        (PLANT, "Who comes twice a year?", "Why?", "maintenance contract"),
        (SIMPLIFIED, "改造工程的投资是多少？", "那是哪一年？", "二〇一九"),
        (SIMPLIFIED, "改造工程哪年完工？", "总共多少钱", "一千二百四十万元"),
        (SIMPLIFIED, "改造工程哪年完工？", "具体金额呢？", "一千二百四十万元"),
        (SIMPLIFIED, "厂长是谁？", "他叫什么名字？", "刘志远"),
        (YEARS, "How large was the grant in 1923?", "And the year before?", "20 crowns"),
        (JAHRE, "二〇一九年投资多少？", "那前一年呢", "三百万元"),
        (JAHRE, "2018年投资多少？", "那后一年呢？", "四百万元"),
    ],
)
def test_a_question_without_words_of_its_own_leans_on_the_one_before(engine, text, before, question, right):
    document = opened(engine, text)
    history = [Turn(before, "\n\n".join(ask(document, before)))]
    assert right in ask(document, question, history)[0]


def test_it_leans_across_other_questions_without_words(engine):
    document = opened(engine, PLANT)
    history = [
        Turn("What did the pilot plant cost?", "“1,240,000 crowns”"),
        Turn("Why?", "The document does not seem to say."),
    ]
    assert "2019" in ask(document, "When was that?", history)[0]


def test_a_follow_up_about_something_else_is_still_refused(engine):
    history = [Turn("What did the pilot plant cost?", "“1,240,000 crowns”")]
    assert ask(opened(engine, PLANT), "Which enzyme splits lactose?", history) in REFUSED
    assert ask(opened(engine, PLANT), "When was that?") in REFUSED
