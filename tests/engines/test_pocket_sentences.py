"""Lines become sentences that know where they stand."""

import random

import numpy as np
import pytest

from glyph_demo.engines.pocket.answering import Document
from glyph_demo.engines.pocket.sentences import PageLine, _joint, _Paragraph, split_sentences
from glyph_demo.engines.pocket.tables import find_tables
from glyph_demo.store import PageFeatures

WIDTH = 60  # characters of a full line


def features(*lines: str, top: int = 0) -> PageFeatures:
    """A page of lines 10 px a character and 16 px high; an empty one leaves a gap."""
    boxes, texts = [], []
    for i, line in enumerate(lines):
        if line:
            boxes.append((0, top + 20 * i, 10 * len(line), top + 20 * i + 16))
            texts.append(line)
    arrays = {"boxes": np.array(boxes, np.int32).reshape(-1, 4), "scores": np.ones(len(boxes), np.float32)}
    return PageFeatures(arrays, tuple(texts))


def full(text: str) -> str:
    return text.ljust(WIDTH, "x")


def test_a_sentence_runs_on_across_lines_and_pages():
    first = "The keeper climbed the tower and looked out over the grey"
    sentences = split_sentences([features(first), features("sea. He saw nothing.")])
    assert [s.text for s in sentences] == [f"{first} sea.", "He saw nothing."]
    assert [(line.page, line.number) for line in sentences[0].lines] == [(1, 1), (2, 1)]
    assert sentences[0].paragraph == sentences[1].paragraph


def test_chinese_lines_join_without_a_blank_and_end_at_their_stops():
    sentences = split_sentences([features("站长说：“明天下雨。”他没有再说什么，转身回到值班", "室去了！大家都笑。")])
    assert [s.text for s in sentences] == ["站长说：“明天下雨。”", "他没有再说什么，转身回到值班室去了！", "大家都笑。"]
    assert len(sentences[1].lines) == 2


def test_a_word_broken_with_a_hyphen_is_joined():
    (sentence,) = split_sentences([features("The committee agreed that the observa-", "tions were correct.")])
    assert sentence.text == "The committee agreed that the observations were correct."


def test_titles_initials_and_decimals_end_no_sentence():
    text = "Dr. Holm met J. Tarn at No. 4 and paid 3.50 crowns."
    assert [s.text for s in split_sentences([features(text)])] == [text]


def test_a_heading_is_context_to_the_sentences_below_it():
    sentences = split_sentences(
        [features("2. Costs", "", "The lamp cost forty crowns in that year, and oil cost more.")]
    )
    assert sentences[0].context == ""
    assert sentences[1].context == "2. Costs"


def test_table_rows_know_the_header_of_their_table():
    page = features(
        "Costs of the year were as follows in the table below it.", "Item | Price", "Lamp | 40", "Oil | 12", "Rope | 3"
    )
    rows = {s.text: s.context for s in split_sentences([page])}
    assert "Item | Price" in rows["Oil | 12"]


def test_headings_are_marked_and_rows_are_not():
    page = features(
        "2. Costs", "Item | Price", "Lamp | 40", "Oil | 12", "3. People", "", "The keeper was old and tired of the sea."
    )
    sentences = split_sentences([page])
    assert {s.text for s in sentences if s.heading} == {"2. Costs", "Item | Price", "3. People"}
    assert sentences[-1].context == "3. People"
    assert sentences[-3].context == "2. Costs Item | Price"


def test_items_of_a_list_are_paragraphs_of_their_own():
    page = features("- first rule of the house, which everybody has to obey it;", "- second rule of the house.")
    assert len({s.paragraph for s in split_sentences([page])}) == 2


def test_a_text_without_stops_is_cut():
    pieces = split_sentences([features(*[full("word " * 11)] * 40)])
    assert max(len(s.text) for s in pieces) <= 600


def test_no_pages_and_empty_pages_have_no_sentences():
    assert split_sentences([]) == []
    assert split_sentences([features()]) == []


def test_a_running_head_is_told_from_values_that_are_the_same():
    head = "Paths of the Low Fen"
    pages = [features(head, f"Sluice {i}", "Yes", f"Bridge {i}", "Yes", f"Ferry {i}", "Yes") for i in range(3)]
    assert {each.text for each in split_sentences(pages) if each.running} == {head}
    assert sum(each.running for each in split_sentences(pages)) == 3
    assert not any(each.running for each in split_sentences(pages[:2])), "two pages may be a coincidence"


def test_a_running_head_is_no_answer():
    head = "Paths of the Low Fen"
    pages = [
        features(head, "", full(f"Reach {i} of the fen has a path "), "that floods at high water.") for i in range(3)
    ]
    parts, _ = Document(split_sentences(pages)).answer("What of the paths of the Low Fen?", (), "en", lambda quote: "")
    assert parts
    assert head not in [quote.text for quote in parts]


