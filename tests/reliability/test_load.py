"""Hours of use in minutes: nothing grows, and every answer is the one that a fresh start gives."""

import gc
import string
import tempfile
import threading
from dataclasses import dataclass, replace

import psutil
import pytest
import torch

from glyph_demo import process
from glyph_demo.decoding.products import use_even_products, use_plain_products
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.settings import Settings, Store
from glyph_demo.windows.collection import MOST_WINDOWS, Windows
from tests.checkpoints import make_checkpoint
from tests.reliability.echo import EchoEngine
from tests.reliability.people import crowd, twins

PEOPLE = 2  # with two tabs each, as many as there are windows
MEGABYTE = 1 << 20
GROWTH = 48 * MEGABYTE  # of resident memory: what allocators keep differs by this from run to run
ARENA = 8 * MEGABYTE  # for keys and values: room for a few of the documents
ROUNDS = 6  # the first half warms up: fonts, allocators and threads' own memory


@dataclass(frozen=True)
class Held:
    """What the process holds when everybody has left."""

    memory: int
    threads: int
    files: int
    temporary: int

    @classmethod
    def now(cls, folder):
        gc.collect()
        process = psutil.Process()
        temporary = sum(1 for _ in folder.rglob("*"))
        return cls(process.memory_info().rss, threading.active_count(), process.num_fds(), temporary)


def write(folder, count):
    """Documents of one to three pages, every tenth a copy of another."""
    paths = []
    for number in range(count):
        text = f"Document {number - number % 10 if number % 10 == 9 else number}. "
        path = folder / f"{number}.txt"
        path.write_text("".join(f"{text}Line {line} of it.\n" for line in range(20 + 40 * (number % 3))))
        paths.append(path)
    return paths


@pytest.fixture(scope="module", autouse=True)
def process_of_the_app():
    """Else each thread has free memory of its own, which grows for as long as threads come and go."""
    process.prepare()


@pytest.mark.parametrize(
    ("documents", "questions"),
    [(30, 300), pytest.param(300, 3000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
)
def test_nothing_grows_and_every_answer_equals_its_twin(documents, questions, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    settings = replace(
        Settings(), cache_dir=str(tmp_path / "cache"), store=Store(memory_mb=1, disk_mb=1, open_documents=3)
    )
    engine = EchoEngine()
    windows = Windows(engine, settings)
    records = use(windows, write(tmp_path, documents), questions, scratch)
    assert engine.open_handles == 0
    assert windows.store.memory_bytes <= MEGABYTE
    assert windows.store.disk_bytes <= MEGABYTE
    assert len(records) > questions / 2
    assert not twins(records, EchoEngine(), settings)


@pytest.mark.long
@pytest.mark.usefixtures("one_thread")
def test_the_memory_for_keys_and_values_is_given_back_and_never_mixed_up(tmp_path, monkeypatch):
    """The same on a small model, whose documents evict each other from the arena."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    model = make_checkpoint(tmp_path / "model")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    settings = replace(Settings(), engine="local", model=str(model), cache_dir=str(tmp_path / "cache"))
    settings = replace(settings, inference=replace(settings.inference, max_new_tokens=8, precision="fp32"))
    engine = LocalEngine(settings, kv_bytes=ARENA)
    say_letters_only(engine)
    windows = Windows(engine, settings)
    records = use(windows, write(tmp_path, 24), 240, scratch)
    assert engine.nbytes == 0
    options = AskOptions(max_new_tokens=8, reuse_kv=False)
    assert not twins(records, engine, settings, options)
    assert engine.nbytes == 0


def say_letters_only(engine):
    """A twin is given the turns before as text, so answers must be text that has one spelling in tokens."""
    said = [*engine.model.tokenizer.encode(string.ascii_letters), *engine.model.stop_ids]
    body, head = engine.model.model.get_decoder(), engine.model.model.lm_head
    use_plain_products(body, head)  # whose weights can be written to
    with torch.no_grad():
        head.weight[[number for number in range(len(head.weight)) if number not in said]] = 0.0
    use_even_products(body, head)


def use(windows, paths, questions, scratch):
    """What was answered in rounds of use, after which nothing is held that was not held after the first half."""
    records = []
    held = []
    for number in range(ROUNDS):
        part = paths[number * len(paths) // ROUNDS : (number + 1) * len(paths) // ROUNDS]
        people = crowd(windows, part, questions // ROUNDS, PEOPLE, 100 * number)
        assert not [error for person in people for error in person.errors]
        assert len(windows) <= MOST_WINDOWS
        records += [record for person in people for record in person.records]
        windows.close_all()
        held.append(Held.now(scratch))
    print(f"\n{len(records)} answers", *held, sep="\n")
    warm, last = held[ROUNDS // 2 - 1], held[-1]
    assert last.threads <= warm.threads
    assert last.files <= warm.files
    assert last.temporary == 0
    assert last.memory - warm.memory < GROWTH
    return records
