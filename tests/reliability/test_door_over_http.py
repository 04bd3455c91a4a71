"""The window over HTTP, as somebody would use it who means harm: files of this machine, other people's uploads, pages
of other sites, requests without end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from fastapi import FastAPI

from glyph_demo.settings import Server, Settings
from glyph_demo.ui.door import MAX_EVENT_BYTES, UPLOAD_SLACK
from glyph_demo.ui.server import free_port, mount_window
from glyph_demo.ui.window import Windows
from tests.fakes import FakeEngine

ROOT = Path(__file__).parents[2]
SECRET = "only for me"
PREFIX = "/gradio_api"
MAX_FILE_MB = 5


@contextlib.contextmanager
def serving(folder: Path, server: Server | None = None) -> Iterator[tuple[str, int]]:
    """Host and port of a window."""
    settings = replace(Settings(), cache_dir=str(folder / "cache"), server=server or Server())
    settings = replace(settings, documents=replace(settings.documents, max_file_mb=MAX_FILE_MB))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        windows = Windows(FakeEngine(), settings)
        app = FastAPI()
        mount_window(app, windows)
        port = free_port(settings.server.host, 7870)
        server_of_app = uvicorn.Server(uvicorn.Config(app, settings.server.host, port, log_level="error"))
        thread = threading.Thread(target=server_of_app.run)
        thread.start()
        while not server_of_app.started:
            time.sleep(0.01)
        yield "127.0.0.1", port
        server_of_app.should_exit = True
        thread.join()
        windows.close_all()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with serving(tmp_path_factory.mktemp("window")) as address:
        yield address


class Browser:
    """Sends a path as it is written, and keeps the cookies it is given."""

    def __init__(self, address: tuple[str, int], opened: bool = True) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}
        if opened:
            self.get("/")

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body, cookie | (headers or {}))
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = line.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, content: Any, **headers: str) -> tuple[int, bytes]:
        return self.send("POST", path, json.dumps(content).encode(), {"Content-Type": "application/json"} | headers)

    def upload(self, name: str, data: bytes, **headers: str) -> tuple[int, bytes]:
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode("utf-8", "surrogateescape") + data + b"\r\n--x--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        return self.send("POST", f"{PREFIX}/upload", body, kind | headers)

    def uploaded(self, name: str, data: bytes) -> str:
        status, body = self.upload(name, data)
        assert status == 200, body
        return json.loads(body)[0]


def endless_upload(address: tuple[str, int]) -> bool:
    """Whether an upload without a length goes through whose files are allowed one by one and too much together."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
    files = [head + b"x" * (MAX_FILE_MB << 20) + b"\r\n"] * (UPLOAD_SLACK + 1)
    kind = {"Content-Type": "multipart/form-data; boundary=x", "Transfer-Encoding": "chunked"}
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("POST", f"{PREFIX}/upload", iter([*files, b"--x--\r\n"]), kind, encode_chunked=True)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def file_url(path: str) -> str:
    return f"{PREFIX}/file={quote(path)}"


def outside(folder: Path) -> list[str]:
    """Ways to ask for files that are nobody's uploads."""
    store = folder / "cache" / "features" / "aa" / "secret.features"
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_text(SECRET)
    tree = folder / "uploads"
    climbs = [f"{tree}/../cache/features/aa/secret.features", f"{tree}/x/../../cache/features/aa/secret.features"]
    files = ["/etc/passwd", f"{ROOT}/config.yaml", "config.yaml", "./config.yaml", "app.py", "glyph_demo/settings.py"]
    files += [str(store), *climbs, "../" * 12 + "etc/passwd", "/proc/self/environ", "~/.ssh/id_rsa", ".git/config"]
    files += ["....//" * 9 + "etc/passwd", "/etc/passwd\0.png", "file:///etc/passwd", "//etc/passwd", "\\etc\\passwd"]
    files += [
        str(tree),
        tempfile.gettempdir(),
        "http://127.0.0.1:9/",
        "https://example.com/",
        "http://169.254.169.254/",
    ]
    return files


def spellings(path: str) -> list[str]:
    """The ways to write a path in an address."""
    full = "".join(f"%{byte:02x}" for byte in path.encode())
    twice = full.replace("%", "%25")
    wide = path.replace("/", "%c0%af").replace("\0", "%00")
    return [quote(path), quote(path, safe=""), full, twice, quote(path.replace("/", "\\")), quote(wide)]


def test_no_address_gives_a_file_that_is_no_upload(address: tuple[str, int], tmp_path: Path) -> None:
    browser = Browser(address)
    routes = (f"{PREFIX}/file=", f"{PREFIX}/file/", f"{PREFIX}/proxy=", "/file=", "/static/", "/assets/", "/svelte/")
    folder = Path(os.environ["GRADIO_TEMP_DIR"]).parent
    tried = 0
    for path in outside(folder):
        for spelling in spellings(path):
            for route in routes:
                status, body = browser.get(route + spelling)
                tried += 1
                assert status in (400, 403, 404, 307), (status, route + spelling)
                assert not re.search(rb"root:|cache_dir|import |only for me|PATH=", body), route + spelling
    assert tried > 800


