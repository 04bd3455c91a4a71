"""The same questions to many documents: a table of answers that can be left and taken up again."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from glyph_demo.engines.base import Engine, Evidence, Finished, Progress, Region, Token
from glyph_demo.errors import GlyphError, Language, SettingsError
from glyph_demo.session import DocumentSession
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore

READ_BYTES = 1 << 20
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # beginnings that a spreadsheet would compute instead of show


@dataclass(frozen=True, slots=True)
class Quote:
    page: int
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One question to one document. `digest` is the SHA-256 of the file; with `engine` and `question` it is what an
    answer is recognised by. `error` says what went wrong, and is empty where nothing did."""

    file: str
    digest: str
    engine: str
    question: str
    answer: str = ""
    quotes: tuple[Quote, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    error: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.digest, self.engine, self.question


def ask_many(
    engine: Engine,
    settings: Settings,
    files: Mapping[str, Path],
    questions: Sequence[str],
    known: Sequence[Row] = (),
    language: Language = "en",
    store: FeatureStore | None = None,
) -> Iterator[Row | Progress]:
    """Every question to every file, files by the name that the table shows: a Row for each, and Progress of the stage
    "answer" with the rows done. A document is read while the one before it is asked. Rows of `known` that carry an
    answer stand in for asking again. A file that cannot be read, or a question that fails, gives rows with `error`, and
    the others go on."""
    answered = {row.key: row for row in known if not row.error}
    paths = list(files.values())
    wanted = [_wanted(engine, name, path, questions) for name, path in files.items()]
    total = len(files) * len(questions)
    done = 0
    session = DocumentSession(engine, settings, store)
    try:
        missing = [i for i, rows in enumerate(wanted) if any(row.key not in answered for row in rows)]
        ahead = 1 if settings.store.open_documents > 1 else 0
        opened: dict[int, str] = {}
        for i, rows in enumerate(wanted):
            if i in missing:
                at = missing.index(i)
                for j in missing[at : at + 1 + ahead]:
                    opened[j] = opened.get(j) or session.open(paths[j])
                session.select(opened[i])
            for row in rows:
                yield Progress("answer", done, total)
                yield answered.get(row.key) or _ask(session, row, language)
                done += 1
            if i in missing:
                session.remove(opened[i])
        yield Progress("answer", done, total)
    finally:
        session.close()


def _wanted(engine: Engine, name: str, path: Path, questions: Sequence[str]) -> list[Row]:
    digest = hashlib.sha256()
    with contextlib.suppress(OSError), path.open("rb") as content:  # what cannot be read says so when it is opened
        while block := content.read(READ_BYTES):
            digest.update(block)
    return [Row(name, digest.hexdigest(), engine.identity, question) for question in questions]


def _ask(session: DocumentSession, row: Row, language: Language) -> Row:
    pieces: list[str] = []
    regions: tuple[Region, ...] = ()
    finished: Finished | None = None
    error = ""
    try:
        for event in session.ask(row.question):
            if isinstance(event, Token):
                pieces.append(event.text)
            elif isinstance(event, Evidence):
                regions = event.regions
            elif isinstance(event, Finished):
                finished = event
        session.undo()  # questions stand for themselves: an answer must not depend on their order
    except GlyphError as problem:
        error = problem.text(language)
    return Row(
        row.file,
        row.digest,
        row.engine,
        row.question,
        "".join(pieces),
        tuple(Quote(region.page, region.line, region.text) for region in regions),
        finished.reason if finished else "",
        round(finished.timings.total, 4) if finished else 0.0,
        error,
    )


def save(rows: Sequence[Row], path: Path) -> None:
    """Write rows as JSON, beside the final name first, so that what was there is never lost halfway. Raises
    SettingsError."""
    _write(path, json.dumps({"rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1))


def load(path: Path) -> list[Row]:
    """Rows that `save` wrote; none where there is no file. Raises SettingsError for a file that is something else."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [Row(**{**row, "quotes": tuple(Quote(**quote) for quote in row["quotes"])}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            "not_a_table",
            f"{path} is no table of answers. Choose another --out, or remove the file.",
            f"{path} 不是回答表格。请换一个 --out，或删除该文件。",
        ) from None


def to_csv(rows: Sequence[Row]) -> str:
    """Rows for a spreadsheet, a line each, with its pages in a column. Text that a spreadsheet would take for a formula
    gets an apostrophe, since it may come from the document."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = [field.name for field in fields(Row)]
    writer.writerow([*names, "pages"])
    for row in rows:
        cells = {**asdict(row), "quotes": " | ".join(quote.text for quote in row.quotes)}
        pages = " ".join(str(page) for page in sorted({quote.page for quote in row.quotes}))
        writer.writerow([*(_harmless(str(cells[name])) for name in names), pages])
    return out.getvalue()


def save_csv(rows: Sequence[Row], path: Path) -> None:
    """Write `to_csv` with the mark by which spreadsheets know UTF-8. Raises SettingsError."""
    _write(path, "\ufeff" + to_csv(rows))


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(FORMULA) else cell


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError as error:
        raise SettingsError(
            "cannot_write",
            f"{path} cannot be written ({error.strerror}). Choose another place.",
            f"无法写入 {path}({error.strerror})。请换一个位置。",
        ) from None