def test_a_paragraph_of_any_length_has_its_text_its_bars_and_the_lines_of_each_part():
    draw, pieces = random.Random(4), ["ab", "c", "-", " | ", " |", "| ", "。", "站长", "D"]
    for _ in range(200):
        lines = ["".join(draw.choices(pieces, k=draw.randint(1, 5))) for _ in range(12)]
        paragraph, text, starts = _Paragraph(), "", []
        for number, line in enumerate(lines):
            paragraph.add(PageLine(1, number, line, (0, 0, 1, 1)))
            gap = _joint(text, line) if text else ""
            text = (text[:-1] if gap is None else text + gap) + line
            starts.append(len(text) - len(line))
        assert paragraph.text == text
        assert paragraph.bars == text.count(" | ")
        for _ in range(20):
            start, end = sorted(draw.sample(range(len(text) + 1), 2))
            on = [i for i, at in enumerate(starts) if at < end and (starts[i + 1 :] or [len(text) + 1])[0] > start]
            assert [line.number for line in paragraph.at(start, end)] == on


def reach(i: int) -> list[str]:
    """Lines of a page, full but the last, which goes on on the next."""
    line = f"Reach {chr(i)} of the fen has a path that floods".ljust(WIDTH - 1, "x") + "."
    return [line] * 13 + ["The keeper of it is"]


HOUSES = ("mill", "tower", "barn")
NUMBERED = {
    "alone": lambda i: [str(i)],
    "with a title": lambda i: [f"Chapter 2: Paths of the fen | {i}"],
    "left and right": lambda i: [f"{i} | Paths of the fen" if i % 2 else f"Chapter 2: Of paths | {i}"],
    "above a title": lambda i: [f"Page {i} of 40", "Paths of the Low Fen"],
    "Chinese": lambda i: [f"第 {i} 页 共 40 页"],
}


@pytest.mark.parametrize("head", NUMBERED.values(), ids=NUMBERED)
def test_numbered_heads_are_told_from_the_text_that_goes_on_across_them(head):
    numbers = range(107, 110)
    pages = [features(*head(i), f"old and lives in the {HOUSES[i % 3]}.", *reach(i)) for i in numbers]
    sentences = split_sentences(pages)
    heads = [line for i in numbers for line in head(i)]
    assert [each.text for each in sentences if each.running] == heads
    assert not [each for each in sentences if each.text not in heads and any(line in each.text for line in heads)]
    assert f"The keeper of it is old and lives in the {HOUSES[108 % 3]}." in [each.text for each in sentences]
    assert not [each for each in sentences if any(line in each.context for line in heads)]


def test_a_head_within_a_drawn_page_parts_no_sentence():
    last = "The keeper of it lives in the mill that he has from".ljust(WIDTH - 4, "e") + " Mrs"
    lines = [
        line for i in (107, 108, 109) for line in (f"Chapter 2: Paths of the fen | {i}", f"Ruth {i}.", *reach(i), last)
    ]
    sentences = split_sentences([features(*lines)])
    assert f"{last} Ruth 108." in [each.text for each in sentences]


def test_a_heading_above_the_foot_of_a_page_is_the_heading():
    parts = {107: "Mills", 108: "Towers", 109: "Barns"}
    pages = [
        features(*reach(i)[:-1], "", f"Of the {part}", "", f"Page {i} of 40", "Fen report") for i, part in parts.items()
    ]
    pages.append(features("The path floods at high water, and the keeper goes by boat then.", "It is cold."))
    sentences = split_sentences(pages)
    assert [each.text for each in sentences if each.heading] == ["Of the Mills", "Of the Towers", "Of the Barns"]
    assert sentences[-1].context == "Of the Barns"


def test_numbers_of_a_list_or_of_a_table_are_no_heads():
    rows = [features(*(f"{i}" for i in range(1, 30))), features(*(f"Sluice of the fen | {i}" for i in range(1, 30)))]
    assert not any(each.running for each in split_sentences(rows))
    two = [features(str(i), *reach(i)) for i in (7, 8)]
    assert not any(each.running for each in split_sentences(two)), "two pages may be a coincidence"


def test_the_header_that_a_table_has_on_every_page_is_no_head():
    rows = [f"Sluice {chr(97 + i)} | 1{i}" for i in range(14)]
    pages = [features(f"Page {i}", "Name of the sluice | Height", *rows) for i in (1, 2, 3)]
    sentences = split_sentences(pages)
    assert {each.text for each in sentences if each.running} == {"Page 1", "Page 2", "Page 3"}
    (table,) = find_tables(sentences)
    assert table.header == ("Name of the sluice", "Height")
    assert [row.cells[0] for row in table.rows] == [row.split(" |")[0] for row in rows] * 3


def test_the_text_below_a_numbered_heading_does_not_join_it():
    sentences = split_sentences(
        [features("4.2 Functions of the fen", "sluiceOpen lets water in and says when it is full.")]
    )
    assert [each.text for each in sentences] == [
        "4.2 Functions of the fen",
        "sluiceOpen lets water in and says when it is full.",
    ]
    assert sentences[1].context == "4.2 Functions of the fen"
