"""What a document is about is told in its own words; what this engine cannot do, it says."""

import threading

import pytest

from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.pocket.intents import wanted_length, wants_summary, wants_writing
from tests.answers import joined
from tests.engines.drawing import draw
from tests.engines.pocket.asking import ask, opened, whole

REPORT = (
    "# Brackwater Ferries in 2024\n\nPrepared by Nora Vint and Caspar Ley.\n\n## Summary of the year\n\n"
    "The company carried more passengers in 2024 than ever before. Revenue rose in spring.\n\n## Main risks\n\n"
    "The price of fuel is the largest risk of the company. A strike of the pilots would stop four lines.\n\n"
    "## Rules for passengers\n\nPassengers must observe three rules:\n- keep dogs on a lead;\n"
    "- stay off the car deck while the ferry moves;\n- show the ticket when asked.\n\n"
    "## Terms\n\nThe dwell time of ferries is short in winter. "
    "Dwell time is the minutes between docking and leaving.\n\n"
    "## Conclusions\n\nThe company is sound and will pay a dividend of 12 pence a share.\n"
)
CHINESE = (
    "# 青岚水务公司年度报告\n\n"
    "编写：沈若溪、陶景行\n\n## 一、概况\n\n青岚水务公司为青岚县八万六千户居民供水。\n\n"
    "## 二、主要风险\n\n水源地的水质受上游养殖场影响，是公司最大的风险。\n\n"
    "## 三、用户守则\n\n"
    "用户应当遵守下列规定：\n（一）不得私自移动水表；\n"
    "（二）每月二十日前缴清水费；\n（三）停水期间关闭龙头。\n"
)


@pytest.mark.parametrize(
    "question",
    [
        "What is this document about?",
        "What's this about?",
        "What does the report deal with?",
        "Summarise the report",
        "Summarize this in two sentences, please.",
        "Give me a summary.",
        "tl;dr",
        "What are the main points?",
        "Tell me about this document.",
        "这份文件主要讲什么？",
        "这份報告講了什麼？",
        "概括一下全文",
        "用两句话总结这篇文章",
        "本文的主要内容是什么？",
        "这本书是关于什么的？",
    ],
)
def test_a_request_for_a_summary_is_understood(question):
    assert wants_summary(question)
    assert not wants_writing(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the customer number?",
        "What is the price of the summer ticket?",
        "What does the captain know about the storm?",
        "Who wrote the report?",
        "What did the committee discuss?",
        "客户编号是多少？",
        "厂长介绍了谁？",
    ],
)
def test_other_questions_ask_for_no_summary_and_no_writing(question):
    assert not wants_summary(question)
    assert not wants_writing(question)


@pytest.mark.parametrize(
    "question",
    [
        "Translate the first page into French.",
        "Please write me an email to the landlord.",
        "What do you think of the contract?",
        "请把这份文件翻译成英文",
        "帮我写一封信给房东",
        "你觉得这份合同怎么样？",
    ],
)
def test_for_what_it_cannot_do_it_names_the_engines_that_can(engine, question):
    assert wants_writing(question)
    (said,) = ask(opened(engine, REPORT), question)
    assert "local" in said
    assert "remote" in said
    assert "似乎" not in said
    assert "seem" not in said


def test_a_summary_has_title_outline_with_pages_and_the_first_sentence_of_each_part(engine):
    head, *parts = whole(opened(engine, REPORT), "What is this document about?")
    shown = "\n".join(parts)
    assert head == "From the document:"
    assert "Brackwater Ferries in 2024" in parts[0]
    assert "- Main risks (page 1)" in shown
    assert "more passengers in 2024 than ever" in shown
    assert "price of fuel" in shown
    assert "will pay a dividend" in shown


def test_a_chinese_document_is_summed_up_in_chinese(engine):
    head, *parts = whole(opened(engine, CHINESE), "这份报告主要讲了什么？")
    assert head == "文档中的原文："
    assert "八万六千户" in "".join(parts)
    assert "- 二、主要风险 (第 1 页)" in "".join(parts)


@pytest.mark.parametrize(
    ("question", "length"),
    [("Summarise it in two sentences", 2), ("in 3 points", 3), ("一句话概括", 1), ("用两句话总结", 2), ("tl;dr", None)],
)
def test_a_length_that_is_asked_for_is_kept(engine, question, length):
    assert wanted_length(question) == length
    if wants_summary(question) and length:
        assert len(ask(opened(engine, REPORT), question)) == length


@pytest.mark.parametrize(
    ("text", "question", "right"),
    [
        (REPORT, "What are the main risks?", "price of fuel"),
        (REPORT, "What are the conclusions?", "dividend"),
        (CHINESE, "主要风险有哪些？", "上游养殖场"),
        (REPORT, "Who wrote this report?", "Nora Vint"),
        (CHINESE, "这份报告是谁编写的？", "沈若溪"),
        (REPORT, "What is dwell time?", "minutes between docking"),
    ],
)
def test_the_part_that_is_asked_for_comes_first(engine, text, question, right):
    assert right in ask(opened(engine, text), question)[0]


@pytest.mark.parametrize(
    ("text", "question", "items"),
    [
        (REPORT, "Which three rules must passengers observe?", ("dogs", "car deck", "ticket")),
        (CHINESE, "用户应当遵守哪些规定？", ("水表", "水费", "龙头")),
    ],
)
def test_a_list_is_shown_with_all_its_items(engine, text, question, items):
    first = ask(opened(engine, text), question)[0]
    assert all(item in first for item in items)


def test_a_document_without_headings_is_summed_up_by_its_sentences(engine):
    text = "The ferry Sula was built in Holm in 1911. It rained all day. The ferry Sula sank in the bay in 1940.\n" * 2
    head, *parts = whole(opened(engine, text), "Summarise this.")
    assert head == "From the document:"
    assert any("Sula" in part for part in parts)


def test_questions_are_answered_while_pages_are_appended(engine):
    pages = [engine.encode(page) for page in draw("The ferry Sula was built in 1911.\n" + "It rained all day.\n" * 300)]
    document = engine.open_document(pages[:1])
    wrong: list[str] = []

    def keep_asking() -> None:
        for _ in range(30):
            shown = joined(document.answer("When was the ferry Sula built?", (), AskOptions()))
            if "1911" not in shown:
                wrong.append(shown)

    askers = [threading.Thread(target=keep_asking) for _ in range(2)]
    for asker in askers:
        asker.start()
    for page in pages[1:] * 10:
        document.append(page)
    for asker in askers:
        asker.join()
    assert wrong == []
    (late,) = draw("The captain of the ferry was Ole Brandt.\n")
    document.append(engine.encode(late))
    assert "Ole Brandt" in joined(document.answer("Who was the captain of the ferry?", (), AskOptions()))
