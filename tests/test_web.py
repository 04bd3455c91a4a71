"""The window and the API at one address, as `python app.py` serves them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def app(tmp_path):
    command = [sys.executable, "app.py", "--port", "17860", "--cache-dir", str(tmp_path / "cache")]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield app
    app.kill()
    app.wait()


def test_window_and_api_share_an_address_and_end_together(app):
    address = app.stdout.readline().strip()
    with httpx.Client(base_url=address, timeout=30) as client:
        assert "gradio" in client.get("/").text
        assert client.get("/healthz").json() == {"status": "ok"}
        wrong = client.get("/v1/chat/completions")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "no_such_method")
        assert client.get("/v1/nothing").json()["error"]["code"] == "no_such_route"
        assert client.get("/config").json()["mode"] == "blocks", "the window's own routes are left to it"
        with client.stream("GET", "/gradio_api/heartbeat/someone") as heartbeat:
            assert heartbeat.status_code == 200
            began = time.monotonic()
            app.send_signal(signal.SIGTERM)
            _, said = app.communicate(timeout=60)
            assert time.monotonic() - began < 30
    assert app.returncode == 0
    assert "Traceback" not in said
