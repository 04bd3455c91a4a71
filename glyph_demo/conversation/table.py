"""The same questions to many documents: a table of answers that can be left and taken up again."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from glyph_demo.conversation.session import DocumentSession, open_store
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Progress
from glyph_demo.errors import GlyphError, Language, SettingsError, shown
from glyph_demo.scratch import write_whole
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore

READ_BYTES = 1 << 20
DIGITS = 4  # of seconds: a tenth of a millisecond
BEAT = 0.2  # seconds between two looks at how far the work is
# Beginnings that a spreadsheet would compute instead of show (OWASP, CSV injection); in a Chinese one the wide ones.
# A formula begins with one of these where a cell begins, which may be behind white space; for spreadsheets of some
# countries that is behind every semicolon, whatever quotes are around it, and for others behind a tab or a line's end.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])|^(?=\s)")


@dataclass(frozen=True, slots=True)
class QuotedLine:
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
    quotes: tuple[QuotedLine, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    error: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.digest, self.engine, self.question


@dataclass(frozen=True, slots=True)
class Working:
    """How far the files are that are being read or answered, by name. Comes every BEAT seconds, also where nothing has
    changed, so that the iterator can be closed meanwhile."""

    files: Mapping[str, Progress]


def fill_table(
    engine: Engine,
    settings: Settings,
    files: Mapping[str, Path],
    questions: Sequence[str],
    known: Sequence[Row] = (),
    language: Language = "en",
    store: FeatureStore | None = None,
) -> Generator[Row | Progress | Working, None, None]:
    """Every question to every file, files by the name that the table shows: a Row for each, those of a file together as
    soon as it is done, and Progress of the stage "answer" with the rows done. An engine that can works on
    `inference.max_batch_size` documents at a time, whose answers share its steps. Rows of `known` that carry an answer
    stand in for asking again. A PDF without text is read as page images. A file that cannot be read, or a question that
    fails, gives rows with `error`, and the others go on. Closing the iterator stops all."""
    answered = {row.key: row for row in known if not row.error}
    work = _Work(engine, settings, store or open_store(settings), answered, language)
    total = len(files) * len(questions)
    told = 0
    yield Progress("answer", 0, total)
    with ThreadPoolExecutor(
        max(1, settings.inference.max_batch_size if engine.kind.parallel_documents else 1)
    ) as threads:
        try:
            waiting = [threads.submit(work.ask_file, name, path, questions) for name, path in files.items()]
            while waiting:
                done = wait(waiting, BEAT, FIRST_COMPLETED).done
                for document in [each for each in waiting if each in done]:
                    waiting.remove(document)
                    yield from document.result()
                if work.done != told:
                    told = work.done
                    yield Progress("answer", told, total)
                yield Working(dict(work.progress))
        finally:
            work.stopped.set()
            threads.shutdown(cancel_futures=True)


@dataclass
class _Work:
    """What the threads share."""

    engine: Engine
    settings: Settings
    store: FeatureStore
    answered: Mapping[tuple[str, str, str], Row]
    language: Language
    done: int = 0
    progress: dict[str, Progress] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)

    def ask_file(self, name: str, path: Path, questions: Sequence[str]) -> list[Row]:
        """The rows of one file; those until then once `stopped` is set."""
        wanted = _wanted(self.engine, name, path, questions)
        session: DocumentSession | None = None
        rows: list[Row] = []
        try:
            for row in wanted:
                if self.stopped.is_set():
                    break
                if (known := self.answered.get(row.key)) is not None:
                    rows.append(replace(known, file=name))
                else:
                    if session is None:
                        session = DocumentSession(self.engine, self.settings, self.store)
                        session.open(path, Path(name).name)
                    rows.append(self._answer(session, row, path))
                with self.counting:
                    self.done += 1
        finally:
            self.progress.pop(name, None)
            if session is not None:
                session.close()
        return rows

    def _answer(self, session: DocumentSession, row: Row, path: Path) -> Row:
        exchange, error = Exchange(row.question), ""
        try:
            # Aside: questions stand for themselves, and an answer must not depend on their order.
            with contextlib.closing(session.ask_aside(row.question)) as events:
                for event in events:
                    exchange.take(event)
                    if exchange.progress is not None:
                        self.progress[row.file] = exchange.progress
                    if self.stopped.is_set():
                        break
        except GlyphError as problem:
            if problem.code == "no_text_layer":
                session.open(path, Path(row.file).name, page_images=True)
                return self._answer(session, row, path)
            error = problem.text(self.language)
        quotes = tuple(QuotedLine(region.page, region.line, region.text) for region in exchange.regions)
        answered = replace(row, answer=exchange.answer, quotes=quotes, error=error)
        if (finished := exchange.finished) is None:
            return answered
        return replace(answered, reason=finished.reason, seconds=round(finished.timings.total, DIGITS))


def _wanted(engine: Engine, name: str, path: Path, questions: Sequence[str]) -> list[Row]:
    digest = hashlib.sha256()
    with contextlib.suppress(OSError), path.open("rb") as content:  # what cannot be read says so when it is opened
        while block := content.read(READ_BYTES):
            digest.update(block)
    return [Row(name, digest.hexdigest(), engine.identity, question) for question in questions]


def to_json(rows: Sequence[Row]) -> str:
    return json.dumps({"rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1)


def save(rows: Sequence[Row], path: Path) -> None:
    """Write rows as JSON, beside the final name first, so that what was there is never lost halfway. Raises
    SettingsError."""
    _write(path, to_json(rows))


def load(path: Path) -> list[Row]:
    """Rows that `save` wrote; none where there is no file. Raises SettingsError for a file that is something else."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [Row(**{**row, "quotes": tuple(QuotedLine(**quote) for quote in row["quotes"])}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            "not_a_table",
            f"{shown(path)} is no table of answers. Choose another --out, or remove the file.",
            f"{shown(path)} 不是回答表格。请换一个 --out，或删除该文件。",
        ) from None


def to_csv(rows: Sequence[Row]) -> str:
    """Rows for a spreadsheet, a line each, with its pages in a column, after the mark by which spreadsheets know UTF-8.
    Text that a spreadsheet would take for a formula gets an apostrophe, since it may come from the document."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    names = [column.name for column in fields(Row)]
    writer.writerow([*names, "pages"])
    for row in rows:
        cells = {**asdict(row), "quotes": " | ".join(quote.text for quote in row.quotes)}
        pages = " ".join(str(page) for page in sorted({quote.page for quote in row.quotes}))
        writer.writerow([*(_harmless(str(cells[name])) for name in names), pages])
    return out.getvalue()


def save_csv(rows: Sequence[Row], path: Path) -> None:
    """Write `to_csv`. Raises SettingsError."""
    _write(path, to_csv(rows))


def _harmless(cell: str) -> str:
    return FORMULA.sub(r"\1'", cell)


def _write(path: Path, content: str) -> None:
    try:
        write_whole(path, content.encode("utf-8", "replace"))  # a file's name may be no text
    except OSError as error:
        raise SettingsError(
            "cannot_write",
            f"{shown(path)} cannot be written ({error.strerror}). Choose another place.",
            f"无法写入 {shown(path)}({error.strerror})。请换一个位置。",
        ) from None
