from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tiny import SHAPES, Oracle, RecordingDecoder, tiny_llama
from transformers import LlamaForCausalLM


@pytest.fixture(scope="session", params=SHAPES.values(), ids=SHAPES)
def model(request: pytest.FixtureRequest) -> LlamaForCausalLM:
    return tiny_llama(*request.param)


@pytest.fixture
def decoder(model: LlamaForCausalLM) -> RecordingDecoder:
    return RecordingDecoder(model)


@pytest.fixture
def oracle(model: LlamaForCausalLM) -> Oracle:
    return Oracle(model)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads only wait for each other over models this small: up to ten times longer on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and growth small enough that short prompts need several of them."""
    monkeypatch.setattr("glyph_demo.decoding.loop.CHUNK", 7)
    monkeypatch.setattr("glyph_demo.decoding.arena.BLOCK", 16)
