"""The app from a notebook: it starts beside the kernel, shows itself, and ends."""

import socket
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import glyph_demo
from glyph_demo.errors import EngineError, SettingsError
from glyph_demo.notebook import launch

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_notebook_of_the_documentation_runs(monkeypatch):
    monkeypatch.setenv("GLYPH_DEMO_POCKET__LANGUAGE_MODEL", "none")
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.setdefault("id", "cell")
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(pages) == 1
    assert '<iframe src="http://127.0.0.1:' in pages[0]
    assert "Marta Ellingham" in "".join(output["text"] for output in outputs if output["output_type"] == "stream")


@pytest.mark.slow
def test_a_launched_app_answers_until_it_is_closed():
    with launch(engine="pocket", pocket__language_model="none", server__port=7950) as app:
        assert b"Glyph Demo" in urllib.request.urlopen(app.url, timeout=30).read()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(app.url, timeout=5)
    app.close()


def test_a_setting_that_does_not_exist_is_refused_before_anything_starts():
    with pytest.raises(SettingsError, match="unknown_setting"):
        glyph_demo.launch(server__colour="red")


@pytest.mark.slow
def test_an_app_that_cannot_start_says_why():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65_535))
        taken.listen()
        with pytest.raises(EngineError, match=r"not_started.*65535"):
            launch(engine="pocket", server__port=65_535)
