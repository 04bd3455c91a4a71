"""What the embedded engine shows for each kind of question: short, right, and nothing false in short."""

import json

import pytest

from benchmarks import answers
from glyph_demo.bench.grading import contains
from glyph_demo.settings import Settings

QUESTIONS = json.loads((answers.ROOT / "tests/questions/kinds.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """The figures of the questions in kinds.json, by kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "FILES", ("kinds.json",))
        return answers.run(Settings(engine="pocket", cache_dir=str(tmp_path_factory.mktemp("cache"))))["kinds"]


def test_no_short_answer_is_false(kinds):
    assert sum(kinds[name]["short"] for name in ("all", "absent")) >= 25
    assert [name for name in kinds if kinds[name]["false_short"]] == []


@pytest.mark.parametrize("kind", ["follow-up", "summary", "definition", "list"])
def test_every_question_of_a_kind_is_answered(kinds, kind):
    assert kinds[kind]["first"] == kinds[kind]["questions"]


def test_tables_are_answered_first_in_nine_of_ten_questions(kinds):
    assert kinds["table"]["first"] >= 0.9 * kinds["table"]["questions"]


def test_the_median_answer_has_at_most_45_words(kinds):
    assert kinds["all"]["words"] <= 45


def test_an_answer_stands_in_its_document_or_is_counted_from_it():
    counted = {"32.4", "36", "129", "823", "24"}
    for question in QUESTIONS:
        text = (answers.ROOT / question["document"]).read_text(encoding="utf-8")
        for group in question["groups"]:
            assert counted & set(group) or any(contains(text, one) for one in group), question["question"]
