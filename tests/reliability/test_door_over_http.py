"""The window over HTTP, as somebody would use it who means harm: files of this machine, other people's uploads, pages
of other sites, requests without end."""

import http.client
import json
import os
import re
from pathlib import Path

import pytest

from glyph_demo.settings import Server
from glyph_demo.web import door
from glyph_demo.web.door import MAX_EVENT_BYTES, UPLOAD_SLACK
from tests.reliability.visitors import MAX_FILE_MB, PREFIX, ROOT, Browser, outside, serving, spellings

STRANGER = "abc"  # a session of a page that never loaded


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("window")) as address:
        yield address


def endless_upload(browser):
    """Whether an upload without a length goes through that is too large."""
    headers = {"Transfer-Encoding": "chunked", "Cookie": "; ".join(f"{n}={v}" for n, v in browser.cookies.items())}
    connection = http.client.HTTPConnection(*browser.address, timeout=30)
    try:
        parts = iter([b"x" * (MAX_FILE_MB << 20)] * (UPLOAD_SLACK + 1))
        connection.request("POST", "/uploads?name=a.txt", parts, headers, encode_chunked=True)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def opening(browser, session):
    """The number of the event that opens what a page has sent, found by its answer."""
    browser.window(session)
    config = json.loads(browser.get("/config")[1])
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "upload")
    return next(d["id"] for d in config["dependencies"] if [box, "upload"] in d["targets"])


def test_no_address_gives_a_file_of_this_machine(address, tmp_path):
    browser = Browser(address)
    upload = browser.uploaded("mine.txt", b"private words")
    routes = (f"{PREFIX}/file=", f"{PREFIX}/file/", f"{PREFIX}/proxy=", "/file=", "/static/", "/assets/", "/svelte/")
    routes += ("/pages/", "/pages/x/", "/uploads/", "/uploads?name=", f"{PREFIX}/stream/")
    folder = Path(os.environ["GRADIO_TEMP_DIR"]).parent
    tried = 0
    for path in [*outside(folder), upload, *map(str, folder.rglob("*"))]:
        for spelling in spellings(path):
            for route in routes:
                status, body = browser.get(route + spelling)
                tried += 1
                assert status in (400, 403, 404, 405), (status, route + spelling)
                assert not re.search(rb"root:|cache_dir|import |only for me|PATH=|private words", body), (
                    route + spelling
                )
    assert tried > 1000


def test_what_the_window_does_not_use_is_not_there(address):
    """Gradio would take files by path, cut a video, run a component's function, edit the app's code or tell what others
    did."""
    browser = Browser(address)
    unused = "upload process_recording component_server vibe-edit/ undo-vibe-edit vibe-starter-queries/ stream/x reset "
    unused += "stream/x/close call/open_files call/v2/open_files run-history/connect run/open_files api/predict "
    unused += "api/open_files queue/join/ vibe-code"
    for route in unused.split():
        assert browser.post(f"{PREFIX}/{route}", {"data": [], "session_hash": "x"})[0] == 404, route
    unused = "vibe-code/ stream/a/b/1/playlist-file stream/a/b/1/playlist.m3u8 deep_link?session_hash=x dev/reload "
    unused += "custom_component/1/client/component/..%2f..%2fconfig.yaml info openapi.json queue/status user token "
    unused += "runs startup-events upload_progress?upload_id=x"
    for route in unused.split():
        assert browser.get(f"{PREFIX}/{route}")[0] == 404, route
    for route in ("/monitoring", "/monitoring/summary", "/monitoring/x", "/svelte/x.js", "/logout", "/pwa_icon"):
        assert browser.get(route)[0] == 404, route


def test_what_is_open_to_all_tells_nothing_of_this_machine(address):
    browser = Browser(address)
    upload = browser.uploaded("mine.txt", b"private words")
    for route in ("/", "/config", "/theme.css", "/robots.txt", "/manifest.json", "/nothing"):
        body = browser.get(route)[1].decode()
        for secret in (str(ROOT), os.environ["GRADIO_TEMP_DIR"], upload, "mine.txt"):
            assert secret not in body, (route, secret)


def test_who_was_never_served_a_page_can_do_nothing(address):
    for stranger in (Browser(address, opened=False), Browser(address, opened=False)):
        stranger.cookies = {} if not stranger.cookies else {f"glyph-visitor-{address[1]}": "0" * 64}
        assert stranger.upload("a.txt", b"words")[0] == 403
        for route in ("queue/join", "run/predict", "cancel"):
            body = {"data": [None, None], "fn_index": 0, "session_hash": "x", "event_id": "x"}
            assert stranger.post(f"{PREFIX}/{route}", body)[0] == 403, route
        for route in ("queue/data?session_hash=session", "heartbeat/session"):
            assert stranger.get(f"{PREFIX}/{route}")[0] == 403, route


