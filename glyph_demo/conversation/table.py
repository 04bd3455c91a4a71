"""The same questions to many documents: a table of answers, which can be saved and continued."""

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from glyph_demo.conversation.row import QuotedLine, Row
from glyph_demo.conversation.session import DocumentSession, open_store, with_pages
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import Engine, Turn
from glyph_demo.engines.events import SECOND_DIGITS, Progress
from glyph_demo.errors import GlyphError, Language, Message, SettingsError, shown
from glyph_demo.scratch import write_whole
from glyph_demo.settings import Documents, Settings
from glyph_demo.store import FeatureStore

READ_BYTES = 1 << 20
NOTHING: Mapping[str, Any] = MappingProxyType({})
BEAT = 0.2  # seconds between two reports of progress
# Where a spreadsheet would compute a formula instead of showing the text (OWASP, "CSV Injection"). A formula starts
# with one of these characters (the full-width ones in Chinese spreadsheets) at the start of a cell, perhaps after white
# space. In some locales a cell also starts after every semicolon, even inside quotes, in others after a tab or line
# end.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])|^(?=\s)")


@dataclass(frozen=True, slots=True)
class Working:
    """The progress of each file that is being read or asked, by name. Comes every BEAT seconds even if nothing has
    changed, so that the consumer can close the iterator."""

    files: Mapping[str, Progress]


def fill_table(
    engine: Engine,
    settings: Settings,
    files: Mapping[str, Path],
    questions: Sequence[str],
    known: Sequence[Row] = (),
    language: Language = "en",
    store: FeatureStore | None = None,
    history: Mapping[str, Sequence[Turn]] = NOTHING,
    pages: Mapping[str, str] = NOTHING,
) -> Generator[Row | Progress | Working, None, None]:
    """Ask every question of every file; `files` maps the names that the table shows to paths. Yields a Row for each
    as soon as it is there, Progress of the stage "answer" that counts rows, and Working. An
    engine with `parallel_documents` works on `inference.max_batch_size` files at a time and batches their decode steps.
    Rows of `known` without an error are taken over instead of asking again. `history` has the turns before the
    questions, by file, and `pages` the pages to read of those that are not read as the settings say.
    A file that cannot be read, or a question that fails, gives rows with `error`; the others go on. Closing the
    iterator stops everything."""
    answered = {row.key: row for row in known if not row.error}
    work = _Work(engine, settings, store or open_store(settings), answered, language, history, pages)
    total = len(files) * len(questions)
    reported = 0
    yield Progress("answer", 0, total)
    with ThreadPoolExecutor(
        max(1, settings.inference.max_batch_size if engine.kind.parallel_documents else 1)
    ) as threads:
        try:
            waiting = {name: threads.submit(work.ask_file, name, path, questions) for name, path in files.items()}
            while waiting:
                done = wait(waiting.values(), BEAT, FIRST_COMPLETED).done
                for name, document in list(waiting.items()):
                    if document in done:
                        waiting.pop(name).result()  # or what went wrong
                    yield from work.new_rows(name)
                if work.done != reported:
                    reported = work.done
                    yield Progress("answer", reported, total)
                yield Working(dict(work.progress))
        finally:
            work.stopped.set()
            threads.shutdown(cancel_futures=True)


@dataclass
class _Work:
    """State that the threads share."""

    engine: Engine
    settings: Settings
    store: FeatureStore
    answered: Mapping[tuple[str, str, str, str], Row]
    language: Language
    history: Mapping[str, Sequence[Turn]]
    pages: Mapping[str, str]
    done: int = 0
    rows: dict[str, list[Row]] = field(default_factory=dict)  # those not yet yielded, by file name
    progress: dict[str, Progress] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)

    def new_rows(self, name: str) -> list[Row]:
        """The rows of a file since the last call."""
        with self.counting:
            return self.rows.pop(name, [])

    def ask_file(self, name: str, path: Path, questions: Sequence[str]) -> None:
        """Add the rows of one file, until `stopped` is set."""
        settings = with_pages(self.settings, self.pages[name]) if name in self.pages else self.settings
        wanted = _wanted(self.engine, settings, name, path, questions)
        session: DocumentSession | None = None
        try:
            for row in wanted:
                if self.stopped.is_set():
                    break
                if (known := self.answered.get(row.key)) is not None:
                    answered = replace(known, file=name)
                else:
                    if session is None:
                        session = DocumentSession(self.engine, settings, self.store)
                        session.open(path, Path(name).name)
                    answered = self._answer(session, row)
                with self.counting:
                    self.rows.setdefault(name, []).append(answered)
                    self.done += 1
        finally:
            self.progress.pop(name, None)
            if session is not None:
                session.close()

    def _answer(self, session: DocumentSession, row: Row) -> Row:
        exchange, error = Exchange(row.question), ""
        try:
            # Aside: an answer must not depend on the order of the questions.
            with contextlib.closing(session.ask_aside(row.question, history=self.history.get(row.file, ()))) as events:
                for event in events:
                    exchange.take(event)
                    if exchange.progress is not None:
                        self.progress[row.file] = exchange.progress
                    if self.stopped.is_set():
                        break
        except GlyphError as problem:
            error = problem.text(self.language)
        warnings: Sequence[Message] = ()
        if session.current is not None:
            warnings = session.current.warnings
            exchange.check_off(session.current.checked(exchange.answer))
        return answered(replace(row, error=error), exchange, warnings, self.language)


