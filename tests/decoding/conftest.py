from __future__ import annotations

import pytest
from tiny import SHAPES, Oracle, RecordingDecoder, tiny_llama
from transformers import LlamaForCausalLM

from glyph_demo.decoding.decoder import CHUNK


@pytest.fixture(scope="session", params=SHAPES.values(), ids=SHAPES)
def model(request: pytest.FixtureRequest) -> LlamaForCausalLM:
    return tiny_llama(*request.param)


@pytest.fixture
def decoder(model: LlamaForCausalLM) -> RecordingDecoder:
    made = RecordingDecoder(model)
    assert made.notice is None
    return made


@pytest.fixture
def oracle(model: LlamaForCausalLM) -> Oracle:
    return Oracle(model)


@pytest.fixture(scope="module", autouse=True)
def _all_on_one_thread(one_thread: None) -> None:
    """Every test of this folder."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and growth small enough that short prompts need several of them."""
    monkeypatch.setitem(CHUNK, "cpu", 7)
    monkeypatch.setattr("glyph_demo.decoding.arena.BLOCK", 16)
