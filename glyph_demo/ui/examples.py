"""The sample documents that come with the app, as its assets/examples/examples.json lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from glyph_demo.errors import Message

FOLDER = Path(__file__).parents[1] / "assets" / "examples"
QUESTIONS_PER_EXAMPLE = 3


@dataclass(frozen=True, slots=True)
class Example:
    path: Path
    title: Message
    questions: tuple[str, ...]


def load_examples() -> list[Example]:
    return [
        Example(FOLDER / entry["name"], Message(**entry["title"]), tuple(q["question"] for q in entry["questions"]))
        for entry in json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    ]
