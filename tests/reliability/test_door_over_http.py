"""The window over HTTP, as somebody would use it who means harm: files of this machine, other people's uploads, pages
of other sites, requests without end."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visitors import MAX_FILE_MB, PREFIX, ROOT, SECRET, Browser, file_url, outside, serving, spellings

from glyph_demo.settings import Server
from glyph_demo.ui.door import MAX_EVENT_BYTES, UPLOAD_SLACK


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with serving(tmp_path_factory.mktemp("window")) as address:
        yield address


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


def test_a_path_that_was_told_leads_nowhere_else(address: tuple[str, int], tmp_path: Path) -> None:
    browser = Browser(address)
    path = Path(browser.uploaded("mine.txt", b"private words"))
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    link, folder = path.with_name("link.txt"), path.with_name("folder")
    link.symlink_to(secret)
    folder.symlink_to(tmp_path)
    up = "/.." * len(path.parts)
    for named in (str(link), f"{folder}/secret.txt", f"{path}{up}{secret}", f"{path}/../link.txt", f"{path.parent}"):
        for spelling in spellings(named):
            for route in ("file=", "file/", "/file=", "./file=", "FILE=", "x/../file="):
                status, body = browser.get(f"{PREFIX}/{route}{spelling}")
                assert status in (307, 400, 403, 404, 405), (status, route, named)
                assert SECRET.encode() not in body, (route, named)
    link.unlink()
    folder.unlink()


def test_what_the_window_does_not_use_is_not_there(address: tuple[str, int]) -> None:
    """Gradio would cut a video, run a component's function, edit the app's code or tell what others did."""
    browser = Browser(address)
    unused = ("process_recording", "component_server", "vibe-edit/", "undo-vibe-edit", "vibe-starter-queries/")
    for route in (
        *unused,
        "stream/x",
        "stream/x/close",
        "call/open_files",
        "call/v2/open_files",
        "run-history/connect",
    ):
        assert browser.post(f"{PREFIX}/{route}", {"data": [], "session_hash": "x"})[0] == 404, route
    unused = ("vibe-code/", "stream/a/b/1/playlist-file", "stream/a/b/1/playlist.m3u8", "deep_link?session_hash=x")
    for route in (*unused, "dev/reload", "runs", "custom_component/1/client/component/..%2f..%2fconfig.yaml"):
        assert browser.get(f"{PREFIX}/{route}")[0] == 404, route
    for route in ("/monitoring", "/monitoring/summary", "/monitoring/x"):
        assert browser.get(route)[0] == 404, route


def test_what_is_open_to_all_tells_nothing_of_this_machine(address: tuple[str, int]) -> None:
    browser = Browser(address)
    upload = browser.uploaded("mine.txt", b"private words")
    routes = ("/config", "/theme.css", "/robots.txt", "/manifest.json", f"{PREFIX}/info", f"{PREFIX}/openapi.json")
    for route in (
        *routes,
        f"{PREFIX}/queue/status",
        f"{PREFIX}/app_id",
        f"{PREFIX}/user",
        f"{PREFIX}/token",
        "/nothing",
    ):
        body = browser.get(route)[1].decode()
        for secret in (str(ROOT), os.environ["GRADIO_TEMP_DIR"], Path(upload).parent.name, "mine.txt"):
            assert secret not in body, (route, secret)


def test_an_upload_needs_no_session_and_is_then_nobodys(address: tuple[str, int]) -> None:
    stranger = Browser(address, opened=False)
    status, body = stranger.upload("a.txt", b"private words")
    assert status == 200
    (path,) = json.loads(body)
    for browser in (stranger, Browser(address)):
        assert browser.get(file_url(path))[0] == 403
    assert stranger.get(f"{PREFIX}/upload_progress?upload_id=nobodys")[0] == 404


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
