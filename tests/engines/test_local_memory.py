"""What the local engine does when memory runs out, and that it stays inside the memory it was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import EngineError
from glyph_demo.models import loader
from glyph_demo.models.precision import Precision
from glyph_demo.settings import Settings
from tests.checkpoints import make_checkpoint
from tests.engines.original import ask, page

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = AskOptions(max_new_tokens=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Callable[..., LocalEngine]:
    def started(limit: float = 0.0, kv_bytes: int | None = 1 << 26, precision: Precision = "auto") -> LocalEngine:
        settings = replace(Settings(), model=str(folder), cache_dir=str(tmp_path))
        inference = replace(settings.inference, memory_limit_gb=limit, precision=precision)
        return LocalEngine(replace(settings, inference=inference), kv_bytes=kv_bytes)

    return started


def short_of_memory(holder: Any, name: str, calls: range) -> None:
    """Have a method run out of memory at its calls of these numbers, from 0."""
    original, count = getattr(holder, name), iter(range(1 << 30))

    def failing(*given: Any, **named: Any) -> Any:
        if next(count) in calls:
            raise torch.OutOfMemoryError
        return original(*given, **named)

    setattr(holder, name, failing)


def opened(engine: LocalEngine, pages: int = 2) -> LocalDocument:
    return engine.open_document([engine.encode(page(i, 112, 112)) for i in range(pages)])


STAGES = {
    "encode": lambda engine: (engine.model.vision, "read"),
    "prefill": lambda engine: (engine.decoder, "extend"),
    "decode": lambda engine: (engine.decoder, "step"),
    "first token": lambda engine: (engine.decoder, "logits"),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("at", [0, 2])
def test_running_out_of_memory_once_changes_no_answer(start: Callable[..., LocalEngine], stage: str, at: int) -> None:
    expected = ask(opened(start(), 3), "What?", (), SHORT)
    engine = start()
    other = opened(engine)
    chunk = engine.decoder.chunk
    short_of_memory(*STAGES[stage](engine), range(at, at + 1))  # type: ignore[no-untyped-call]
    document = opened(engine, 3)
    assert ask(document, "What?", (), SHORT) == expected
    assert engine.decoder.chunk == chunk // 2
    assert other._prefix.nbytes == 0
    assert ask(other, "What?", (), SHORT)


@pytest.mark.parametrize("stage", STAGES)
def test_running_out_again_says_so_and_leaves_the_session_usable(start: Callable[..., LocalEngine], stage: str) -> None:
    expected = ask(opened(start()), "What?", (), SHORT)
    engine = start()
    document = opened(engine)
    holder, name = STAGES[stage](engine)  # type: ignore[no-untyped-call]
    whole = getattr(holder, name)
    short_of_memory(holder, name, range(1 << 30))
    work = (lambda: opened(engine)) if stage == "encode" else (lambda: ask(document, "What?", (), SHORT))
    with pytest.raises(EngineError) as caught:
        work()
    assert caught.value.code == "out_of_memory"
    setattr(holder, name, whole)
    assert ask(document, "What?", (), SHORT) == expected


def test_a_page_that_could_not_be_prefilled_is_computed_with_the_question(start: Callable[..., LocalEngine]) -> None:
    expected = ask(opened(start(), 2), "What?", (), SHORT)
    engine = start()
    features = [engine.encode(page(i, 112, 112)) for i in range(2)]
    document = engine.open_document(features[:1])
    whole = engine.decoder.extend
    short_of_memory(engine.decoder, "extend", range(1 << 30))
    with pytest.raises(EngineError, match="out_of_memory"):
        document.append(features[1])
    engine.decoder.extend = whole  # type: ignore[method-assign]
    assert ask(document, "What?", (), SHORT) == expected


def test_a_memory_limit_bounds_weights_and_keys_and_values_together(start: Callable[..., LocalEngine]) -> None:
    limit = 0.004
    engine = start(limit, kv_bytes=None)
    weights = sum(weight.nbytes for weight in engine.model.model.parameters())
    assert weights + engine.pool.budget < limit * 1e9
    assert start(0, kv_bytes=None).pool.budget > engine.pool.budget
    assert 1 <= engine.capacity() <= engine.pool.budget // (632 * engine.decoder.bytes_per_entry)


def test_int8_weights_count_as_the_bytes_they_take(start: Callable[..., LocalEngine]) -> None:
    left = {precision: start(0.1, precision=precision)._left() for precision in ("bf16", "int8")}
    assert left["bf16"] < left["int8"] < 0.1e9


@pytest.mark.parametrize("limit", [0.001, 0.002])
def test_a_limit_too_small_for_the_model_and_a_page_is_refused(start: Callable[..., LocalEngine], limit: float) -> None:
    with pytest.raises(EngineError) as caught:
        start(limit, kv_bytes=None)
    assert caught.value.code == "model_too_large"


def test_random_weights_that_do_not_fit_are_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loader, "room", lambda device: int(24e9))
    with pytest.raises(EngineError, match="model_too_large") as caught:
        LocalEngine(replace(Settings(), model="random:glyph", cache_dir=str(tmp_path)))
    assert "--precision bf16" in caught.value.message.en
