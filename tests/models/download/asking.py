"""What the tests of downloads ask for, and what they look at."""

import socket

import pytest

from glyph_demo.errors import EngineError
from glyph_demo.models.base import untold
from glyph_demo.models.download import fetched

GLYPH = "zai-org/Glyph"


def nobody():
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def same(found, folder):
    """Whether all files of a checkpoint are there, and nothing else."""
    assert {p.name: p.read_bytes() for p in found.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}
    return True


def largest(folder):
    return max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size).name


def refused(cache, source="hub", model=GLYPH, report=untold):
    with pytest.raises(EngineError) as caught:
        fetched(model, cache, report, source)
    assert caught.value.message.en.endswith(".")
    assert caught.value.message.zh.endswith("。")
    return caught.value


def key_of(hub, modelscope):
    return f"{GLYPH} {hub.address} {modelscope.address}"
