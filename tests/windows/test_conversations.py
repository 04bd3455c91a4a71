"""A conversation is what was asked and answered, whatever happened meanwhile: window, reading, engine and disk agree on
it after each of many random acts, and nothing is lost but what was replaced."""

import random

import pytest

from glyph_demo.engines.events import Token
from glyph_demo.errors import EngineError, GlyphError
from glyph_demo.settings import load_settings
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.history import History
from tests.fakes import FakeEngine, FakeHandle

ACTS = ("ask", "ask", "ask", "stop", "edit", "edit", "retry", "undo", "reload", "restart", "clear")
QUESTIONS = ("what is it?", "and why?", "<b>where</b>, and when?", "  spaced  ", "", "   ", "fail", "crash", "half")


class Forgetful(FakeEngine):
    """Its documents know no turns but those they are told, and some questions break it off in the middle."""

    def __init__(self):
        super().__init__()
        self.told = []

    def open_document(self, features=(), source=None):
        self.open_handles += 1
        return ForgetfulHandle(self, features)


class ForgetfulHandle(FakeHandle):
    def answer(self, question, history, options):
        self.engine.told = [(turn.question, turn.answer) for turn in history]
        for event in super().answer(question, history, options):
            yield event
            if question == "half" and isinstance(event, Token):
                raise EngineError("half", "It broke off. Ask again.", "中断了。请重试。")


class Someone:
    """At a window, with the conversation as they saw it: questions and answers."""

    def __init__(self, path, seed):
        self.random = random.Random(seed)
        self.engine = Forgetful()
        self.windows, self.tab, self.seen = Windows(self.engine, load_settings()), f"tab {seed}", []
        self.window.open(path, "a.txt")
        self.window.reading.wait()

    @property
    def window(self):
        return self.windows.get(self.tab)

    def act(self, act):
        at = self.random.randrange(len(self.seen)) if self.seen else None
        if act in ("ask", "stop"):
            self.ask(self.random.choice(QUESTIONS), None, stop=act == "stop")
        elif act == "edit" and at is not None:
            self.ask(self.random.choice(QUESTIONS), at, stop=self.random.random() < 0.3)
        elif act == "retry" and at is not None:
            self.ask(self.seen[at][0], at, stop=False)
        elif act == "undo":
            assert self.window.undo() == (self.seen.pop()[0] if self.seen else "")
        elif act == "clear" and self.random.random() < 0.2:
            self.window.clear()
            self.seen.clear()
        elif act == "reload":
            self.windows.close(self.tab)
        elif act == "restart":
            self.windows.close_all()
            self.windows = Windows(self.engine, load_settings())

    def ask(self, question, at, stop):
        before = self.seen[:at] if at is not None else list(self.seen)
        steps, answer = self.random.randrange(6) if stop else None, ""
        asking = self.window.ask(question, at)
        try:
            for number, exchange in enumerate(asking):
                answer = exchange.answer
                kept = [*before, (question.strip(), answer)] if answer else self.seen
                assert [question for question, _ in self.on_disk()] == [question for question, _ in kept]
                if number == steps:
                    break
        except GlyphError:
            assert question.strip() in ("", "fail", "crash", "half")
        finally:
            asking.close()
        if answer:
            self.seen = [*before, (question.strip(), answer)]
            assert self.engine.told == before

    def on_disk(self):
        saved = History(self.windows.settings.cache_path / "windows").load(self.tab)
        return [(exchange.question, exchange.answer) for exchange in saved.documents[0].exchanges]

    def agree(self):
        window = [(exchange.question, exchange.answer) for exchange in self.window.transcript]
        reading = [(turn.question, turn.answer) for turn in self.window.reading.transcript.turns()]
        assert window == reading == self.on_disk() == self.seen

    def leave(self):
        self.windows.close_all()
        assert self.engine.open_handles == 0


@pytest.mark.parametrize("seed", range(10))
def test_window_reading_engine_and_disk_agree_after_whatever_is_done(save, seed):
    path = save("a.txt", "A line of the document.\n" * 3)
    for number in range(20):
        someone = Someone(path, 20 * seed + number)
        try:
            for act in someone.random.choices(ACTS, k=12):
                someone.act(act)
                someone.agree()
        finally:
            someone.leave()


@pytest.mark.parametrize("question", ["", "fail", "crash"])
@pytest.mark.parametrize("at", [0, 1])
def test_an_edit_that_brings_no_answer_changes_nothing(save, question, at):
    path = save("a.txt", "A line of the document.\n" * 3)
    someone = Someone(path, 0)
    for asked in ("one", "two", "three"):
        someone.ask(asked, None, stop=False)
    someone.ask(question, at, stop=False)
    someone.agree()
    assert len(someone.seen) == 3
    someone.leave()
