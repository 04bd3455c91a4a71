"""Many clients at once, some of them broken; and many requests, after which memory is as it was."""

import contextlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.settings import load_settings
from tests.checkpoints import make_checkpoint
from tests.serving.pictures import base64_png

ROUTE = "/api/v1/generate"
SIZE = {"height": 112, "width": 112}


def test_a_killed_client_a_malformed_request_and_an_over_long_prompt_harm_nobody(serve, tmp_path, one_thread):
    folder = make_checkpoint(tmp_path / "model", "wide")
    settings = load_settings(flags={"model": str(folder), "cache_dir": str(tmp_path)})
    running = serve(LocalEngine(settings, kv_bytes=1 << 26), **{"inference.temperature": 0})
    good = [{"image": base64_png(seed, **SIZE), "prompt": f"Page {seed}?", "max_tokens": 12} for seed in range(8)]
    with running.client as client:
        alone = [client.post(ROUTE, json=body).json()["text"] for body in good]
        together = {}

        def ask(number):
            together[number] = client.post(ROUTE, json=good[number]).json()["text"]

        def kill():
            with contextlib.suppress(httpx.ReadTimeout):  # it may also be told quickly that there is no room now
                httpx.post(running.address + ROUTE, json=good[0] | {"max_tokens": 4000}, timeout=0.3)

        def send_nonsense():
            assert client.post(ROUTE, content=b"\x00{").status_code == 422

        def ask_too_much():
            answer = client.post(ROUTE, json={"prompt": "word " * 10_000})
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "context_full")

        jobs = [lambda number=number: ask(number) for number in range(8)]
        jobs[2:2] = [kill, send_nonsense, ask_too_much]
        with ThreadPoolExecutor(len(jobs)) as threads:
            for job in [threads.submit(job) for job in jobs]:
                job.result()
    assert [together[number] for number in range(8)] == alone


MANY = """
import json, sys, httpx, psutil, threading, time, uvicorn
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.serving.app import create_api
from glyph_demo.serving.service import Service
from glyph_demo.session import open_store
from glyph_demo.settings import load_settings
from tests.checkpoints import make_checkpoint
from tests.serving.pictures import image_part
import pathlib, torch

torch.set_num_threads(1)
folder = pathlib.Path(sys.argv[1])
make_checkpoint(folder / "model", "wide")
flags = {"model": str(folder / "model"), "cache_dir": str(folder / "cache"), "store.memory_mb": 4}
settings = load_settings(flags=flags)
service = Service(LocalEngine(settings, kv_bytes=1 << 25), settings, open_store(settings), lambda: True)
server = uvicorn.Server(uvicorn.Config(create_api(service), port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
resident, open_files, threads = [], [], []
process = psutil.Process()
with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
    for number in range(500):
        page = image_part(number, height=140, width=140)
        messages = [{"role": "user", "content": [page, {"type": "text", "text": f"What is on page {number}?"}]}]
        body = {"messages": messages, "max_tokens": 8, "stream": number % 3 == 0}
        if number % 10 == 9:
            body["messages"][0]["content"][0]["image_url"]["url"] = "data:image/png;base64,AAAA"
        answer = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == (422 if number % 10 == 9 else 200), answer.text
        resident.append(process.memory_info().rss >> 20)
        open_files.append(process.num_fds())
        threads.append(process.num_threads())
folders = len(list(service._folder.iterdir()))
service.close()
server.should_exit = True
thread.join()
print(json.dumps({"resident": resident, "files": open_files, "threads": threads, "folders": folders}))
"""


@pytest.mark.long
def test_five_hundred_requests_leave_memory_level(tmp_path):
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=500)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    print({name: (values[99], values[-1]) for name, values in seen.items() if name != "folders"})
    assert max(seen["resident"][400:]) - max(seen["resident"][:100]) < 30, "MB"
    assert max(seen["files"][400:]) <= max(seen["files"][:100])
    assert max(seen["threads"][400:]) <= max(seen["threads"][:100])
    assert seen["folders"] <= 9, "those of open documents, and that of files"
