"""The few words that answer a question are given only where nothing in the sentence competes with them."""

import pytest

from glyph_demo.engines.pocket.quotes import count_words, essential
from glyph_demo.engines.pocket.short_answers import short_answer
from tests.engines.pocket.asking import opened, short, whole

CERTAIN = [
    ("When was the trust founded?", "The trust was founded on 14 March 1962 by three teachers.", "14 March 1962"),
    ("When did the bridge open?", "In October 1980, the bridge was opened.", "October 1980"),
    ("What year was the mill built?", "The mill was built in 1911.", "1911"),
    ("When was the matter made public?", "The matter was made public before 1936.", "before 1936"),
    ("How much did the crane cost?", "The crane cost £1.2 million.", "£1.2 million"),
    ("What did the pilot plant cost?", "The pilot plant cost 1,240,000 crowns.", "1,240,000 crowns"),
    ("How many ships were in Sund?", "There were about 388 ships in Sund.", "about 388 ships"),
    ("How many keepers lived on the rock?", "Three keepers lived on the rock.", "Three keepers"),
    ("How long did the strike last?", "The strike did last more than nine weeks.", "more than nine weeks"),
    ("What percentage of water is lost?", "In that old pipe 14% of the water is lost.", "14%"),
    (
        "Who patented the typewriter?",
        "Patented in 1868 by Christopher Sholes, it was a typewriter.",
        "Christopher Sholes",
    ),
    ("Who patented the typewriter?", "The typewriter was patented by Christopher Sholes.", "Christopher Sholes"),
    ("Who chaired the committee?", "Alma Brandt chaired the committee.", "Alma Brandt"),
    ("What is the customer number?", "Customer number 2291", "2291"),
    ("Who is the supervisor?", "Supervisor: Tomas Ek", "Tomas Ek"),
    ("公司是哪一年成立的？", "公司成立于1998年3月12日。", "1998年3月12日"),
    ("设备总价是多少元？", "设备总价为三十六万元。", "三十六万元"),
    ("公司为多少户居民供水？", "公司为县里八万六千户居民供水。", "八万六千户"),
    ("试用期最长几个月？", "试用期不得超过六个月。", "不得超过六个月"),
    ("漏损率是百分之多少？", "漏损率为百分之十四。", "百分之十四"),
]
UNCERTAIN = [
    ("When was the trust founded?", "The trust was founded in 1962 or in 1963."),
    ("When was the trust founded?", "The trust was not founded in 1962."),
    ("When was the trust founded?", "The trust would be founded in 1962."),
    ("When did the bridge open?", "The bridge was planned in 1970 and did open in 1980."),
    ("When was the museum of the trust founded?", "The trust was founded in 1962."),
    ("When did the office open in Norway?", "The office did open in 1962 in Denmark."),
    ("When did the strike end?", "The strike lasted from 1910 to 1914."),
    ("How much did the lamp cost?", "The lamp cost 40 crowns and its glass 12 crowns."),
    ("How many boats sank?", "Between 20 and 30 boats sank."),
    ("How many boats sank?", "The storm sank boats for 12 hours."),
    ("How long was the strike of the pilots?", "The strike of the tailors was nine weeks long."),
    ("Who chaired the committee?", "Alma Brandt was asked who chaired the committee."),
    ("Who chaired the committee?", "The committee met in Paris and Alma Brandt was there."),
    ("Who killed Hans Lie?", "Hans Lie killed Ole Berg."),
    ("Why did the lamp fail in 1904?", "The lamp did fail in March 1904."),
    ("What is the customer number?", "Account number 5512"),
    ("公司是哪一年成立的？", "公司没有在1998年成立。"),
    ("公司是哪一年成立的？", "公司的前身成立于1987年，公司成立于1998年。"),
    ("小发电机为什么几分钟就停了？", "小发电机启动后运行了九分钟。"),
    ("试用期最长几个月？", "他的试用期为三个月。"),
    ("设备总价是多少元？", "设备总价为三十六万元到四十万元。"),
]


@pytest.mark.parametrize(("question", "sentence", "said"), CERTAIN)
def test_what_has_no_rival_in_the_sentence_is_the_short_answer(question, sentence, said):
    assert short_answer(question, sentence, "") == said


@pytest.mark.parametrize(("question", "sentence"), UNCERTAIN)
def test_nothing_is_said_in_short_that_is_not_certain(question, sentence):
    assert short_answer(question, sentence, "") == ""


@pytest.mark.parametrize(("question", "sentence", "said"), CERTAIN)
def test_a_short_answer_is_text_of_the_document(question, sentence, said):
    assert short_answer(question, sentence, "") in sentence


def test_what_is_asked_may_stand_in_the_sentence_before():
    question, sentence = "When was the terminal at Holm opened?", "The terminal was opened on 3 September 2024."
    assert short_answer(question, sentence, "") == ""
    assert short_answer(question, sentence, "A new terminal stands at Holm.") == "3 September 2024"


LONG = (
    "The board, which had met for three days in the hotel above the harbour and had heard every one of its officers, "
    "resolved that the terminal at Holm would be opened on 3 September, unless the pilots went on strike, "
    "and the secretary was told to write to all the newspapers of the island before the end of that week."
)


def test_a_long_sentence_is_cut_to_what_is_asked_and_keeps_what_limits_it():
    shown = essential(LONG, "When will the terminal at Holm be opened?")
    assert "3 September" in shown
    assert "unless the pilots went on strike" in shown
    assert count_words(shown) < count_words(LONG)
    assert all(piece.strip() in LONG for piece in shown.split("…"))


def test_a_short_sentence_is_shown_whole():
    assert essential("The mill, a low house, was built in 1911.", "When was the mill built?").startswith(
        "The mill, a low"
    )


def test_another_number_of_the_same_kind_is_no_answer(engine):
    lines = [f"Station 3-{i} was built in {1903 + i} by crew {7 * i + 3}." for i in range(6)]
    document = opened(engine, "\n".join(lines))
    assert whole(document, "When was station 3-3 built?") == [
        "1906",
        "“Station 3-3 was built in 1906 by crew 24.” (page 1, line 4)",
    ]
    assert short(document, "When was station 3-9 built?") == ""
    assert short(document, "When was station 7 built?") == ""
