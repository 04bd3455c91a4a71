"""What the local engine does when memory runs out, and that it stays inside the memory it was given."""

from typing import Any

import pytest
import torch

from glyph_demo.errors import EngineError
from glyph_demo.models import loader
from tests.engines.local import ask, opened, page

pytestmark = pytest.mark.usefixtures("one_thread")


def short_of_memory(holder: Any, name: str, calls: range) -> None:
    """Have a method run out of memory at its calls of these numbers, from 0."""
    original, count = getattr(holder, name), iter(range(1 << 30))

    def failing(*given: Any, **named: Any) -> Any:
        if next(count) in calls:
            raise torch.OutOfMemoryError
        return original(*given, **named)

    setattr(holder, name, failing)


STAGES = {
    "encode": lambda engine: (engine.model.vision, "read"),
    "prefill": lambda engine: (engine.decoder, "extend"),
    "decode": lambda engine: (engine.decoder, "step"),
    "first token": lambda engine: (engine.decoder, "logits"),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("at", [0, 2])
def test_running_out_of_memory_once_changes_no_answer(start, stage, at):
    expected = ask(opened(start(), 3), "What?")
    engine = start()
    other = opened(engine, 2)
    chunk = engine.decoder.chunk
    short_of_memory(*STAGES[stage](engine), range(at, at + 1))
    document = opened(engine, 3)
    assert ask(document, "What?") == expected
    assert engine.decoder.chunk == chunk // 2
    assert other._prefix.nbytes == 0
    assert ask(other, "What?")


@pytest.mark.parametrize("stage", STAGES)
def test_running_out_again_says_so_and_leaves_the_session_usable(start, stage):
    expected = ask(opened(start(), 2), "What?")
    engine = start()
    document = opened(engine, 2)
    holder, name = STAGES[stage](engine)
    whole = getattr(holder, name)
    short_of_memory(holder, name, range(1 << 30))
    work = (lambda: opened(engine, 2)) if stage == "encode" else (lambda: ask(document, "What?"))
    with pytest.raises(EngineError) as caught:
        work()
    assert caught.value.code == "out_of_memory"
    setattr(holder, name, whole)
    assert ask(document, "What?") == expected


def test_a_page_that_could_not_be_prefilled_is_computed_with_the_question(start):
    expected = ask(opened(start(), 2), "What?")
    engine = start()
    features = [engine.encode(page(i)) for i in range(2)]
    document = engine.open_document(features[:1])
    whole = engine.decoder.extend
    short_of_memory(engine.decoder, "extend", range(1 << 30))
    with pytest.raises(EngineError, match="out_of_memory"):
        document.append(features[1])
    engine.decoder.extend = whole
    assert ask(document, "What?") == expected


def test_a_memory_limit_bounds_weights_and_keys_and_values_together(start):
    limit = 0.004
    engine = start({"inference.memory_limit_gb": limit}, kv_bytes=None)
    weights = sum(weight.nbytes for weight in engine.model.model.parameters())
    assert weights + engine.pool.budget < limit * 1e9
    assert start(kv_bytes=None).pool.budget > engine.pool.budget
    assert 1 <= engine.capacity() <= engine.pool.budget // (632 * engine.decoder.bytes_per_entry)


def test_int8_weights_count_as_the_bytes_they_take(start):
    bf16, int8 = (start({"inference.memory_limit_gb": 0.1}, precision=each)._left() for each in ("bf16", "int8"))
    assert bf16 < int8 < 0.1e9


@pytest.mark.parametrize("limit", [0.001, 0.002])
def test_a_limit_too_small_for_the_model_and_a_page_is_refused(start, limit):
    with pytest.raises(EngineError) as caught:
        start({"inference.memory_limit_gb": limit}, kv_bytes=None)
    assert caught.value.code == "model_too_large"


def test_random_weights_that_do_not_fit_are_not_built(monkeypatch, start):
    monkeypatch.setattr(loader, "room", lambda device: int(22e9))
    with pytest.raises(EngineError, match="model_too_large") as caught:
        start({"model": "random:glyph", "inference.precision": "fp32"})
    assert "--precision bf16" in caught.value.message.en
