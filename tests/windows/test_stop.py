"""Stop, pressed at any moment of a question: at most one more step is taken, and the next question is answered."""

import random
import threading
from dataclasses import replace

import pytest

from glyph_demo.decoding.draft import Drafter
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.settings import load_settings
from glyph_demo.windows.collection import Windows
from tests.engines.local import script
from tests.fakes import FakeEngine

PAGES = 4
WORDS = [
    f"{word}{number} " for number, word in enumerate(random.Random(7).choices(["reed", "pond", "lark", "mill"], k=99))
]


@pytest.fixture(autouse=True)
def nothing_is_drafted(monkeypatch):
    """A scripted model says one token a forward."""
    monkeypatch.setattr(Drafter, "draft", lambda self, most: [])


@pytest.fixture
def window(local_settings, tmp_path):
    (tmp_path / "a.txt").write_text("A line of the document.\n" * 70 * PAGES)
    windows = Windows(LocalEngine(local_settings, kv_bytes=1 << 26), local_settings)
    made = windows.get("tab")
    made.session.open(tmp_path / "a.txt")
    made.reading.wait()
    assert len(made.reading.pages) >= PAGES
    yield made
    windows.close_all()
    windows.switch.engine.close()


def press_in(window, engine, kind, number):
    """Have Stop be pressed within call `number` of the decoder's method `kind`. The calls, and where it was pressed."""
    calls, at = [], []

    def watched(name):
        method = getattr(engine.decoder, name)

        def called(*given, **named):
            calls.append(name)
            if name == kind and calls.count(name) == number:
                threading.Thread(target=window.stop).start()
                assert window._stopping.wait(60)
                at.append(len(calls))
            return method(*given, **named)

        setattr(engine.decoder, name, called)

    watched("extend")
    watched("step")
    return calls, at


@pytest.mark.parametrize(
    ("moment", "number", "question", "said"),
    [
        ("prefill", 3, "What does the mill do?", "<answer>" + "".join(WORDS)),
        ("question", 3, "".join(WORDS) * 2, "<answer>" + "".join(WORDS)),
        ("thinking", 30, "What does the mill do?", "<think>" + "".join(WORDS)),
        ("answering", 30, "What does the mill do?", "<answer>" + "".join(WORDS)),
    ],
)
def test_a_stop_while_the_engine_computes_costs_at_most_one_more_step(window, moment, number, question, said):
    engine = window.session.engine
    engine.decoder.chunk = 100  # a page and the long question take several
    inference = replace(window.session.settings.inference, reuse_cache=moment != "prefill")
    window.session.configure(replace(window.session.settings, inference=inference))
    script(engine, said, "<|user|>")
    calls, at = press_in(window, engine, "step" if number == 30 else "extend", number)
    seen = list(window.ask(question))
    (pressed,) = at
    assert len(calls) - pressed <= 1
    assert bool(seen[-1].thinking) is (moment == "thinking")
    assert bool(seen[-1].answer) is (moment == "answering")
    del engine.decoder.extend, engine.decoder.step
    script(engine, "<answer>The wheel.</answer>")
    assert list(window.ask("And now?"))[-1].answer == "The wheel."


def test_a_document_that_nobody_wants_any_more_is_left_within_a_step(window, tmp_path):
    engine, begun, go_on = window.session.engine, threading.Event(), threading.Event()
    engine.decoder.chunk = 100
    extend, forwards = engine.decoder.extend, []

    def held(*given):
        forwards.append(len(given[1]))
        begun.set()
        assert go_on.wait(60)
        return extend(*given)

    engine.decoder.extend = held
    (tmp_path / "b.txt").write_text("Another line of a document.\n" * 70 * PAGES)
    window.session.open(tmp_path / "b.txt")
    assert begun.wait(60)
    resting = threading.Thread(target=window.rest)
    resting.start()
    while not window.reading._cancelled:
        pass
    go_on.set()
    resting.join(60)
    assert (len(forwards), window.reading.state, engine.nbytes) == (1, "closed", 0)


def test_a_stop_while_pages_are_read_ends_the_question_before_the_page_is_done(tmp_path):
    class Held(FakeEngine):
        gate = threading.Event()

        def encode(self, page):
            self.encoding.set()
            assert self.gate.wait(60)
            return super().encode(page)

    engine = Held()
    windows = Windows(engine, load_settings(flags={"cache_dir": str(tmp_path / "cache")}))
    window = windows.get("tab")
    (tmp_path / "a.txt").write_text("A line of the document.\n" * 200)
    window.session.open(tmp_path / "a.txt")
    assert engine.encoding.wait(60)
    asking = threading.Thread(target=lambda: list(window.ask("one?")))
    asking.start()
    while not window.transcript:
        pass
    window.stop()
    asking.join(60)
    assert not asking.is_alive()
    assert (window.transcript, engine.encoded, engine.steps) == ([], [], 0)
    engine.gate.set()
    window.reading.wait()
    assert list(window.ask("two?"))[-1].finished
    windows.close_all()
