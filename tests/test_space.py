"""The app as a Hugging Face Space starts it."""

import os
import socket
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from app import space_flags
from glyph_demo.settings import load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.handlers import Handlers
from glyph_demo.ui.space import CANNOT_PERSIST
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import Visit
from tests.command import started
from tests.fakes import FakeEngine

ROOT = Path(__file__).parents[1]
SPACE = {  # as a Gradio Space sets them
    "SYSTEM": "spaces",
    "SPACE_ID": "someone/glyph-demo",
    "SPACE_HOST": "someone-glyph-demo.hf.space",
    "SPACE_AUTHOR_NAME": "someone",
    "SPACE_REPO_NAME": "glyph-demo",
    "SPACE_TITLE": "Glyph Demo",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_ALLOW_FLAGGING": "never",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_THEME": "huggingface",
}


@pytest.mark.parametrize("kind", ["processor", "ZeroGPU"])
def test_a_space_starts_and_serves_the_page(kind, tmp_path):
    (tmp_path / "spaces.py").write_text(
        "import pathlib\ndef GPU(f): pathlib.Path(__file__).with_name('told').touch()\n"
    )
    zero = {"SPACES_ZERO_GPU": "true", "PYTHONPATH": str(tmp_path)} if kind == "ZeroGPU" else {}
    environment = {**os.environ, **SPACE, **zero, "GLYPH_DEMO_CACHE_DIR": str(tmp_path / "cache")}
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment |= {"GLYPH_DEMO_SERVER__PORT": str(port), "GRADIO_SERVER_PORT": str(port)}
        with started([sys.executable, "app.py"], tmp_path / "log", env=environment) as (_, address):
            chosen = int(address.rpartition(":")[2])
            assert chosen > port
            with urllib.request.urlopen(f"http://127.0.0.1:{chosen}/", timeout=60) as page:
                assert b"Glyph Demo" in page.read()
            # Another address of this machine: only who listens on all of them answers.
            socket.create_connection(("127.0.0.2", chosen), timeout=60).close()
    assert f"Port {port} is taken; using {chosen}." in (tmp_path / "log").read_text()
    assert (tmp_path / "told").exists() == (kind == "ZeroGPU")


def test_only_a_space_listens_to_all_and_only_zero_gpu_gives_up_the_card():
    assert space_flags({}) == []
    assert "0.0.0.0" in space_flags({"SPACE_ID": "a/b"})
    assert "pocket" not in space_flags({"SPACE_ID": "a/b"})
    assert "pocket" in space_flags({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"})


@pytest.mark.parametrize("zero", [True, False])
def test_on_zero_gpu_the_window_says_what_cannot_persist(zero, monkeypatch):
    if zero:
        monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    windows = Windows(FakeEngine(), load_settings())
    with gr.Blocks():
        on = Handlers(windows, build(windows.settings, [], "en", windows.leave), [])
    request = SimpleNamespace(headers={"accept-language": "en"})
    updates = on.load_page(Visit(), None, request)
    assert (CANNOT_PERSIST.en in updates[on.ui.status]) == zero
    windows.close_all()
