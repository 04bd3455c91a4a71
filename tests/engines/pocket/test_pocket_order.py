"""Which sentence goes first, and which questions the document does not seem to answer."""

import pytest

from glyph_demo.engines.pocket.kinds import kind_asked
from glyph_demo.engines.pocket.refusals import NEAREST
from glyph_demo.engines.pocket.terms import terms
from tests.engines.pocket.asking import ask, opened, short, whole

GROUP = (
    "The steering group adopted six rules on 12 December 2025. They bind staff and volunteers alike.\n\n"
    "The steering group chose five collections that differ in age and hand. Marguerite Oyelaran chaired the group; "
    "the county paid a grant of 38,500 crowns.\n"
)
LEASE = (
    "第一条 租赁标的\n\n甲方将位于滨江区听涛路218号的办公用房出租给乙方，用途为办公。\n\n"
    "第二条 租赁期限\n\n租赁期为五年，乙方要求续租的，应当提前六个月书面提出。\n\n"
    "第三条 试用期\n\n劳动合同期限一年以上的，试用期不得超过二个月；三年以上的劳动合同，试用期不得超过六个月。\n"
)
PLAN = (
    "The trustees met in spring and thanked all who had helped.\n\nIn 2026 the trustees intend to\n\n"
    "- relay 640 metres of track at Mill Bend,\n- open a reading room for the archive,\n- hire an apprentice.\n"
)
VISITS = (
    "In 2025 the museum welcomed 61,480 visitors, against 48,920 in 2024. School parties made up 9 % of the total.\n\n"
    "Who keeps the nest boxes is not our concern. Nest boxes of oak stand along the track.\n"
)


@pytest.fixture
def lease(engine):
    return opened(engine, LEASE)


def test_who_is_answered_by_the_sentence_with_a_name_and_not_by_one_with_a_month(engine):
    kind = kind_asked("Who chaired the steering group?")
    assert kind is not None
    assert kind.likely.search("In the spring Marguerite Oyelaran chaired the group.")
    assert not kind.likely.search("The steering group adopted six rules on 12 December 2025.")


def test_a_title_before_a_name_ends_no_sentence(engine):
    document = opened(engine, "At noon Ms. Whitlock called the meeting to order. Prof. Ames spoke.\n")
    assert "Ms. Whitlock called the meeting to order" in ask(document, "Who called the meeting to order?")[0]


def test_a_numbered_heading_goes_after_a_text(lease):
    assert "听涛路" in ask(lease, "租赁标的在什么地方？")[0]


def test_a_limit_that_two_sentences_give_is_not_said_in_short(lease):
    assert short(lease, "试用期最长不得超过几个月？") == ""


def test_a_list_after_an_unfinished_line_is_shown_whole(engine):
    first = ask(opened(engine, PLAN), "What do the trustees intend to do in 2026?")[0]
    assert "640 metres" in first
    assert "apprentice" in first


def test_another_year_than_the_one_asked_for_is_no_answer(engine):
    document = opened(engine, VISITS)
    assert whole(document, "How many visitors did the museum welcome in 2021?")[0] == NEAREST.en
    assert whole(document, "How many visitors did the museum welcome in 2024?")[0] != NEAREST.en


def test_a_number_of_other_things_than_those_counted_is_no_answer(engine):
    assert whole(opened(engine, VISITS), "How many parrots did the museum welcome in 2025?")[0] == NEAREST.en


def test_a_time_may_be_written_with_a_short_unit():
    kind = kind_asked("How long did the first question take with the KV cache?")
    assert kind is not None
    assert kind.needed is not None
    assert kind.needed.search("KV cache, first question | 1.4 s")


def test_a_cell_without_a_time_does_not_answer_when(engine):
    table = "Class | Nests | Chicks\nQuiet | 168 | 391\nLoud | 105 | 226\n"
    assert short(opened(engine, table), "When is a nest called loud?") == ""


@pytest.mark.parametrize("numeral", ["九" * 5000, "十" * 5000, "〇" * 21])
def test_a_run_of_numerals_without_end_is_no_number(numeral):
    assert not any(term.isdecimal() for term, _ in terms(numeral))


def test_a_chinese_number_with_its_little_words_is_the_row_that_is_asked_for(engine):
    table = "批量 | 占用显存 | 延迟\n1 | 8.2 GB | 420 毫秒\n2 | 11.5 GB | 510 毫秒\n8 | 显存不足 | 未测\n"
    assert short(opened(engine, table), "批量为 2 时占用多少显存？") == "2: 占用显存 11.5 GB"
