"""Questions to many documents: a window's documents, their answers so far, and the thread that asks. Everything is
saved in the window's folder, so that a reload or a restart finds it, and a second run asks only what is missing."""

from __future__ import annotations

import contextlib
import filecmp
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from glyph_demo.conversation.errors import as_user_error, no_question
from glyph_demo.conversation.row import Row
from glyph_demo.conversation.table import Working, digest_of, fill_table, load, reading_settings, save
from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Progress
from glyph_demo.errors import GlyphError, Language, SettingsError
from glyph_demo.scratch import kept_copy, write_whole
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from glyph_demo.windows.errors import no_files, table_running, too_many_questions

log = logging.getLogger(__name__)

BEAT = 0.2  # seconds that `changes` waits at most
MOST_QUESTIONS = 20


def lines_of(text: str) -> tuple[str, ...]:
    """Its different lines, those that are not empty."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))


def questions_in(text: str) -> tuple[str, ...]:
    """The questions of a text with one on each line. Raises GlyphError `no_question` or `too_many_questions`."""
    questions = lines_of(text)
    if not questions:
        raise no_question()
    if len(questions) > MOST_QUESTIONS:
        raise too_many_questions(MOST_QUESTIONS)
    return questions


class TableRun:
    """Asks its questions of many documents. Thread-safe. `files` are our copies of the documents, by the name that the
    table shows; `error` is why the last run failed."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Path] = {}
        self.questions: tuple[str, ...] = ()
        self.error: GlyphError | None = None
        self._folder = folder
        self._known: dict[tuple[str, ...], Row] = {}  # every answer to every question, the latest last
        self._asked: tuple[str, ...] = ()  # names of the files that are being asked
        self._by = ("", "")  # identity of the engine that is asked, and the settings that it reads with
        self._progress: dict[str, Progress] = {}
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._keeping = threading.Lock()  # held while files come and go, and are listed
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._version = 0
        self._restore()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the files that are being asked; empty when nothing runs."""
        return self._asked if self.running else ()

    @property
    def progress(self) -> dict[str, Progress]:
        """The progress of the files that are being read or asked, by name."""
        return self._progress if self.running else {}

    def rows(self) -> dict[tuple[str, str], Row]:
        """The latest answers by file name and question, in the order of the files and the questions. Those that are
        being asked for again are left out."""
        with self._changed:
            known = {(row.file, row.question): row for row in self._known.values()}
            asked = self.asked
        shown = [(name, question) for name in self.files for question in self.questions if (name, question) in known]
        again = {at for at in shown if at[0] in asked and (known[at].error or known[at].by != self._by)}
        return {at: known[at] for at in shown if at not in again}

    def answers(self, name: str = "") -> int:
        """How many answers are kept about a document, to whatever questions; by default about all."""
        return sum(not row.error and name in ("", row.file) for row in list(self._known.values()))

    def add(self, files: Sequence[tuple[str, Path]]) -> None:
        """Add documents, each (name, path). One with the same name and content as another is left out."""
        for name, path in files:
            with self._keeping:  # one by one: an answer that is there is kept in between
                stem, suffix, number, known = Path(name).stem, Path(name).suffix, 1, False
                while (there := self.files.get(name)) is not None and not known:
                    known = filecmp.cmp(there, path, shallow=False)
                    number += 1
                    name = name if known else f"{stem} ({number}){suffix}"
                if not known:
                    # Never changed in place: the table may be shown at this moment.
                    self.files = {**self.files, name: kept_copy(path, self._folder)}
        self._keep()

    def take_over(self, rows: Sequence[Row]) -> None:
        """Show answers about these documents that were given elsewhere, and what was asked, behind what was asked here.
        Raises GlyphError `busy` while a run goes on."""
        if self.running:
            raise table_running()
        names = {digest_of(path): name for name, path in self.files.items()}
        known = [replace(row, file=names[row.digest]) for row in rows if row.digest in names]
        asked = dict.fromkeys([*self.questions, *(row.question for row in known)])
        self.questions = tuple(asked)[-MOST_QUESTIONS:]
        for row in known:
            self._put(row)
        self._keep()

    def remove(self, name: str) -> None:
        """Remove a document and the answers about it."""
        with self._keeping:
            files = dict(self.files)
            path = files.pop(name, None)
            self.files = files
        if path is not None and self._folder in path.parents:
            path.unlink(missing_ok=True)
        with self._changed:
            self._known = {key: row for key, row in self._known.items() if row.file != name}
        self._keep()

    def clear(self) -> None:
        """`close`, and remove all documents and answers."""
        self.close()
        for name in list(self.files):
            self.remove(name)

    def forget(self) -> None:
        """`close`, and forget all answers, so that the next run asks every document."""
        self.close()
        with self._changed:
            self._known.clear()
        self._keep()

    def start(self, engine: Engine, settings: Settings, store: FeatureStore, text: str, language: Language) -> None:
        """Ask all documents what stands in `text`, see `questions_in`, on a new thread, once a run that was stopped, or
        asks something else, has let go. Raises GlyphError `busy`, `no_files` and what `questions_in` does."""
        with self._starting:
            self._start(engine, settings, store, text, language)

    def _start(self, engine: Engine, settings: Settings, store: FeatureStore, text: str, language: Language) -> None:
        if not self.files:
            raise no_files()
        questions = questions_in(text)
        if self.running and questions == self.questions and not self._stopped.is_set():
            raise table_running()
        self.questions, self.error = questions, None
        self._asked = ()
        self.close()
        files = dict(self.files)
        self._asked, self._by, self._progress = tuple(files), ("", ""), {}
        self._stopped.clear()
        self._keep()
        for path in files.values():
            with contextlib.suppress(OSError):
                os.utime(path)  # in use, and so kept for another day
        asking = (engine, settings, questions, files, store, language)
        self._thread = threading.Thread(target=self._ask, args=asking, name="table-run", daemon=True)
        self._thread.start()
        self._tell()

    def stop(self) -> None:
        """Have the run end. The answers so far stay."""
        self._stopped.set()

    def close(self) -> None:
        """`stop`, and return once the run has let go of the engine."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def changes(self) -> Iterator[None]:
        """Yield now and after each change, at least every BEAT seconds, until nothing runs."""
        while True:
            version, runs = self._version, self.running
            yield
            if not runs:
                return
            with self._changed:
                if self._version == version:
                    self._changed.wait(BEAT)

    def _ask(
        self,
        engine: Engine,
        settings: Settings,
        questions: tuple[str, ...],
        files: dict[str, Path],
        store: FeatureStore,
        language: Language,
    ) -> None:
        try:
            self._by = engine.identity, reading_settings(settings.documents)
            known = list(self._known.values())
            asking = fill_table(engine, settings, files, questions, known, language, store)
            with contextlib.closing(asking) as events:
                for event in events:
                    if self._stopped.is_set():
                        break
                    if isinstance(event, Row):
                        self._take(event)
                    elif isinstance(event, Working):
                        self._progress = dict(event.files)
                    self._tell()
        except Exception as error:
            self.error = as_user_error(error)
        finally:
            self._asked = ()
            self._tell()

    def _take(self, row: Row) -> None:
        self._put(row)
        self._keep()

    def _put(self, row: Row) -> None:
        with self._changed:
            name = (row.file, *row.key)
            self._known.pop(name, None)
            self._known[name] = row

    def _tell(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _keep(self) -> None:
        with self._keeping:
            named = {name: path.name for name, path in self.files.items() if self._folder in path.parents}
            listed = json.dumps({"questions": self.questions, "files": named}, ensure_ascii=False)
            try:
                write_whole(self._folder / "files.json", listed.encode())
                save(list(self._known.values()), self._folder / "answers.json", claims=True)
            except (OSError, SettingsError):
                log.warning("answers are not kept for later: the cache folder cannot be written")

    def _restore(self) -> None:
        try:
            kept = json.loads((self._folder / "files.json").read_bytes())
            files = {str(name): self._folder / Path(file).name for name, file in kept["files"].items()}
            rows = load(self._folder / "answers.json")
            self.questions = tuple(map(str, kept["questions"]))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, SettingsError):
            return  # nothing was saved, or nothing that this version can read
        self.files = {name: path for name, path in files.items() if path.is_file()}
        self._known = {(row.file, *row.key): row for row in rows}
