"""The right sentence comes first, and what is shown stays short."""

import pytest

from glyph_demo.engines.pocket.quotes import choose_quotes, count_words
from glyph_demo.engines.pocket.retrieval import Index
from glyph_demo.engines.pocket.sentences import Line, Sentence
from glyph_demo.engines.pocket.terms import names, question_terms, stem, terms


def index(*texts: str, paragraph: int | None = None) -> Index:
    """Every text a sentence, all of one paragraph or each of its own."""
    return Index(
        [
            Sentence(
                text, (Line(1, i + 1, text, (0, 20 * i, 500, 20 * i + 15)),), i if paragraph is None else paragraph
            )
            for i, text in enumerate(texts)
        ]
    )


def first(found: Index, question: str, before: str = "") -> str:
    return found.sentences[found.search(question, before)[0].sentence].text


def test_inflected_words_and_hyphens_and_grouped_numbers_are_one_term():
    assert stem("moved") == stem("moves") == stem("moving") == stem("move")
    assert stem("diaries") == stem("diary")
    assert {"amberlantern", "amber"} <= {t for t, _ in terms("the amber-lantern")}
    assert {t for t, _ in terms("amberlantern")} == {"amberlantern"}
    assert ("1380", 1.0) in list(terms("1,380 people"))
    assert "2015" in dict(terms("是2015年的"))


def test_question_words_do_not_count_and_numbers_and_names_count_more():
    weights = question_terms("What did the clerk of Harrow Ness pay in 1923?")
    assert "what" not in weights
    assert weights["harrow"] > weights["clerk"]
    assert weights["1923"] > weights["clerk"]
    assert names("the clerk of Harrow Ness") == [["harrow", stem("ness")]]
    assert not {"什么", "多少"} & set(question_terms("机房多少钱？什么时候买的？"))


def test_among_alike_names_the_whole_name_wins():
    found = index(
        "The lock at Harrow Point takes crimson-saddle-724.",
        "The lock at Harrow Ness takes granite-otter-807.",
        "The lock at Farrow Ness takes marble-juniper-469.",
    )
    assert "granite-otter" in first(found, "What opens the lock at Harrow Ness?")


def test_words_of_a_name_that_stand_apart_count_less():
    found = index(
        "The lock of Harrow near the Ness takes crimson.",
        "The lock that one finds far away on the north side at Harrow Ness takes granite after a long climb.",
    )
    assert "granite" in first(found, "Which word opens the lock at Harrow Ness?")


def test_chinese_is_found_by_bigrams():
    found = index("研究所成立于1987年。", "后来花680元装了一台排风扇。", "机房没有空调，七月室温达到36度。")
    assert "680" in first(found, "排风扇用了多少钱？")


def test_a_hyphen_lost_in_reading_does_not_hide_an_answer():
    found = index("The password is amberlantern.", "The door is green.")
    assert "amberlantern" in first(found, "Where is amber-lantern the secret?")


def test_a_follow_up_leans_on_the_question_before():
    found = index("The grant was 18 crowns in 1923.", "The strike began in 1924.", "The grant was 20 crowns in 1924.")
    assert first(found, "And in 1924?", before="How large was the grant in 1923?").startswith("The grant was 20")


def test_a_neighbour_carries_the_answer_into_the_quote():
    found = index(
        "Two members wished to rent a machine.", "They gave way because of the deeds.", "It rained.", paragraph=0
    )
    (quote,) = choose_quotes(found, found.search("Who wished to rent a machine?"))
    assert "deeds" in quote.text
    assert [line.number for line in quote.lines] == [1, 2]


@pytest.mark.parametrize(
    "text", ["Lamp number {} burned in the tower for {} nights of storm.", "第{}盏灯在塔上亮了{}个夜晚，没有熄灭。"]
)
@pytest.mark.parametrize("length", [2, 4])
def test_what_is_shown_has_at_most_three_quotes_and_120_words(text, length):
    found = index(*[(text * length).format(*[i] * 2 * length) for i in range(40)])
    question = "Which lamp burned in the tower in a storm?" if "Lamp" in text else "哪盏灯在塔上亮了？"
    quotes = choose_quotes(found, found.search(question))
    assert 1 <= len(quotes) <= 3
    assert sum(count_words(quote.text) for quote in quotes) <= 120


def test_nothing_in_common_gives_no_match():
    assert index("The door is green.").search("Quantum chromodynamics?") == []
    assert index().search("Anything?") == []
