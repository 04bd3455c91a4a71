"""The app as a Hugging Face Space starts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from app import space_flags
from glyph_demo.settings import load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.handlers import Handlers
from glyph_demo.ui.space import CANNOT_PERSIST
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import Visit
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
def test_a_space_starts_and_serves_the_page(kind: str, tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text(
        "import pathlib\ndef GPU(f): pathlib.Path(__file__).with_name('told').touch()\n"
    )
    zero = {"SPACES_ZERO_GPU": "true", "PYTHONPATH": str(tmp_path)} if kind == "ZeroGPU" else {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **SPACE, **zero, "GLYPH_DEMO_CACHE_DIR": str(tmp_path / "cache")}
    environment |= {"GLYPH_DEMO_SERVER__PORT": str(port), "GRADIO_SERVER_PORT": str(port)}
    log = tmp_path / "log"
    with log.open("w") as complaints:
        app = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        )
        try:
            assert app.stdout is not None
            address = app.stdout.readline().strip()
            assert re.search(rf":{port}$", address), log.read_text()
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
            assert page.status == 200
            assert b"Glyph Demo" in page.read()
        finally:
            app.terminate()
            app.communicate(timeout=60)
    assert "Traceback" not in log.read_text()
    assert (tmp_path / "told").exists() == (kind == "ZeroGPU")


def test_only_a_space_listens_to_all_and_only_zero_gpu_gives_up_the_card() -> None:
    assert space_flags({}) == []
    assert "0.0.0.0" in space_flags({"SPACE_ID": "a/b"})
    assert "pocket" not in space_flags({"SPACE_ID": "a/b"})
    assert "pocket" in space_flags({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"})


@pytest.mark.parametrize("zero", [True, False])
def test_on_zero_gpu_the_window_says_what_cannot_persist(zero: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if zero:
        monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    windows = Windows(FakeEngine(), load_settings())
    with gr.Blocks():
        on = Handlers(windows, build(windows.settings, [], "en", windows.leave), [])
    request: Any = SimpleNamespace(headers={"accept-language": "en"})
    updates = on.load_page(Visit(), None, request)
    assert (CANNOT_PERSIST.en in updates[on.ui.status]) == zero
    windows.close_all()
