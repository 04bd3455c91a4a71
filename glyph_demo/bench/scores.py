"""What answers to questions with known answers are worth: a verdict on each, and their counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Literal, get_args

from glyph_demo.bench.grading import contains, refuses
from glyph_demo.bench.known_facts import Asked

Verdict = Literal["right", "wrong", "refused", "hallucinated"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Found = dict[str, Any]
"""What came of one document, read in one way: a line in the file of results."""
Z = 1.96  # of a confidence of 95 %


def grade(asked: Asked, text: str, refused: bool, invents: Callable[[], bool]) -> Verdict:
    """What an answer is; `refused` where its engine says so itself, `invents` tells whether something in it is nowhere
    in the document."""
    if refused or refuses(text):
        return "refused" if asked.answers else "right"
    if not asked.answers:
        return "hallucinated"
    if all(contains(text, answer) for answer in asked.answers):
        return "right"
    return "hallucinated" if invents() else "wrong"


def summary(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Counts for each way by size, and beside that by language and by kind."""
    groups: dict[tuple[str, int, str], list[Found]] = {}
    for case in found:
        for answer in case.get("answers", ()):
            for part in ("all", f"language {case['language']}", answer["kind"]):
                groups.setdefault((case["way"], case["tokens"], part), []).append(answer)
    read = {
        (way, tokens): [case for case in found if (case["way"], case["tokens"]) == (way, tokens) and "answers" in case]
        for way, tokens, _ in groups
    }
    return [
        {
            "way": way,
            "tokens": tokens,
            "of": part,
            **_counts(answers),
            **(_of_documents(read[way, tokens]) if part == "all" else {}),
        }
        for (way, tokens, part), answers in groups.items()
    ]


def _counts(answers: Sequence[Found]) -> dict[str, Any]:
    verdicts = Counter(answer["verdict"] for answer in answers)
    low, high = interval(verdicts["right"], len(answers))
    return {
        "questions": len(answers),
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "accuracy": round(verdicts["right"] / len(answers), 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "seconds": round(median([answer["seconds"] for answer in answers]), 3),
        "input": round(median([answer["input"] for answer in answers])),
        "characters": round(median([answer["characters"] for answer in answers])),
    }


def _of_documents(read: Sequence[Found]) -> dict[str, Any]:
    compression = [case["compression"] for case in read if case["compression"]]
    return {
        "pages": median([case["pages"] for case in read]),
        "reading_seconds": round(median([case["reading_seconds"] for case in read]), 3),
        "compression": round(median(compression), 2) if compression else None,
    }


def interval(right: int, of: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    share, spread = right / of, Z * Z / of
    middle = share + spread / 2
    half = Z * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