def test_an_upload_is_seen_by_the_browser_that_sent_it_and_by_no_other(address: tuple[str, int]) -> None:
    mine, other, nobody = Browser(address), Browser(address), Browser(address, opened=False)
    path = mine.uploaded("mine.txt", b"private words")
    assert mine.get(file_url(path)) == (200, b"private words")
    for stranger in (other, nobody):
        assert stranger.get(file_url(path))[0] == 403
        stranger.post(f"{PREFIX}/queue/join", {"data": [path, path], "fn_index": 0})
        assert stranger.get(file_url(path))[0] == 403, "saying the path is not being told it"


def test_an_event_can_name_only_files_that_its_browser_was_told_of(address: tuple[str, int]) -> None:
    mine, other = Browser(address), Browser(address)
    path = mine.uploaded("mine.txt", b"private words")

    def event(named: str) -> dict[str, Any]:
        file = {"path": named, "meta": {"_type": "gradio.FileData"}}
        return {"data": ["id", file], "fn_index": 0, "session_hash": "abc"}

    for named in (path, "/etc/passwd", str(ROOT / "config.yaml"), "http://127.0.0.1:9/a.txt"):
        assert other.post(f"{PREFIX}/queue/join", event(named))[0] == 403, named
        assert other.post(f"{PREFIX}/run/predict", event(named))[0] == 403, named
    assert mine.post(f"{PREFIX}/queue/join", event(path))[0] != 403


def test_names_of_uploads_stay_in_their_folder(address: tuple[str, int]) -> None:
    browser = Browser(address)
    for name in ("../../up.txt", "/etc/up.txt", "..\\..\\up.txt", "n" * 300 + ".txt", "a\u202eb\x01.txt", "..", ""):
        status, body = browser.upload(name, b"text")
        assert status in (200, 400, 422), (name, status)
        for path in json.loads(body) if status == 200 else ():
            assert Path(path).resolve().is_relative_to(Path(os.environ["GRADIO_TEMP_DIR"]).resolve())


def test_pages_of_other_sites_can_send_nothing(address: tuple[str, int]) -> None:
    browser = Browser(address)
    own = f"{address[0]}:{address[1]}"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"http://{address[0]}:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        assert browser.upload("a.txt", b"text", **headers)[0] == 403, headers
        assert browser.post(f"{PREFIX}/queue/join", {}, **headers)[0] == 403, headers
    assert browser.upload("a.txt", b"text", Origin=f"http://{own}")[0] == 200
    assert browser.upload("a.txt", b"text", **{"Sec-Fetch-Site": "same-origin"})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::2]:7860"])
def test_a_name_that_was_made_to_point_here_is_refused(address: tuple[str, int], host: str) -> None:
    assert Browser(address, opened=False).get("/", Host=host)[0] == 400
    for own in ("localhost", f"127.0.0.1:{address[1]}", "[::1]:80"):
        assert Browser(address, opened=False).get("/", Host=own)[0] == 200


def test_requests_have_a_largest_size(address: tuple[str, int]) -> None:
    browser = Browser(address)
    assert browser.upload("a.txt", b"x" * (MAX_FILE_MB + 1 << 20))[0] == 200, (
        "our own message says that it is too large"
    )
    assert browser.upload("a.txt", b"x" * ((UPLOAD_SLACK * MAX_FILE_MB << 20) + 1))[0] == 413
    assert browser.send("POST", f"{PREFIX}/queue/join", b'"' + b"x" * MAX_EVENT_BYTES + b'"')[0] == 413
    assert not endless_upload(address), "without a length it is cut off"
    assert browser.get("/")[0] == 200


def test_a_password_keeps_everything_but_the_login_page_back(tmp_path: Path) -> None:
    with serving(tmp_path, Server(password="open sesame")) as address:
        browser = Browser(address)
        assert browser.get("/config")[0] == 401
        assert b"glyph-engine" not in browser.get("/")[1]
        for route in ("upload", "queue/join", "run/predict"):
            assert browser.post(f"{PREFIX}/{route}", {})[0] == 401, route
        assert browser.get(f"{PREFIX}/file=/etc/passwd")[0] in (401, 403)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.send("POST", "/login", b"username=glyph&password=wrong", form)[0] == 400
        assert browser.send("POST", "/login", b"username=glyph&password=open%20sesame", form)[0] == 200
        path = browser.uploaded("mine.txt", b"private words")
        assert browser.get(file_url(path)) == (200, b"private words")


def test_without_the_door_the_proxy_before_it_decides_and_files_stay_inside(tmp_path: Path) -> None:
    with serving(tmp_path, Server(auth=False)) as address:
        browser = Browser(address, opened=False)
        path = browser.uploaded("shared.txt", b"words")
        assert browser.get(file_url(path), Host="someone-glyph.hf.space") == (200, b"words")
        assert browser.get(f"{PREFIX}/file=/etc/passwd")[0] == 403
        assert browser.get(f"{PREFIX}/file=https://example.com/")[0] == 403
