"""What is right for a question of the project's own."""

from typing import Any

from glyph_demo.bench.grading import contains, refuses


def is_right(question: dict[str, Any], shown_text: str) -> bool:
    """Whether `shown_text` holds one of the question's `answers`, or refuses where the answer is `absent`.

    A text that refuses is wrong for every other question, even when an accepted string stands in it.
    """
    if question.get("absent", False):
        return refuses(shown_text)
    return not refuses(shown_text) and any(contains(shown_text, answer) for answer in question["answers"])
