from typing import TYPE_CHECKING

import pytest

from glyph_demo.decoding.decoder import CHUNK

if TYPE_CHECKING:
    pass


@pytest.fixture(scope="session", params=["plain heads", "grouped heads"])
def model(request):
    from tests.decoding.tiny import SHAPES, tiny_llama  # here: fast tests of this folder load no model

    return tiny_llama(*SHAPES[request.param])


@pytest.fixture
def decoder(model):
    from tests.decoding.tiny import RecordingDecoder

    made = RecordingDecoder(model)
    assert made.notice is None
    return made


@pytest.fixture
def oracle(model):
    from tests.decoding.tiny import Oracle

    return Oracle(model)


@pytest.fixture(scope="module", autouse=True)
def _all_on_one_thread(one_thread):
    """Every test of this folder."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    """Chunks and growth small enough that short prompts need several of them."""
    monkeypatch.setitem(CHUNK, "cpu", 7)
    monkeypatch.setattr("glyph_demo.decoding.arena.BLOCK", 16)


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)
