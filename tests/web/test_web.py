"""The window and the API at one address, as `python app.py` serves them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from glyph_demo.scratch import DAY
from glyph_demo.web.app import sweeping
from glyph_demo.web.bodies import STALLED

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path):
    command = [sys.executable, "app.py", "--port", "17860", "--cache-dir", str(tmp_path / "cache")]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield app
    app.kill()
    app.wait()


def test_uploads_go_after_a_day_while_the_app_runs(tmp_path):
    past = time.time() - DAY - 1
    old, new = tmp_path / "one" / "a.txt", tmp_path / "two" / "b.txt"
    for upload in (old, new):
        upload.parent.mkdir()
        upload.write_bytes(b"words")
    os.utime(old, (past, past))
    swept = threading.Event()
    with sweeping(tmp_path, swept.set, interval=0.01):
        assert swept.wait(timeout=30)
    assert not old.parent.exists()
    assert new.exists()


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
            half = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
            half.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{")
            app.send_signal(signal.SIGTERM)
            _, said = app.communicate(timeout=STALLED - 5)  # it does not wait for the rest of the body
    half.close()
    assert app.returncode == 0
    assert "Traceback" not in said