def answered(row: Row, exchange: Exchange, warnings: Sequence[Message], language: Language) -> Row:
    """The row with the answer of `exchange`; `warnings` say what of the document was not read."""
    quotes = tuple(map(QuotedLine.of, exchange.regions))
    notices = tuple(notice.text(language) for notice in dict.fromkeys([*warnings, *exchange.notices]))
    row = replace(row, answer=exchange.answer, quotes=quotes, notices=notices, claims=exchange.claims)
    if (finished := exchange.finished) is None:
        return row
    return replace(row, reason=finished.reason, seconds=round(finished.timings.total, SECOND_DIGITS))


def reading_settings(documents: Documents) -> str:
    """The settings that decide what is read of a file, those that are not the default; an answer is known again only
    under the same ones."""
    default = Documents()
    chosen = {name: getattr(documents, name) for name in ("encoding", "page_images", "pages")}
    return " ".join(f"{name}={value}" for name, value in chosen.items() if value != getattr(default, name))


def digest_of(path: Path) -> str:
    """SHA-256 of a file, that of nothing if it cannot be read: who opens it reports the error."""
    digest = hashlib.sha256()
    with contextlib.suppress(OSError), path.open("rb") as content:
        while block := content.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _wanted(engine: Engine, settings: Settings, name: str, path: Path, questions: Sequence[str]) -> list[Row]:
    digest = digest_of(path)
    read = reading_settings(settings.documents)
    return [Row(name, digest, engine.identity, question, settings=read) for question in questions]


def to_json(rows: Sequence[Row], claims: bool = False) -> str:
    return json.dumps({"rows": [row.as_json(claims) for row in rows]}, ensure_ascii=False, indent=1)


def save(rows: Sequence[Row], path: Path, claims: bool = False) -> None:
    """Write rows as JSON, with their `claims` or without, to a temporary file that then replaces `path`, so that an
    interruption loses nothing. Raises SettingsError `cannot_write`."""
    _write(path, to_json(rows, claims))


def load(path: Path) -> list[Row]:
    """Rows that `save` wrote; none if there is no file. Raises SettingsError `not_a_table` for any other file."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [Row.kept(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            "not_a_table",
            f"{shown(path)} is no table of answers. Choose another --out, or remove the file.",
            f"{shown(path)} 不是回答表格。请换一个 --out，或删除该文件。",
        ) from None


def to_csv(rows: Sequence[Row]) -> str:
    """The columns of rows that a person reads (`to_json` has all), as CSV for a spreadsheet, with a byte order mark, by
    which spreadsheets recognise UTF-8. Text that a spreadsheet would take for a formula gets an apostrophe: documents
    are not trusted."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(["file", "question", "answer", "pages", "quote", "note"])
    for row in rows:
        pages = ", ".join(map(str, sorted({quote.page_number for quote in row.quotes})))
        quote, note = " | ".join(quote.text for quote in row.quotes), " ".join(filter(None, (row.error, *row.notices)))
        writer.writerow(map(_harmless, (row.file, row.question, row.answer, pages, quote, note)))
    return out.getvalue()


def save_csv(rows: Sequence[Row], path: Path) -> None:
    """Write `to_csv`. Raises SettingsError `cannot_write`."""
    _write(path, to_csv(rows))


def _harmless(cell: str) -> str:
    return FORMULA.sub(r"\1'", cell)


def _write(path: Path, content: str) -> None:
    try:
        write_whole(path, content.encode("utf-8", "replace"))  # a file's name may not be valid Unicode
    except OSError as error:
        raise SettingsError(
            "cannot_write",
            f"{shown(path)} cannot be written ({error.strerror}). Choose another place.",
            f"无法写入 {shown(path)}（{error.strerror}）。请换一个位置。",
        ) from None
