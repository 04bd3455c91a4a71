"""What a document says of itself: title, outline and first lines, and questions that it has been seen to answer."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Evidence, FilePage, Finished
from glyph_demo.engines.pocket.answering import Document
from glyph_demo.engines.pocket.document import PocketDocument
from glyph_demo.engines.pocket.own_questions import MAX_LENGTH, MOST, own_questions
from glyph_demo.engines.pocket.own_questions_en import EnglishRules
from glyph_demo.engines.pocket.own_questions_zh import ChineseRules
from glyph_demo.engines.pocket.quotes import quote_of
from glyph_demo.engines.pocket.sentences import split_sentences
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from tests.answers import joined
from tests.engines.pocket.asking import opened

REPORT = """Annual Report 2024 of Norrby Water

1. Introduction

Norrby Water is a public company that supplies drinking water to three towns. The company was founded in 1923.

2. Finance

The new treatment plant cost 12.4 million euros. The loan for the plant runs until 2039.

Item | 2023 | 2024
Revenue | 41.2 | 44.8
Operating costs | 33.0 | 35.6

3. Operations

Jonas Lindqvist led the renewal programme. The repair of the dam took nine weeks.
"""
REPORT_ZH = """滨江水务公司2024年度报告

一、公司概况

滨江水务公司是一家为三个县供水的国有企业。公司成立于1998年3月12日。

二、财务情况

新建净水厂总投资为1.24亿元。

项目 | 2023年 | 2024年
营业收入 | 4120万元 | 4480万元
营业成本 | 3300万元 | 3560万元

三、运营情况

