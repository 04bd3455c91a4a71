"""People at windows: they upload, ask, stop, change their minds, close tabs, reload and come back, at random."""

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions, Engine, Turn
from glyph_demo.engines.events import Token
from glyph_demo.errors import GlyphError
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.window import Window

# What may go wrong while somebody else's tab takes a window's place, or a document is closed under an answer.
EXPECTED = {"document_closed", "no_document", "busy"}


@dataclass(frozen=True)
class Record:
    """One answer: what it was asked of, and what came; `whole` unless it was stopped."""

    path: Path
    history: tuple[tuple[str, str], ...]
    question: str
    answer: str
    whole: bool


@dataclass
class Person:
    """Uses up to two tabs at a time. `documents` are the files that are uploaded one after another."""

    windows: Windows
    documents: list[Path]
    questions: int
    seed: int
    records: list[Record] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._tabs = [self._new_tab(), self._new_tab()]
        self._files: dict[tuple[int, str], Path] = {}  # by window and document id
        self._seen: list[Window] = []  # kept, so that no id() is used twice
        self._waiting = list(self.documents)

    def live(self) -> None:
        """Until all documents were opened and all questions asked."""
        while self.asked < self.questions or self._waiting:
            self._step()

    def _step(self) -> None:
        try:
            self._act(self.windows.get(self._chance.choice(self._tabs)))
        except GlyphError as error:
            if error.code not in EXPECTED:
                self.errors.append(str(error))
        except Exception as error:
            self.errors.append(repr(error))

    def _act(self, window: Window) -> None:
        share = len(self.documents) / (len(self.documents) + self.questions)
        chance = self._chance.random()
        if self._waiting and (chance < share or self.asked >= self.questions):
            self._open(window, self._waiting.pop())
        elif window.reading is None:
            self._open(window, self._chance.choice(self.documents))
        elif chance < 0.80:
            self._ask(window)
        elif chance < 0.86:
            window.undo()
        elif chance < 0.91 and (documents := list(window.session.documents)):
            window.stop()
            window.session.select(self._chance.choice(documents))
        elif chance < 0.94 and (current := window.session.current_id):
            window.forget(current)
        elif chance < 0.97:
            window.clear()
        elif chance < 0.985:  # the tab is closed; its id comes back when the browser connects again
            self.windows.close(self._chance.choice(self._tabs))
        else:  # a reload: the page has a new id and the old one is closed later, by the server
            self._tabs[self._chance.randrange(2)] = self._new_tab()

    def _open(self, window: Window, path: Path) -> None:
        self._seen.append(window)
        identifier = window.session.open(path)
        self._files[id(window), identifier] = path
        if self._chance.random() < 0.2:  # changes its mind while the document is being read
            window.forget(identifier)

    def _ask(self, window: Window) -> None:
        reading, identifier = window.reading, window.session.current_id
        if reading is None or identifier is None:
            return
        self.asked += 1
        question = f"question {self._chance.randrange(10**6)}"
        turns = len(window.transcript)
        at = self._chance.randrange(turns) if turns and self._chance.random() < 0.2 else None
        stop_after = self._chance.randrange(1, 12) if self._chance.random() < 0.25 else None
        timer = threading.Timer(0.001 * self._chance.random(), window.stop) if stop_after == 1 else None
        exchange = None
        answer = window.ask(question, at)
        if timer:
            timer.start()
        try:
            for number, grown in enumerate(answer):
                exchange = grown
                if number == stop_after:
                    break
        finally:
            answer.close()
            if timer:
                timer.join()
        turns = reading.transcript.turns()
        if exchange is not None and exchange.answer and turns and turns[-1].question == question:
            history = tuple((turn.question, turn.answer) for turn in turns[:-1])
            path = self._files[id(window), identifier]
            self.records.append(Record(path, history, question, exchange.answer, exchange.finished is not None))

    def _new_tab(self) -> str:
        return f"{self._chance.getrandbits(64):x}"


def crowd(windows: Windows, documents: list[Path], questions: int, people: int, seed: int) -> list[Person]:
    """So many people at once, sharing the documents and questions."""
    made = [Person(windows, documents[number::people], questions // people, seed + number) for number in range(people)]
    threads = [threading.Thread(target=person.live, name=f"person {person.seed}") for person in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def twins(records: list[Record], engine: Engine, settings: Settings, options: AskOptions | None = None) -> list[str]:
    """What differs when every answer is computed anew: each document read again, nothing from any cache."""
    different = []
    for path in sorted({record.path for record in records}):
        session = DocumentSession(engine, settings, FeatureStore(None, 0, 0))
        session.open(path)
        session.current.wait()
        for record in (r for r in records if r.path == path):
            history = [Turn(*turn) for turn in record.history]
            answer = session.current.ask(record.question, history, options or session.options())
            again = "".join(e.text for e in answer if isinstance(e, Token))
            if not (again == record.answer if record.whole else again.startswith(record.answer)):
                different.append(f"{path.name} {record.question}: {record.answer!r} and {again!r}")
        session.close()
    return different
