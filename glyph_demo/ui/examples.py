"""The sample documents that come with the app, as assets/examples/examples.json lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from glyph_demo.errors import Message

FOLDER = Path(__file__).parents[2] / "assets" / "examples"
QUESTIONS_PER_EXAMPLE = 3


@dataclass(frozen=True, slots=True)
class Example:
    path: Path
    title: Message
    questions: tuple[str, ...]


def load_examples(folder: Path = FOLDER) -> list[Example]:
    """The examples whose files are there; none where the app was installed without its assets."""
    index = folder / "examples.json"
    if not index.exists():
        return []
    return [
        Example(folder / entry["name"], Message(**entry["title"]), tuple(q["question"] for q in entry["questions"]))
        for entry in json.loads(index.read_text(encoding="utf-8"))
        if (folder / entry["name"]).exists()
    ]