管网改造工程由王建国主持。主干管于2024年10月更换。
"""
ENGLISH = [
    ("The trust was founded on 14 March 1962 by three teachers.", "When was the trust founded?"),
    ("In 1911, the mill was built.", "When was the mill built?"),
    ("Patented in 1868 by Christopher Sholes, the typewriter changed offices.", "When was the typewriter patented?"),
    ("The lease begins on 1 April 2024 and ends in 2026.", "When does the lease begin?"),
    ("The renovation will begin on 2 June 2025.", "When will the renovation begin?"),
    ("The next meeting is on 18 November 2025.", "When is the next meeting?"),
    ("Alma Brandt chaired the steering group.", "Who chaired the steering group?"),
    ("The map was drawn by Frida Eklund.", "Who drew the map?"),
    ("Lucia Ferrante was appointed head of the library from 1 May.", "Who was appointed head of the library?"),
    ("Karl Brunn was a Danish engineer.", "Who was Karl Brunn?"),
    ("The pilot plant cost 1,240,000 crowns.", "How much did the pilot plant cost?"),
    ("The monthly rent is 1,250 euros.", "How much is the monthly rent?"),
    (
        "In 2025 the reading room received 6,412 visits, as ever.",
        "How many visits did the reading room receive in 2025?",
    ),
    ("The field campaign lasted 22 months.", "How long did the field campaign last?"),
    ("An estuary is a partly enclosed body of water.", "What is an estuary?"),
    ("“Business Day” means a day on which banks are open.", "What does “Business Day” mean?"),
    ("The capital of Norland is Sund.", "What is the capital of Norland?"),
    ("The school is located in Elm Street.", "Where is the school located?"),
]
NO_ENGLISH = [
    "It was founded in 1962.",
    "His house was built in 1911.",
    "The trust was not founded in 1962.",
    "The company that was founded in 1962 is gone.",
    "The result is a better understanding of the whole matter.",
    "This is a matter of the greatest weight for all.",
    "There is a house that was built in 1911.",
    "the mill was built in 1911.",
    "Between 1911 and 1914 the mill was built.",
    "She cost 400 crowns.",
]
CHINESE = [
    ("研究所成立于1987年，最初设在旧邮局。", "研究所是什么时候成立的？"),
    ("主干管于2024年10月更换。", "主干管是什么时候更换的？"),
    ("改造工程将于2025年6月2日开工。", "改造工程什么时候开工？"),
    ("本法自2008年1月1日起施行。", "本法从什么时候起施行？"),
    ("管网改造工程由王建国主持。", "管网改造工程由谁主持？"),
    ("王建国汇报了改造方案。", "谁汇报了改造方案？"),
    ("试点用的工作站花了41800元。", "试点用的工作站花了多少钱？"),
    ("设备总价为三十六万元。", "设备总价是多少？"),
    ("租赁期限为两年。", "租赁期限是多久？"),
    ("漏损率是指未经售出而流失的水量所占的比例。", "什么是漏损率？"),
    ("资料室位于滨江新区四层。", "资料室在哪里？"),
]
NO_CHINESE = ["它成立于1987年。", "这是一种新的方法和工具。", "改造工程预计于2025年6月开工。", "公司没有在1998年成立。"]


@pytest.mark.parametrize(("sentence", "question"), ENGLISH)
def test_an_english_sentence_makes_the_question_that_it_answers(sentence, question):
    assert question in [one.question for one in EnglishRules(sentence).of_sentence(sentence, 0)]


@pytest.mark.parametrize(("sentence", "question"), CHINESE)
def test_a_chinese_sentence_makes_the_question_that_it_answers(sentence, question):
    assert question in [one.question for one in ChineseRules().of_sentence(sentence, 0)]


@pytest.mark.parametrize("sentence", NO_ENGLISH)
def test_a_sentence_that_says_nothing_alone_makes_no_english_question(sentence):
    assert list(EnglishRules(sentence).of_sentence(sentence, 0)) == []


@pytest.mark.parametrize("sentence", NO_CHINESE)
def test_a_sentence_that_says_nothing_alone_makes_no_chinese_question(sentence):
    assert list(ChineseRules().of_sentence(sentence, 0)) == []


def test_a_name_keeps_its_capital_and_a_word_does_not():
    text = (
        "Oxygen was discovered in 1774. Some oxygen is solid. Tesla died in 1943. One tesla is a unit. So Tesla said."
    )
    rules = EnglishRules(text)
    asked = [one.question for sentence in text.split(". ") for one in rules.of_sentence(f"{sentence}.", 0)]
    assert asked == ["When was oxygen discovered?", "When did Tesla die?"]


@pytest.mark.parametrize(
    ("text", "title", "headings", "lead", "questions"),
    [
        (
            REPORT,
            "Annual Report 2024 of Norrby Water",
            ["1. Introduction", "2. Finance", "3. Operations"],
            "Norrby Water is a public company that supplies drinking water to three towns. "
            "The company was founded in 1923.",
            ["What was the revenue in 2024?", "When was the company founded?", "Who led the renewal programme?"],
        ),
        (
            REPORT_ZH,
            "滨江水务公司2024年度报告",
            ["一、公司概况", "二、财务情况", "三、运营情况"],
            "滨江水务公司是一家为三个县供水的国有企业。公司成立于1998年3月12日。",
            ["2024年的营业收入是多少？", "公司是什么时候成立的？", "管网改造工程由谁主持？"],
        ),
    ],
)
def test_an_overview_has_title_outline_first_lines_and_a_question_of_each_kind(
    engine, text, title, headings, lead, questions
):
    found = opened(engine, text).overview()
    assert found.title == title
    assert [(heading.text, heading.page) for heading in found.headings] == [(heading, 1) for heading in headings]
    assert found.lead == lead
    assert list(found.questions) == questions


@pytest.mark.parametrize("text", [REPORT, REPORT_ZH])
def test_each_question_is_answered_for_sure_by_what_it_was_made_from(engine, text):
    document = opened(engine, text)
    asked = document.overview().questions
    assert len(asked) == MOST
    for question in asked:
        events = list(document.answer(question, (), AskOptions()))
        evidence = next(event for event in events if isinstance(event, Evidence))
        assert [event.reason for event in events if isinstance(event, Finished)] == ["stop"]
        assert evidence.regions[0].text in " ".join(joined(iter(events)).split())


def test_an_overview_is_the_same_every_time(engine):
    document = opened(engine, REPORT)
    assert document.overview() == document.overview() == opened(engine, REPORT).overview()


def test_headings_have_the_page_of_the_file(engine):
    document = opened(engine, REPORT)
    document.hint_file_pages(lambda page, box: FilePage(page + 6, "vii"))
    assert {heading.file_page for heading in document.overview().headings} == {FilePage(7, "vii")}


def of(engine, text):
    """What was read of a text."""
    return Document(split_sentences(opened(engine, text)._pages))


def test_a_question_that_the_document_is_not_sure_of_is_not_given(engine):
    document = of(engine, REPORT)
    place = "".format
    right = lambda question: document.answer(question, (), "en", place)  # noqa: E731
    assert own_questions(document, right)
    assert own_questions(document, lambda question: (right(question)[0], False)) == ()


def test_a_question_that_is_answered_from_elsewhere_is_not_given(engine):
    document = of(engine, REPORT)
    elsewhere = document.answer("How much did the new treatment plant cost?", (), "en", "".format)
    assert own_questions(document, lambda question: elsewhere) == ("How much did the new treatment plant cost?",)


def test_a_question_whose_quote_begins_earlier_is_the_second_choice(engine):
    document = of(engine, REPORT)
    founded = "When was the company founded?"
    i = next(i for i, sentence in enumerate(document.sentences) if "was founded" in sentence.text)
    earlier = [quote_of(document.sentences, [i - 1, i])]
    others = own_questions(
        document, lambda asked: (earlier, True) if asked == founded else document.answer(asked, (), "en", "".format)
    )
    assert len(others) == MOST
    assert founded not in others
    assert own_questions(document, lambda asked: (earlier, asked == founded)) == (founded,)


def test_a_document_is_asked_only_so_often(engine):
    names = [f"{a}{b}" for a in ("Harrow", "Sund", "Elvik", "Holm", "Varde") for b in ("by", "ness", "mark", "feld")]
    document = of(engine, "\n\n".join(f"The harbour of {name} was built in 1911." for name in names * 3))
    asked = []
    assert own_questions(document, lambda question: (asked.append(question) or [], False)) == ()
    assert len(asked) == 24


def test_texts_of_an_overview_are_one_line_without_what_cannot_be_seen(engine):
    text = (
        "The \u202eevil\u202c mill\n\nThe evil mill was built in 1911. The <b>tower</b> was built in 1912. "
        "The [gate](javascript:alert) was built in 1913. <script>alert(1)</script> cost 100 euros.\n"
    )
    found = opened(engine, text).overview()
    assert found.questions == ("When was the evil mill built?",)
    assert all(shown.isprintable() for shown in (found.title, found.lead, *found.questions))


def test_questions_are_short(engine):
    name = "Friends of the Old Lighthouses of Skerrow and Harrow"
    text = f"On 14 September 2024, {name} announced a plan for the coast."
    assert len(f"What did {name} announce on 14 September 2024?") > MAX_LENGTH[False]
    assert opened(engine, text).overview().questions == ()
    shorter = text.replace("Friends of the ", "")
    assert len(opened(engine, shorter).overview().questions) == 1


def test_a_number_makes_a_line_below_other_lines_a_heading(engine):
    lines = "Annual Report\n\nPrepared by: Linda Voss\n\n1. Introduction\n\nThe company was founded in 1923.\n"
    assert [heading.text for heading in opened(engine, lines).overview().headings] == ["1. Introduction"]
    items = "Wanted\n\n1. Apples\n2. Pears\n3. Plums\n\nThe shop was opened in 1923.\n"
    assert opened(engine, items).overview().headings == ()


def test_a_blank_document_has_no_overview(engine):
    assert engine.open_document().overview() is None
    assert opened(engine, " ").overview() is None


def test_one_sentence_is_first_line_and_no_title(engine):
    found = opened(engine, "The bridge was opened on 14 March 1962.").overview()
    assert (found.title, found.lead) == ("", "The bridge was opened on 14 March 1962.")
    assert found.questions == ("When was the bridge opened?",)


def test_a_table_alone_has_questions_for_its_cells(engine):
    rows = "Port: Elvik; Country: Norway; Berths: 14.\nPort: Sund; Country: Denmark; Berths: 22.\n"
    found = opened(engine, rows).overview()
    assert found.title == ""
    assert found.questions == ("How many berths does Elvik have?", "Which country is Sund in?")


class Recording:
    """Vectors of nothing, and the threads that asked for those of a page."""

    def __init__(self):
        self.threads = set()

    def encode(self, texts):
        if len(texts) > 1:
            self.threads.add(threading.current_thread().name)
        return np.full((len(texts), 512), 512**-0.5, np.float32)


def waiting(engine):
    """A document whose sentence vectors wait for the event, and what computes them."""
    encoder, ready, background = Recording(), threading.Event(), ThreadPoolExecutor(1, "background")
    loaded: Future = Future()
    loaded.set_result(encoder)
    background.submit(ready.wait)
    document = PocketDocument(opened(engine, REPORT)._pages, None, loaded, background)
    document.hint_text(REPORT)
    return document, encoder, ready, background


def test_an_overview_waits_for_the_sentence_vectors_that_are_being_computed(engine):
    document, encoder, ready, background = waiting(engine)
    with background, ThreadPoolExecutor(1, "overview") as other:
        found = other.submit(document.overview)
        threading.Event().wait(0.2)
        ready.set()
        assert found.result().title
    assert {name.split("_")[0] for name in encoder.threads} == {"background"}


def test_a_document_that_is_closed_meanwhile_has_no_questions(engine):
    document, _, ready, background = waiting(engine)
    with background, ThreadPoolExecutor(1, "overview") as other:
        found = other.submit(document.overview)
        threading.Event().wait(0.2)
        document.close()
        ready.set()
        assert found.result().questions == ()


def test_a_reading_has_the_overview_of_its_engine(engine, save):
    session = DocumentSession(engine, Settings(), FeatureStore(None, 1 << 26, 0))
    try:
        session.open(save("report.txt", REPORT))
        session.current.wait()
        assert session.current.overview.questions[1] == "When was the company founded?"
    finally:
        session.close()
