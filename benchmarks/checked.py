"""`benchmarks checked`: how well the marks "found" and "not found in the document" are set on 200 made statements, half
of them false, in English and Chinese. The statements are made from the documents' plain text by rules of their own."""

from __future__ import annotations

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.statements import KINDS, Statement, makers
from glyph_demo.conversation.checked.checking import check
from glyph_demo.conversation.checked.source import Source
from glyph_demo.conversation.drawing import PageView, draw
from glyph_demo.documents.extraction import extract
from glyph_demo.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = {
    "en": (
        *(f"tests/questions/documents/{name}" for name in ("minutes.en.txt", "swifts.en.txt", "tramway.en.md")),
        *("tests/questions/documents/skerrow.en.txt", "glyph_demo/assets/examples/glyph-white-paper.en.pdf"),
    ),
    "zh": (
        *(f"tests/questions/documents/{name}" for name in ("lease.zh.txt", "bikes.zh.md", "purifier.zh.md")),
        *("tests/questions/documents/cold-store.zh.txt", "tests/questions/documents/waterworks.zh.md"),
        "glyph_demo/assets/examples/glyph-white-paper.zh.docx",
    ),
}
EACH = 25  # statements of a kind and a language
SEED = 7


def run(settings: Settings, documents: dict[str, Sequence[str]] | None = None, seed: int = SEED) -> dict[str, Any]:
    """Make the statements and check them, and count by kind and language. Precision is the share of marks that are
    right, recall the share of true (or false) statements that have the right one."""
    marks: defaultdict[str, Counter[tuple[bool, str]]] = defaultdict(Counter)
    mistakes, stray = [], 0
    for language, paths in (documents or DOCUMENTS).items():
        for kind, statement, mark, others in _checked(language, [ROOT / path for path in paths], settings, seed):
            for group in ("all", kind, f"language {language}"):
                marks[group][statement.true, mark] += 1
            stray += others
            if mark != ("found" if statement.true else "absent"):
                mistakes.append({"kind": kind, "true": statement.true, "mark": mark, "text": statement.text})
    return {
        "statements": marks["all"].total(),
        "groups": {name: _rates(counts) for name, counts in marks.items()},
        "other_words_marked_absent": stray,
        "mistakes": mistakes,
    }


def _rates(counts: Counter[tuple[bool, str]]) -> dict[str, float]:
    rates: dict[str, float] = {"statements": counts.total()}
    for mark, right in (("found", True), ("absent", False)):
        marked = counts[True, mark] + counts[False, mark]
        meant = sum(count for (true, _), count in counts.items() if true == right)
        rates[f"{mark}_precision"] = round(counts[right, mark] / max(1, marked), 3)
        rates[f"{mark}_recall"] = round(counts[right, mark] / max(1, meant), 3)
    return rates


def _checked(language: str, paths: list[Path], settings: Settings, seed: int) -> list[tuple[str, Statement, str, int]]:
    """(kind, statement, its mark, how many other words are marked absent) of a language's statements."""
    rng, found = random.Random(f"{language} {seed}"), []
    with tempfile.TemporaryDirectory() as folder:
        read = [_read(path, settings, Path(folder)) for path in paths]
        for row, kind in enumerate(KINDS):
            made = [
                (maker, source, pages) for text, source, pages in read if (maker := makers(kind, language, text, rng))
            ]
            for i in range(EACH):
                maker, source, pages = made[i % len(made)]
                statement = maker((i + row) % 2 == 0)
                found.append((kind, statement, *_mark(statement, source, pages)))
    return found


def _read(path: Path, settings: Settings, folder: Path) -> tuple[str, Source, list[PageView]]:
    document = extract(path, path.name, settings.documents)
    pages = [view for _, view in draw(document, settings, "pocket", folder, [])]
    return document.text, Source.of(document, pages, None, True), pages


def _mark(statement: Statement, source: Source, pages: Sequence[PageView]) -> tuple[str, int]:
    """ "found", "absent" or "none" for the part of the statement that is true or false."""
    claims = check(statement.text, source, pages)
    own = [claim for claim in claims if claim.start < statement.end and statement.start < claim.end]
    others = sum(claim.place is None for claim in claims if claim not in own)
    if any(claim.place is None for claim in own):
        return "absent", others
    return ("found" if own else "none"), others
