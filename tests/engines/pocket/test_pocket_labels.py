"""Labels with their values and rows of tables are answers of their own: none runs into the next, none is said twice."""

import re
from pathlib import Path

import pytest

from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Evidence
from tests.answers import joined
from tests.engines.drawing import draw
from tests.engines.pocket.asking import ask, opened

CASES = Path(__file__).parents[2] / "cases"
SLIP = (CASES / "slip.txt").read_text(encoding="utf-8")
PLAIN = "Invoice no. 40718\nCustomer no. 2291\nDue 3 June 2024\nThe goods were packed by hand and left on Monday.\n"
LOWER = "order no. 40718\ncustomer no. 2291\naccount 5512 3390\nnet amount 8,400 crowns\n"
COLONS = "Name: Ingrid Dahl\nPosition: engineer\nSupervisor: Tomas Ek\nOffice: the old school\n"
CHINESE = "发票\n发票编号 40718\n客户编号 2291\n交货日期 2024年5月14日\n开票日期 2024年6月3日\n净额 8400元\n"
CHINESE_COLONS = "姓名：刘志远\n职务：厂长\n主管：陈国梁\n办公室：旧学校\n"
ROWS = "port | fare | captain\nelvik | 45 | Brandt, Ole\nmorra | 60 | Lie, Hanna\n"
COMMAS = (CASES / "ports.csv").read_text(encoding="utf-8")
WIDE_ROWS = (
    "Port | What it is known for | Captain\n"
    "Elvik | a harbour that is open all year and has the only crane north of the strait for heavy cargo | Ole Brandt\n"
    "Morra | a small quay below the church, where the ferry waits for the evening post in good weather | Hanna Lie\n"
)
AMID_PROSE = (
    "We thank you for the order that you gave us in spring, and we have packed everything with care in our own yard.\n"
    "Invoice number 40718\nCustomer number 2291\n"
    "Please pay within thirty days, and write to us if anything is missing or was damaged on the way to your door.\n"
)

DOTTED = "".join(
    label.ljust(90 - len(value), ".") + value + "\n"
    for label, value in (
        ("Invoice number ", " 40718"),
        ("Customer number ", " 2291"),
        ("Date of delivery ", " 14 May 2024"),
        ("Net amount ", " 8,400 crowns"),
    )
)

QUESTIONS = [
    (DOTTED, "What is the customer number?", "2291"),
    (DOTTED, "What is the net amount?", "8,400"),
    (SLIP, "What is the customer number?", "Customer number 2291"),
    (SLIP, "What is the date of the invoice?", "Date of invoice 3 June 2024"),
    (SLIP, "What is the net amount?", "Net amount 8,400 crowns"),
    (PLAIN, "What is the customer number?", "Customer no. 2291"),
    (PLAIN, "What is the invoice number?", "Invoice no. 40718"),
    (LOWER, "What is the account?", "account 5512 3390"),
    (COLONS, "Who is the supervisor?", "Supervisor: Tomas Ek"),
    (CHINESE, "客户编号是多少？", "客户编号 2291"),
    (CHINESE, "开票日期是哪天？", "开票日期 2024年6月3日"),
    (CHINESE_COLONS, "主管是谁？", "陈国梁"),
    (ROWS, "Who is the captain to Elvik?", "Brandt, Ole"),
    (COMMAS, "What is the fare to Morra?", "60"),
    (WIDE_ROWS, "Who is the captain of Morra?", "Hanna Lie"),
    (AMID_PROSE, "What is the customer number?", "Customer number 2291"),
]


@pytest.mark.parametrize(("text", "question", "right"), QUESTIONS)
def test_the_first_quote_is_the_line_that_is_asked_for_and_no_other(engine, text, question, right):
    first = ask(opened(engine, text), question)[0]
    assert right.replace(" ", "") in first.replace(" ", "")
    others = [re.sub(r"[\W_]", "", line) for line in text.splitlines() if right not in line and len(line) < 100]
    assert not [line for line in others if line and line in re.sub(r"[\W_]", "", first)]


def test_a_row_that_fills_more_than_a_line_stays_whole(engine):
    (first, *_) = ask(opened(engine, WIDE_ROWS), "Where does the ferry wait for the evening post?")
    assert "Morra" in first
    assert "Hanna Lie" in first


def test_what_was_drawn_twice_side_by_side_is_said_once(engine):
    document = opened(engine, "Order number 40718 Order number 40718\nOrdered by the Lindal school: 300 chairs.\n")
    shown = " ".join(ask(document, "What is the order number?"))
    assert shown.count("40718") == 1


def test_the_same_line_on_two_pages_is_quoted_once(engine):
    text = "Certified repair of boats, Lindal yard\n" + "The yard mends boats all year.\n" * 3
    document = engine.open_document([engine.encode(page) for _ in range(2) for page in draw(text)])
    events = list(document.answer("Which yard does certified repair?", (), AskOptions()))
    regions = next(event.regions for event in events if isinstance(event, Evidence))
    assert len({region.text for region in regions}) == len(regions)
    assert joined(events).count("Certified repair of boats") == 1


def test_a_total_is_that_of_the_form_whose_name_stands_above_it(engine):
    form = "Repair order\nModel {}\nParts {}\nLabour {}\nGrand total {}\n\n"
    document = opened(engine, form.format("Osprey", 410, 220, 630) + form.format("Kestrel", 150, 90, 240))
    for name, total in (("Kestrel", 240), ("Osprey", 630)):
        totals = [quote for quote in ask(document, f"What is the grand total for the {name}?") if "total" in quote]
        assert f"Grand total {total}" in totals[0]
