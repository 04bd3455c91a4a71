"""Pages and questions of several documents at once: one call reads pages, shared steps answer, nothing else changes."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.settings import Settings, merge
from tests.engines.local import ask, opened, page

SIZES = [(112, 112), (84, 140), (112, 112), (56, 196), (140, 84), (112, 112)]
OPTIONS = AskOptions(max_new_tokens=20, repetition_penalty=1.0)


@pytest.fixture(scope="module")
def engine(checkpoint):
    batching = {"inference.max_batch_size": 6, "inference.max_wait_ms": 5000}
    engine = LocalEngine(merge(Settings(model=str(checkpoint), cache_dir=str(checkpoint.with_name("cache"))), batching))
    yield engine
    engine.close()


def test_pages_of_different_sizes_read_in_one_call_give_what_each_gives(engine):
    pages = [page(i, *size).pixels for i, size in enumerate(SIZES)]
    for together, alone in zip(
        engine.model.encode_together(list(map(engine.model.preprocess_page, pages))),
        map(engine.model.encode, pages),
        strict=True,
    ):
        assert (together.rows, together.columns) == (alone.rows, alone.columns)
        np.testing.assert_allclose(together.embeds, alone.embeds, atol=1e-5)


def answer(engine, number):
    with contextlib.closing(opened(engine, [page(number + i, *SIZES[number]) for i in range(2)])) as document:
        return [ask(document, question, (), OPTIONS) for question in ("What?", "And then?")]


def test_clients_with_documents_of_their_own_get_what_each_gets_alone(engine, monkeypatch):
    alone = [answer(engine, number) for number in range(len(SIZES))]
    widths, calls = [], []
    step, tower = engine.decoder._together, engine._encoding._run
    monkeypatch.setattr(engine.decoder._batcher, "_run", lambda rows: (widths.append(len(rows)), step(rows))[1])
    monkeypatch.setattr(engine._encoding, "_run", lambda pages: (calls.append(len(pages)), tower(pages))[1])
    with ThreadPoolExecutor(len(SIZES)) as threads:
        together = list(threads.map(lambda number: answer(engine, number), range(len(SIZES))))
    assert together == alone
    assert max(widths) >= 3
    assert sum(calls) == 2 * len(SIZES)
    assert max(calls) >= 2

    engine.set_batching(1, 0.0)  # the window's low latency, on the engine as it runs
    widths.clear()
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda number: answer(engine, number), range(2))) == alone[:2]
    assert set(widths) == {1}
