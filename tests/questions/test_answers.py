"""Whether the answer stands in what the pocket engine shows.

`PYTHONPATH=. python tests/questions/test_answers.py tuning.json` prints each question with its verdict."""

import json
import sys
from pathlib import Path

import pytest

from tests.questions.grading import is_right

ROOT = Path(__file__).resolve().parents[2]
HALVES = ("tuning.json", "held_out.json")


def graded(questions):
    """Each question with what the engine shows for it and whether that is right; documents are read once each."""
    from glyph_demo.conversation.session import DocumentSession
    from glyph_demo.engines import create_engine
    from glyph_demo.engines.events import Evidence, Token
    from glyph_demo.settings import load_settings

    settings = load_settings(flags={"engine": "pocket"})
    engine = create_engine(settings)
    session = DocumentSession(engine, settings)
    try:
        for document in dict.fromkeys(question["document"] for question in questions):
            session.open(ROOT / document)
            session.current.wait()
            for question in (q for q in questions if q["document"] == document):
                shown = ""
                for event in session.ask(question["question"]):
                    if isinstance(event, Token):
                        shown += event.text
                    elif isinstance(event, Evidence):
                        assert all(1 <= region.page <= len(session.current.pages) for region in event.regions)
                session.undo()
                yield question, shown, is_right(question, shown)
    finally:
        session.close()
        engine.close()


def load(half):
    return json.loads((Path(__file__).parent / half).read_text(encoding="utf-8"))


def test_a_small_part_of_the_question_set_is_answered_from_the_white_papers():
    questions = [q for q in load("tuning.json") if "white-paper" in q["document"] and not q.get("absent")]
    results = list(graded(questions))
    wrong = [question["question"] for question, _, right in results if not right]
    assert len(wrong) <= 0.15 * len(results), wrong


@pytest.mark.long
@pytest.mark.parametrize("half", HALVES)
def test_at_least_85_percent_of_the_question_set_is_answered_rightly(half):
    results = [(q, right) for q, _, right in graded(load(half)) if not q.get("absent")]
    assert len(results) == 20
    assert sum(right for _, right in results) >= 17


if __name__ == "__main__":
    for question, shown, right in graded(load(sys.argv[1])):
        print("right" if right else "WRONG", question["question"], "=>", repr(shown), flush=True)
