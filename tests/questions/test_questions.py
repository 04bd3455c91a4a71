"""Whether the question set and the documents fit each other."""

import io
import json
from collections import Counter

import pytest

from glyph_demo.bench.grading import REFUSALS, contains
from tests.questions.make_examples import EXAMPLES, HERE, TARGETS, build

ROOT = HERE.parent.parent
HALVES = {name: json.loads((HERE / name).read_text(encoding="utf-8")) for name in ("tuning.json", "held_out.json")}
QUESTIONS = [question for half in HALVES.values() for question in half]
SAMPLES = [
    {"document": f"glyph_demo/assets/examples/{example['name']}"} | question
    for example in json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    for question in example["questions"]
]


def text_of(name, data):
    """The text of a document, table cells parted by ` | `."""
    if name.endswith(".pdf"):
        from pypdf import PdfReader

        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    if name.endswith(".docx"):
        from docx import Document

        document = Document(io.BytesIO(data))
        rows = [" | ".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows]
        return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *rows])
    return data.decode()


TEXTS = {path: text_of(path, (ROOT / path).read_bytes()) for path in {q["document"] for q in QUESTIONS}}


@pytest.mark.parametrize("half", HALVES)
def test_a_half_has_five_questions_a_document_and_three_without_an_answer(half):
    answered = Counter(q["document"] for q in HALVES[half] if q["kind"] != "absent")
    assert sorted(answered.values()) == [5, 5, 5, 5]
    assert sum(q.get("absent", False) for q in HALVES[half]) == 3


def test_no_question_is_asked_twice():
    asked = [question["question"] for question in QUESTIONS + SAMPLES]
    assert len(set(asked)) == len(asked)


def test_the_document_holds_the_answer_and_the_question_does_not():
    for question in QUESTIONS + SAMPLES:
        asked, answers = question["question"], question["answers"]
        if question.get("absent", False):
            assert answers == [], asked
        else:
            assert any(contains(TEXTS[question["document"]], answer) for answer in answers), asked
            assert not any(contains(asked, answer) for answer in answers), asked


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_no_document_reads_like_a_refusal(path):
    assert not any(contains(TEXTS[path], refusal) for refusal in REFUSALS)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_rebuilt_document_is_the_same(target):
    built = build(target)
    assert built == build(target)
    assert text_of(target.name, built) == text_of(target.name, target.read_bytes())
