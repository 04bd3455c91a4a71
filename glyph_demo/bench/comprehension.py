"""`bench comprehension`: how well an engine reads what it is shown. Documents with known answers, made from seeds in
English and Chinese at four sizes, are asked one question of each kind; see `known_facts`. Each is read as pages, as
pages of other pixels, and as text where the engine can. What it says of an answer:

- right: all that was asked for stands in it; of what the document does not say, that it does not;
- refused: it says that the document does not say, and the document does;
- hallucinated: it is not right, and names a number, date or name that is nowhere in the document, or answers what the
  document does not say;
- wrong: the rest."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from glyph_demo.bench.known_facts import CHARACTERS, KINDS, Asked, Made, make
from glyph_demo.bench.measure import tell
from glyph_demo.bench.scores import Found, grade, summary
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines import create_engine
from glyph_demo.engines.base import AskOptions, Engine, Turn
from glyph_demo.engines.events import Finished, Token
from glyph_demo.errors import GlyphError, Language, SettingsError
from glyph_demo.settings import Settings

SIZES = (1_000, 8_000, 32_000, 128_000)  # tokens, see CHARACTERS
DOCUMENTS = 4  # of each size and language
# By the pixels per inch, 0 for what the settings say. For each an engine is made, which may go by how pages look.
WAYS = {"pages": 0, "text": 0, "pages, 96 dpi": 96}
FORMAT = 1  # of a line in the file of results; counts up when documents or grading change


@dataclass(frozen=True)
class Case:
    """One document, read in one way."""

    way: str
    tokens: int
    language: Language
    seed: int

    def made(self) -> Made:
        return make(self.language, self.tokens, self.seed)


def cases(documents: int, sizes: Sequence[int]) -> list[Case]:
    """All of one way, then of the next, the smallest first."""
    languages: tuple[Language, ...] = ("en", "zh")
    return [
        Case(way, tokens, language, seed)
        for way in WAYS
        for tokens in sizes
        for language in languages
        for seed in range(documents)
    ]


def run(
    settings: Settings,
    out: Path | None = None,
    documents: int = DOCUMENTS,
    sizes: Sequence[int] = SIZES,
    make_engine: Callable[[Settings], Engine] = create_engine,
) -> dict[str, Any]:
    """Measure the engine of `settings`. `out` gets a line for each document as soon as it is asked, and what it holds
    already, of the same engine, is not asked again. Raises GlyphErrors of the engine, and SettingsError `out_unusable`
    for a file that holds something else."""
    wanted = cases(documents, sizes)
    tell(_estimate(wanted))
    found: list[Found] = []
    about: dict[str, str] = {}
    for dpi, some in groupby(wanted, lambda case: WAYS[case.way]):
        own = replace(settings, rendering=replace(settings.rendering, dpi=dpi or settings.rendering.dpi))
        with closing(make_engine(own)) as engine:
            kept = _kept(out, engine.identity)
            about = {"engine": engine.name, "model": engine.label, "device": engine.device}
            for case in some:
                if case not in kept:
                    kept[case] = _asked(case, own, engine)
                    _keep(out, engine.identity, kept[case])
                found.append(kept[case])
                tell(f"{len(found)}/{len(wanted)} {_line(kept[case])}")
    return {
        **about,
        "sizes": list(sizes),
        "documents": documents,
        "characters_per_token": CHARACTERS,
        "groups": summary(found),
        "unavailable": {case["way"]: case["unavailable"] for case in found if "unavailable" in case},
    }


def _estimate(wanted: Sequence[Case]) -> str:
    tokens = sum(case.tokens for case in wanted)
    return (
        f"{len(wanted)} times a document, {tokens / 1e6:.2f} million text tokens in all, and "
        f"{len(wanted) * (len(KINDS) + 1)} answers. An engine that keeps nothing from question to question reads "
        f"{tokens * (len(KINDS) + 1) / 1e6:.1f} million."
    )


def _asked(case: Case, settings: Settings, engine: Engine) -> Found:
    """Read the document of the case and ask it."""
    own = replace(settings, documents=replace(settings.documents, as_text=case.way == "text"))
    found: Found = asdict(case)
    made = case.made()
    with tempfile.TemporaryDirectory() as folder, closing(DocumentSession(engine, own)) as session:
        path = Path(folder) / "document.md"
        path.write_text(made.text, encoding="utf-8")
        session.open(path)
        reading = session.current
        assert reading is not None
        began = time.perf_counter()
        try:
            reading.wait()
        except GlyphError as error:
            if error.code not in ("no_text_way", "context_full"):
                raise
            return {**found, "unavailable": error.message.en}
        found |= {"reading_seconds": round(time.perf_counter() - began, 3), "pages": len(reading.pages)}
        found["compression"] = reading.compression
        found["answers"] = [_answer(reading, one, AskOptions.of(own.inference)) for one in made.questions]
    return found


def _answer(reading: Reading, asked: Asked, options: AskOptions) -> Found:
    history = []
    if asked.before:
        history.append(Turn(asked.before, _said(reading, asked.before, (), options)[0]))
    began = time.perf_counter()
    text, finished = _said(reading, asked.question, history, options)
    refused = finished is not None and finished.reason == "not_found"
    verdict = grade(asked, text, refused, lambda: _invents(reading, text))
    return {
        "kind": asked.kind,
        "verdict": verdict,
        "seconds": round(time.perf_counter() - began, 3),
        "input": finished.usage.input if finished else 0,
        "output": finished.usage.output if finished else 0,
        "characters": len(text),
        # What was said, where it may be asked why.
        **({} if verdict == "right" else {"question": asked.question, "wanted": asked.answers, "said": text[:500]}),
    }


def _said(reading: Reading, question: str, history: Sequence[Turn], options: AskOptions) -> tuple[str, Finished | None]:
    text, finished = "", None
    for event in reading.ask(question, history, options):
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Finished):
            finished = event
    return text, finished


def _invents(reading: Reading, text: str) -> bool:
    return any(claim.place is None for claim in reading.checked(text))


def _line(found: Found) -> str:
    place = f"{found['tokens'] // 1000}k {found['language']} {found['way']}, document {found['seed'] + 1}"
    if "unavailable" in found:
        return f"{place}: not here: {found['unavailable']}"
    right = sum(answer["verdict"] == "right" for answer in found["answers"])
    return f"{place}: {right} of {len(found['answers'])} right, read in {found['reading_seconds']:.1f} s"


def _kept(out: Path | None, identity: str) -> dict[Case, Found]:
    """The results in the file that are of this engine, by their case."""
    if out is None or not out.exists():
        return {}
    kept = {}
    try:
        for line in out.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            if found.pop("format") == FORMAT and found.pop("engine") == identity:
                case = Case(*(found[name] for name in ("way", "tokens", "language", "seed")))
                kept[case] = found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            "out_unusable",
            "--out names a file that holds something else. Name a new one, or one that this benchmark wrote.",
            "--out 指定的文件不是本测试写入的结果。请换一个新文件，或指定本测试写过的文件。",
        ) from error
    return kept


def _keep(out: Path | None, identity: str, found: Found) -> None:
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"format": FORMAT, "engine": identity, **found}, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
