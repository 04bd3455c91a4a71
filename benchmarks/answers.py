"""`benchmarks answers`: how often the embedded engine shows the answer to the project's own questions, by kind."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from glyph_demo.bench.grading import contains
from glyph_demo.bench.measure import tell
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions, OpenDocument, Turn
from glyph_demo.engines.events import Finished, Token
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.engines.pocket.quotes import count_words
from glyph_demo.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FILES = ("tuning.json", "held_out.json", "kinds.json", "varied.json")
_PLACE = re.compile(r"\((?:page|第) ?\d[^)]*\)")


@dataclass(frozen=True)
class Graded:
    """`shown` and `first`: the answer stands in all that is shown, and in what stands above the quotes and the first of
    them. `short` is None without a short answer. `words` counts what is shown, two Chinese characters as one."""

    kind: str
    language: str
    present: bool
    shown: bool
    first: bool
    short: bool | None
    refused: bool
    words: float


def run(settings: Settings) -> dict[str, Any]:
    """Ask all questions, and count by kind and language. `false_short` counts short answers that are not the answer, or
    are given where the document does not say."""
    graded: list[Graded] = []
    for name in FILES:
        graded += _graded(json.loads((ROOT / "tests/questions" / name).read_text(encoding="utf-8")), settings)
        tell(f"{name}: {len(graded)} questions so far")
    groups: defaultdict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        for group in ("all", one.kind, f"language {one.language}") if one.present else ("absent",):
            groups[group].append(one)
    return {"questions": len(graded), "kinds": {name: _counted(group) for name, group in sorted(groups.items())}}


def _counted(group: list[Graded]) -> dict[str, float]:
    return {
        "questions": len(group),
        "shown": sum(one.shown for one in group),
        "first": sum(one.first for one in group),
        "words": median(one.words for one in group),
        "short": sum(one.short is True for one in group),
        "false_short": sum(one.short is False for one in group),
        "refused": sum(one.refused for one in group),
    }


def _graded(questions: list[dict[str, Any]], settings: Settings) -> Iterator[Graded]:
    with closing(PocketEngine(settings)) as engine, closing(DocumentSession(engine, settings)) as session:
        for document in dict.fromkeys(question["document"] for question in questions):
            session.open(ROOT / document)
            reading = session.current
            assert reading is not None
            reading.wait()
            assert reading.handle is not None
            for question in questions:
                if question["document"] == document:
                    yield _grade(question, reading.handle)


def _grade(question: dict[str, Any], document: OpenDocument) -> Graded:
    history: list[Turn] = []
    for before in question.get("before", ()):
        history.append(Turn(before, _said(document, before, history)[0]))
    text, refused = _said(document, question["question"], history)
    parts = text.split("\n\n")
    begin = next((i for i, part in enumerate(parts) if part.startswith("“")), len(parts))
    # A summary begins with a line that says what it is.
    above = "" if begin == len(parts) or parts[0].endswith((":", "：")) else "\n".join(parts[:begin])
    first = text if parts[0].endswith((":", "：")) else "\n".join(parts[: begin + 1])
    wanted = question.get("groups", [question.get("answers", [])])
    present = bool(wanted and wanted[0])

    def holds(shown: str) -> bool:
        return present and not refused and all(any(contains(shown, one) for one in group) for group in wanted)

    return Graded(
        question["kind"] if present else "absent",
        "zh" if re.search("[\u3400-\u9fff]", question["question"]) else "en",
        present,
        holds(text),
        holds(first),
        holds(above) if above else None,
        refused,
        count_words(_PLACE.sub("", text)),
    )


def _said(document: OpenDocument, question: str, history: list[Turn]) -> tuple[str, bool]:
    """What an answer says, and whether it is a refusal."""
    text, refused = "", False
    for event in document.answer(question, history, AskOptions()):
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Finished):
            refused = event.reason == "not_found"
    return text, refused
