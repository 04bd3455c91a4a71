"""Files that people found to be read wrong, followed from the file to the answer. expected.json says what is right."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines import create_engine
from glyph_demo.settings import Settings

pytestmark = pytest.mark.slow
CASES = Path(__file__).parent / "cases"
NOTES = "notes"  # what is wanted stands in a warning or a notice

# For each question: what the answer has, one of the alternatives; and what it must not have.
ANSWERS: dict[str, list[tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "slip.txt": [
        ("What is the customer number?", ("2291",), ("number is 5512",)),
        ("What is the date of the invoice?", ("3 June 2024",), ("In short: The date of the invoice is 14",)),
    ],
    "ports.csv": [("Who is the captain to Elvik?", ("Brandt, Ole",), ("Elvik is the captain",))],
    "order.pdf": [("What is the order number?", ("40718",), ("300",))],
    "cells.pdf": [
        ("How many ships were in Sund?", ("388",), ("21418", "41,07515")),
        ("What does the ferry cost?", ("45 crowns",), ("45crowns",)),
    ],
    "printed-page.pdf": [
        ("What is the fee?", ("45 crowns",), ("45crowns",)),
        ("How much water does the channel hold?", ("10^6",), ("× 106",)),
    ],
    "hyphens.docx": [
        ("How long must I wait before I enter the greenhouse?", ("6-12 hours",), ("612",)),
        ("What is the licence number of the spray?", ("KB-4471-09",), ()),
    ],
    "formula.docx": [("What does the head loss come to for our pipe?", ("3.75",), ())],
    "half-scan.pdf": [
        ("What is the price agreed?", ("48,250",), ()),
        ("Who is the witness?", ("Greta Holmqvist",), ()),
    ],
    "form.pdf": [
        ("Who is the applicant?", ("Rosalind Achterberg",), ()),
        ("Which day was chosen?", ("Saturday",), ()),
    ],
    "glyph-names.pdf": [("What does the crane cost?", ("crane", NOTES), ("/G28",))],
    "cid-japanese.pdf": [("ポンプの価格はいくらですか", ("三百六十万円",), ())],
    "cid-chinese.pdf": [("设备总价是多少？", ("三十六万元",), ())],
    "layer.pdf": [("What is the fee?", ("400",), ("250",))],
    "turned.pdf": [
        ("How many ships were in Sund?", ("388",), ()),
        ("What was the cargo of Elvik?", ("18,400",), ()),
    ],
    "emoji.docx": [("Are dogs allowed?", ("🚫", NOTES), ())],
    "simplified.txt": [
        ("廠長是誰？", ("刘志远",), ()),
        ("維護合約與誰簽訂？", ("伯格公司",), ()),
        ("Who is the director of the plant?", ("different languages", "刘志远"), ()),
    ],
    "plant.txt": [
        ("Who does the maintainance?", ("Berg and Sons",), ()),
        ("Where is the accomodation of the wokers?", ("old school",), ()),
        ("What did the pilot plant cost?", ("",), ()),
        ("When was that?", ("2019",), ()),
    ],
    "eucjp.txt": [("価格はいくらですか", ("三百六十万円",), ())],
    "hkscs.txt": [("總價是多少", ("三十六萬元",), ())],
    "cp1250.txt": [("Ile wynosi czynsz?", ("1 850", "1850", NOTES), ())],
    "portfolio.pdf": [("What is the total of invoice 3391?", ("12,880", NOTES), ())],
    "ruby.docx": [("避難場所はどこですか", ("第二小学校",), ())],
    "hebrew.pdf": [("מה שכר הדירה?", ("4200", "Hebrew", NOTES), ())],
    "russian.txt": [("Сколько составляет плата?", ("18 500", "Cyrillic"), ())],
    "signs.txt": [
        ("What is the rent?", ("7 ‰", NOTES), ()),
        ("What does the cloth cost?", ("₹ 480", NOTES), ()),
        ("What does the box weigh?", ("¼", NOTES), ()),
    ],
    "labels.pdf": [("Which page has the storm at Varde?", ("page 3",), ("page 1,",))],
    "tracked.docx": [("What is the price?", ("8,150",), ("7,400",))],
    "comments.docx": [("What would the landlord take as rent?", ("840",), ())],
    "header.docx": [("What is the file number?", ("AZ 77/2031",), ())],
    "chunk.docx": [("When does the ferry leave?", ("07:40",), ())],
    "hidden.docx": [("What is the lowest price?", ("",), ("lowest price is",))],
    "fields.docx": [("Who agrees to the rules?", ("☒ I agree to the rules.",), ("☐",))],  # the list has no label
    "vertical.pdf": [("桥梁的总造价是多少？", ("八千二百元",), ())],
    "actualtext.pdf": [("What is the price of the wheat?", ("7,300 crowns",), ())],
    "xfa.pdf": [("What is the name in the form?", ("Ivo Lund", NOTES), ())],
    "page.html": [("Who is the captain?", ("Ole Brandt",), ("<", "script"))],
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    settings = Settings(engine="pocket", cache_dir=str(tmp_path_factory.mktemp("cache")))
    with closing(create_engine(settings)) as engine:
        yield engine


def test_every_file_is_asked():
    assert set(ANSWERS) == set(json.loads((CASES / "expected.json").read_text()))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_is_answered_as_it_says(engine, tmp_path, name):
    settings = Settings(engine="pocket", cache_dir=str(tmp_path))
    with closing(DocumentSession(engine, settings)) as session:
        session.open(CASES / name)
        reading = session.current
        for question, wanted, forbidden in ANSWERS[name]:
            exchange = Exchange(question)
            for _ in session.converse(exchange):
                pass
            notes = [message.en for message in (*reading.warnings, *exchange.notices)]
            said = exchange.answer
            assert any(want in said or (want == NOTES and notes) for want in wanted), (said, notes)
            assert not any(wrong in said for wrong in forbidden), (said, notes)