def test_an_upload_is_opened_by_the_browser_that_sent_it_and_by_no_other(address):
    mine, other = Browser(address), Browser(address)
    upload = mine.uploaded("mine.txt", b"private words of mine")
    files = {"files": [{"id": upload}]}
    number = opening(other, "other")
    status, told = other.event(number, [None], files, "other")
    assert status == 200
    assert "not here any more" in told
    assert "mine.txt" not in told
    opening(mine, "mine")
    status, told = mine.event(number, [None], files, "mine")
    assert "mine.txt" in told
    assert "not here any more" not in told


def test_a_page_is_shown_to_the_browser_whose_window_shows_it(address):
    mine, other = Browser(address), Browser(address)
    upload = mine.uploaded("mine.txt", b"private words of mine")
    mine.event(opening(mine, "shown"), [None], {"files": [{"id": upload}]}, "shown")
    told = mine.event(1, [None], None, "shown")[1]
    picture = re.findall(r"pages/\w+/\w+\.png", told)[-1]
    status, body = mine.get(f"/{picture}")
    assert (status, body[:4]) == (200, b"\x89PNG")
    assert other.get(f"/{picture}")[0] == 404
    assert Browser(address, opened=False).get(f"/{picture}")[0] == 403


@pytest.mark.parametrize(
    "odd",
    [
        {"fn_index": 999},
        {"fn_index": -1},
        {"fn_index": 10**30},
        {"fn_index": True},
        {"fn_index": "0"},
        {"fn_index": None},
        {"data": {}},
        {"data": "\ud800"},
        {"data": [float("inf")]},
        {"data": [None, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [[[{"a": {"path": "x"}}]]]},
        {"event_data": {"files": [{"path": "/etc/passwd"}]}},
        {"event_data": [[]] * 2000},
        {"session_hash": "../x"},
        {"session_hash": "x" * 100},
        {"session_hash": None},
        {"trigger_id": "x"},
        {"trigger_id": 1.5},
    ],
)
def test_an_event_that_no_page_sends_is_refused_and_not_repeated(odd, address):
    sent = {"data": [None, None], "fn_index": 0, "session_hash": STRANGER} | odd
    for route in ("queue/join", "run/predict"):
        status, body = Browser(address).post(f"{PREFIX}/{route}", sent)
        assert (status in (200, 400), len(body) < 200) == (True, True), (odd, status, body)
        assert status == 400, (odd, body)


def test_bodies_that_are_no_event_are_refused(address):
    browser = Browser(address)
    deep = b"[" * (MAX_EVENT_BYTES - 1)
    for body in (b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"data":' + deep, b"[]," * 80_000, b'{"a":' * 50_000):
        for route in ("queue/join", "run/predict", "cancel"):
            kind = {"Content-Type": "application/json"}
            status, answer = browser.send("POST", f"{PREFIX}/{route}", body[:MAX_EVENT_BYTES], kind)
            assert (status, len(answer) < 200) == (400, True), (route, body[:20], status)


def test_names_of_uploads_are_for_people(address):
    browser = Browser(address)
    opened = opening(browser, "names")
    for name in ("../../up.txt", "/etc/up.txt", "..\\..\\up.txt", "n" * 3000 + ".txt", "a\u202eb\x01.txt", "..", ""):
        status, body = browser.upload(name, b"text")
        assert status == 200, (name, status)
        told = browser.event(opened, [None], {"files": [json.loads(body)]}, "names")[1]
        assert "/etc" not in told
        assert "\\x01" not in told
        assert "n" * 200 not in told
    assert not Path("/etc/up.txt").exists()


def test_pages_of_other_sites_can_send_nothing(address):
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


def test_in_a_frame_of_another_site_the_cookie_is_one_that_browsers_keep_there(address):
    for headers, reach in (
        ({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}, "SameSite=None; Secure; Partitioned"),
        ({"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}, "SameSite=Lax"),
        ({}, "SameSite=Lax"),
    ):
        connection = http.client.HTTPConnection(*address, timeout=30)
        connection.request("GET", "/", headers=headers)
        assert (connection.getresponse().getheader("set-cookie") or "").endswith(f"; Path=/; HttpOnly; {reach}")
        connection.close()


def test_a_session_of_a_page_is_its_browser_s(address):
    mine, other = Browser(address), Browser(address)
    mine.window("mine-alone".replace("-", "_"))
    sent = {"data": [None, None], "fn_index": 0, "session_hash": "mine_alone", "event_id": "x"}
    for route in ("queue/join", "run/predict", "cancel"):
        assert other.post(f"{PREFIX}/{route}", sent)[0] == 403, route
    for route in ("queue/data?session_hash=mine_alone", "heartbeat/mine_alone"):
        assert other.get(f"{PREFIX}/{route}")[0] == 403, route


def test_one_browser_cannot_hold_all_connections(address, monkeypatch):
    monkeypatch.setattr(door, "MAX_STREAMS", 3)
    browser = Browser(address)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    held = []
    for number in range(3):
        held.append(http.client.HTTPConnection(*address, timeout=30))
        held[-1].request("GET", f"{PREFIX}/heartbeat/held{number}", headers=cookie)
        assert held[-1].getresponse().status == 200
    assert browser.get(f"{PREFIX}/heartbeat/another")[0] == 429
    assert Browser(address).window("somebody")
    for connection in held:
        connection.close()


@pytest.mark.parametrize(
    "odd", ["127.0.0.1:abc", "[::1", "evil.example:99999999", "a  b", "\u00e9", "x" * 5000, "//x", "a@b"]
)
def test_odd_headers_of_proxies_break_nothing(odd, address):
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Gradio-Server", "Forwarded"):
        for path in ("/", "/config", "/theme.css"):
            status, body = Browser(address).get(path, **{name: odd.encode().decode("latin-1")})
            assert status == 200, (name, path)
            assert odd not in body.decode(), (name, path)


def test_long_addresses_break_nothing(address):
    browser = Browser(address)
    for start in ("/assets/", "/static/", "/pages/", f"{PREFIX}/heartbeat/", "/"):
        for rest in ("a/" * 3000, "a" * 5000, "%00", "%ff" * 300, "\u00e9".encode().hex() * 400):
            assert browser.get(start + rest)[0] in (400, 404), (start, rest[:10])


def test_pages_of_other_ports_can_read_nothing(address):
    """Gradio allows any page of this machine to read with the browser's cookies."""
    cookies = "; ".join(f"{name}={value}" for name, value in Browser(address).cookies.items())
    for origin in ("http://127.0.0.1:9999", "http://localhost:9999", "null", "http://evil.example"):
        for path in ("/", "/config", "/theme.css", "/pages/a/b.png"):
            connection = http.client.HTTPConnection(*address, timeout=30)
            headers = {"Origin": origin, "Sec-Fetch-Site": "same-site", "Cookie": cookies}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert not [name for name, _ in answer.getheaders() if name.lower().startswith("access-control-")], path
            assert answer.status == (403 if path.startswith("/pages") else 200)
            connection.close()


def test_nobody_can_say_that_they_are_another(address):
    mine, other = Browser(address), Browser(address)
    upload = mine.uploaded("mine.txt", b"private words of mine")
    (token,) = mine.cookies.values()
    number = opening(other, "forged")
    sent = {"data": [None], "event_data": {"files": [{"id": upload}]}, "fn_index": number, "session_hash": "forged"}
    assert other.post(f"{PREFIX}/queue/join", sent, **{"X-Glyph-Visitor": token})[0] == 200
    assert "not here any more" in other.get(f"{PREFIX}/queue/data?session_hash=forged")[1].decode()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::2]:7860"])
def test_a_name_that_was_made_to_point_here_is_refused(address, host):
    assert Browser(address, opened=False).get("/", Host=host)[0] == 400
    for own in ("localhost", f"127.0.0.1:{address[1]}", "[::1]:80"):
        assert Browser(address, opened=False).get("/", Host=own)[0] == 200


def test_requests_have_a_largest_size(address):
    browser = Browser(address)
    assert browser.upload("a.txt", b"x" * (MAX_FILE_MB + 1 << 20))[0] == 200, (
        "our own message says that it is too large"
    )
    assert browser.upload("a.txt", b"x" * ((UPLOAD_SLACK * MAX_FILE_MB << 20) + 1))[0] == 413
    assert browser.send("POST", f"{PREFIX}/queue/join", b'"' + b"x" * MAX_EVENT_BYTES + b'"')[0] == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.send("POST", "/login", b"x" * (MAX_EVENT_BYTES + 1), form)[0] == 413
    for length in ("-1", "1e3", "9" * 5000, "٣"):
        sent = {"Content-Length": length.encode().decode("latin-1")}
        assert browser.send("POST", "/uploads", b"", sent)[0] in (400, 413), length
    assert not endless_upload(browser), "without a length it is cut off"
    assert browser.get("/")[0] == 200


def test_a_password_keeps_everything_but_the_login_page_back(tmp_path):
    with serving(tmp_path, Server(password="open sesame")) as address:
        browser = Browser(address)
        assert browser.get("/config")[0] == 401
        assert b"glyph-engine" not in browser.get("/")[1]
        for route in ("/uploads", f"{PREFIX}/queue/join", f"{PREFIX}/run/predict"):
            assert browser.post(route, {})[0] == 401, route
        assert browser.get("/pages/x/y.png")[0] == 401
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.send("POST", "/login", b"username=glyph&password=wrong", form)[0] == 400
        assert browser.upload("a.txt", b"words")[0] == 401
        assert browser.send("POST", "/login", b"username=glyph&password=open%20sesame", form)[0] == 200
        assert browser.uploaded("mine.txt", b"private words")
        browser.window()
        assert Browser(address).upload("a.txt", b"words")[0] == 401


def test_without_the_door_the_proxy_before_it_decides_and_files_stay_inside(tmp_path):
    with serving(tmp_path, Server(auth=False)) as address:
        browser = Browser(address, opened=False)
        assert browser.upload("shared.txt", b"words", Host="someone-glyph.hf.space")[0] == 200
        browser.window()
        assert browser.get(f"{PREFIX}/file=/etc/passwd")[0] == 404
        assert browser.get(f"{PREFIX}/file=https://example.com/")[0] == 404
