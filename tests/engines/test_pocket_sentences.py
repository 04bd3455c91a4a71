"""Lines become sentences that know where they stand."""

import random

import numpy as np

from glyph_demo.engines.pocket.answering import Document
from glyph_demo.engines.pocket.sentences import PageLine, _joint, _Paragraph, split_sentences
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
