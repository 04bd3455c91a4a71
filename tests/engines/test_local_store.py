"""What open documents hold in memory: keys and values within their budget, and of page features what the store has."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from checkpoints import make_checkpoint

from glyph_demo.engines.base import AskOptions, Token
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.session import DocumentSession
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, PageFeatures

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = AskOptions(max_new_tokens=3)
PAGE_BYTES = 630 * 64 * 4  # tokens, hidden, float32


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DocumentSession]:
    """Room for the keys and values of three pages, the features of two in memory and of two on disk."""
    folder = make_checkpoint(tmp_path / "model")
    settings = replace(Settings(), model=str(folder), cache_dir=str(tmp_path))
    settings = replace(settings, store=replace(settings.store, open_documents=4))
    probe = LocalEngine(settings)
    engine = LocalEngine(settings, kv_bytes=2400 * probe.decoder.bytes_per_entry)
    store = FeatureStore(tmp_path / "features", int(2.5 * PAGE_BYTES), int(2.5 * PAGE_BYTES))
    made = DocumentSession(engine, settings, store)
    yield made
    made.close()
    assert engine.nbytes == 0


def write(folder: Path, number: int) -> Path:
    path = folder / f"{number}.txt"
    path.write_text(f"Story {number}. " * 900)  # two pages
    return path


def said(session: DocumentSession, question: str = "What is it?") -> str:
    return "".join(event.text for event in session.ask(question, SHORT) if isinstance(event, Token))


def alive() -> int:
    """Bytes of all page features there are in this process; those that share arrays count once."""
    gc.collect()
    arrays = {id(a): a.nbytes for f in gc.get_objects() if type(f) is PageFeatures for a in f.arrays.values()}
    return sum(arrays.values())


def inside_the_budgets(session: DocumentSession) -> None:
    store, engine = session.store, session.engine
    assert isinstance(engine, LocalEngine)
    assert engine.nbytes <= engine.pool.budget
    assert alive() == store.memory_bytes <= store.memory_bytes_limit
    on_disk = sum(file.stat().st_size for file in store._folder.rglob("*.features")) if store._folder else 0
    assert on_disk == store.disk_bytes <= store.disk_bytes_limit


def test_open_documents_hold_no_features_beside_the_store_s_and_answer_the_same_after_eviction(
    session: DocumentSession, tmp_path: Path
) -> None:
    first = {}
    for number in range(4):
        identifier = session.open(write(tmp_path, number))
        first[identifier] = said(session)
        inside_the_budgets(session)
    encoded: list[str] = []
    encode = session.engine.encode
    session.engine.encode = lambda page: encoded.append(page.digest) or encode(page)  # type: ignore[method-assign,func-returns-value]
    for identifier, answer in first.items():
        assert session.select(identifier).state == "ready"
        session.undo()
        assert said(session) == answer
        inside_the_budgets(session)
    assert encoded, "some were neither in memory nor on disk, and were read again from their pictures"


@pytest.mark.long
def test_a_hundred_rounds_over_twelve_documents_stay_inside_every_budget(
    session: DocumentSession, tmp_path: Path
) -> None:
    files = [write(tmp_path, number) for number in range(12)]
    process = psutil.Process()
    before = 0
    for i in range(100):
        identifier = session.open(files[i * 5 % 12])
        assert said(session)
        inside_the_budgets(session)
        if i % 3:
            session.remove(identifier)
        if i == 30:
            before = process.memory_info().rss
    assert process.memory_info().rss - before < 16 << 20
