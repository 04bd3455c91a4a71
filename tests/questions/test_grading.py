import pytest

from glyph_demo.bench.grading import contains, normalise
from tests.questions.grading import is_right


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        ("The code is AMBER–LANTERN 417.", "amber-lantern-417"),
        ("the code is amberlantern417", "amber-lantern-417"),
        ("It earned 7412 marks.", "7,412 marks"),
        ("共有５，２７０件", "5,270"),
        ("经费结余 2.7 万元", "2.7万"),
        ("Wilhelmina\nTarn got up", "Wilhelmina Tarn"),
        ("（姓佟的船户）", "姓佟的船户"),
        ("五号库升到 8.3℃", "8.3 度"),
    ],
)
def test_spelling_width_hyphens_and_separators_do_not_matter(shown, answer):
    assert contains(shown, answer)


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        ("built in 1911", "91"),
        ("it cost 13.5 crowns", "3.5"),
        ("it cost 3.51 crowns", "3.5"),
        ("chapters 4, 12 and 9", "412"),
        ("chapters 4, 12 and 9", "4.12"),
        ("earned 1,733 crowns", "733"),
        ("the code is granite-plover-870", "granite-otter-807"),
        ("anything", ""),
        ("anything", " - "),
    ],
)
def test_part_of_another_number_or_another_word_is_not_an_answer(shown, answer):
    assert not contains(shown, answer)


def test_a_number_at_the_end_of_a_sentence_is_not_a_decimal():
    assert normalise("In 1986. 3 keepers left.") == "in1986 3keepersleft"


def test_any_accepted_answer_counts():
    question = {"answers": ["one hundred years", "100 years"]}
    assert is_right(question, "It is 100 years.")
    assert not is_right(question, "It is ten years.")


def test_a_refusal_is_right_only_where_the_answer_is_absent():
    present, absent = {"answers": ["912"]}, {"answers": [], "absent": True}
    for refusal in (
        "The document does not seem to say.",
        "文档似乎没有提到。",
        "912 is not mentioned in the document.",
    ):
        assert is_right(absent, refusal)
        assert not is_right(present, refusal)
    assert not is_right(absent, "It was 912.")
