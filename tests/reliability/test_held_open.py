"""Connections that somebody opens and never ends: nobody else notices, and what they took is given back."""

import contextlib
import os
import socket
import sys
import time

import psutil
import pytest

from glyph_demo.serving.door import largest_body
from glyph_demo.web import bodies, connections
from glyph_demo.web.door import MAX_EVENT_BYTES
from tests.command import started
from tests.reliability.visitors import MAX_FILE_MB, PREFIX, Browser, serving

Address = tuple[str, int]
MANY = 60
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
BODIES = {  # the beginnings of requests, none of which is ever whole
    "a header": b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
    "an event": b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{",
    "an event in chunks": b"POST /gradio_api/run/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\n{",
    "an upload": b"POST /uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + UPLOAD,
    "a question": b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n"
    b"Content-Type: application/json\r\n\r\n{",
    "a file": b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + UPLOAD,
}
STREAMS = (f"{PREFIX}/heartbeat/someone", f"{PREFIX}/queue/data?session_hash=nobody")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("held")) as address:
        yield address


@contextlib.contextmanager
def held(address, beginnings):
    """Connections on which these beginnings were sent."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in beginnings]
        for connection, beginning in zip(connections, beginnings, strict=True):
            connection.sendall(beginning)
        yield connections


def of_page(address, request, browser=None):
    """A request as it comes from a page that was served, to `browser` or a new one."""
    cookies = "; ".join(f"{name}={value}" for name, value in (browser or Browser(address)).cookies.items())
    return request.replace(b"\r\n", f"\r\nCookie: {cookies}\r\n".encode(), 1)


def closed(connection):
    """Whether a connection is closed after what is still to come on it."""
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def cut_off(connection, piece, times, pause=0.0):
    """Whether a connection is closed while this is sent on it again and again."""
    for _ in range(times):
        try:
            connection.sendall(piece)
        except ConnectionError:
            return True
        time.sleep(pause)
    return False


def works(address):
    browser = Browser(address)
    upload = browser.uploaded("mine.txt", b"words")
    return bool(upload) and browser.get("/healthz")[0] == 200 and browser.get("/")[0] == 200


def status(connection):
    """Of the answer that comes on a connection; 0 where it is closed without one."""
    line = connection.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


@pytest.mark.parametrize("beginning", BODIES.values(), ids=BODIES)
def test_requests_that_never_end_hold_nobody_up(beginning, address):
    with held(address, [of_page(address, beginning)] * MANY):
        assert works(address)
    assert works(address)


def test_a_header_that_never_ends_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    with held(address, [b"", b"G", BODIES["a header"], b"GET / HTTP/1.1\r\n"]) as silent:
        assert all(closed(connection) for connection in silent)
    with held(address, [BODIES["a header"]]) as (trickling,):
        assert cut_off(trickling, b"x", times=100, pause=0.05)
    with held(address, [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]) as (kept,):
        assert status(kept) == 200
        kept.sendall(b"GET /healthz HT")
        assert closed(kept), "nor is that of a second request"


def test_a_header_without_end_is_cut_off(address):
    for beginning, piece in ((BODIES["a header"], b"x" * 10_000), (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 1000)):
        with held(address, [beginning]) as (connection,):
            assert cut_off(connection, piece, times=1000)
    assert works(address)


def test_more_connections_than_there_is_room_for_starve_nobody(address, monkeypatch):
    """Those that wait longest for a request make room; only where all are answered is another refused."""
    monkeypatch.setattr(connections, "most_connections", lambda: 20)
    with held(address, [BODIES["a header"]] * MANY):
        assert works(address)
    stream = of_page(address, f"GET {PREFIX}/heartbeat/busy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    with held(address, [stream] * 20) as streams:
        assert {status(connection) for connection in streams} == {200}
        with held(address, [b""]) as (one_more,):
            assert status(one_more) == 503
    assert works(address)


@pytest.mark.long
def test_with_few_descriptors_the_app_is_there_for_others(tmp_path):
    """200 headers that never ended made an app with 160 descriptors unreachable."""
    environment = os.environ | {"GLYPH_DEMO_CACHE_DIR": str(tmp_path), "GLYPH_DEMO_SERVER__PORT": "0"}
    command = ["bash", "-c", f"ulimit -n 160; exec {sys.executable} app.py --engine pocket"]
    with started(command, tmp_path / "log", env=environment) as (_, served):
        address = ("127.0.0.1", int(served.rpartition(":")[2]))
        with held(address, [BODIES["a header"]] * 200):
            for _ in range(10):
                assert works(address)


def test_streams_that_are_held_open_hold_nobody_up(address):
    streams = (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in STREAMS)
    stream = [of_page(address, request) for request in streams]
    with held(address, stream * (MANY // 2)) as connections:
        assert {status(connection) for connection in connections} <= {200, 404}
        assert works(address)


def test_two_streams_of_one_page_that_break_off_are_no_crash(address, caplog):
    browser = Browser(address)
    browser.window("twice")
    stream = f"GET {PREFIX}/queue/data?session_hash=twice HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with held(address, [of_page(address, stream, browser)] * 2) as connections:
        assert [status(connection) for connection in connections] == [200, 200]
    time.sleep(1)
    assert not [record for record in caplog.records if record.exc_info]


def test_an_upgrade_to_a_websocket_gives_no_way_in(address):
    upgrade = "Host: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    paths = ("/", f"{PREFIX}/queue/join", f"{PREFIX}/queue/data", f"{PREFIX}/stream/x", "/v1/chat/completions")
    for host in ("127.0.0.1", "evil.example"):
        requests = [f"GET {path} HTTP/1.1\r\n{upgrade.format(host)}".encode() for path in paths]
        with held(address, requests) as connections:
            assert 101 not in {status(connection) for connection in connections}
    assert works(address)


@pytest.mark.parametrize("kind", [kind for kind in BODIES if kind != "a header"])
def test_a_body_that_stands_still_is_let_go(kind, address, monkeypatch):
    monkeypatch.setattr(bodies, "STALLED", 0.2)
    with held(address, [of_page(address, BODIES[kind])]) as (connection,):
        assert status(connection) == 408


def test_nor_does_one_that_trickles_take_for_ever(address, monkeypatch):
    monkeypatch.setattr(bodies, "STALLED", 0.3)
    with held(address, [of_page(address, BODIES["an upload"])]) as (connection,):
        for _ in range(20):
            time.sleep(0.1)
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"x")
        assert status(connection) == 408


def test_a_body_that_comes_slowly_is_waited_for(address, monkeypatch):
    monkeypatch.setattr(bodies, "STALLED", 1.0)
    monkeypatch.setattr(bodies, "SLOWEST", 1)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\n"
    with held(address, [head]) as (connection,):
        for _ in range(8):
            time.sleep(0.2)
            connection.sendall(b"{")
        assert status(connection) == 422


def chunked(path, kind):
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode()


@pytest.mark.parametrize(
    ("path", "kind", "most"),
    [
        (f"{PREFIX}/queue/join", "application/json", MAX_EVENT_BYTES),
        (f"{PREFIX}/run/predict", "application/json", MAX_EVENT_BYTES),
        ("/login", "application/x-www-form-urlencoded", MAX_EVENT_BYTES),
        ("/v1/chat/completions", "application/json", largest_body(MAX_FILE_MB)),
        ("/api/v1/generate", "application/json", largest_body(MAX_FILE_MB)),
        ("/v1/files", "multipart/form-data; boundary=x", largest_body(MAX_FILE_MB)),
    ],
)
def test_a_body_without_a_length_is_refused_at_the_limit(path, kind, most, address):
    """However much is sent, it takes no more memory than its limit and a copy."""
    before = psutil.Process().memory_info().rss
    piece = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    with held(address, [of_page(address, chunked(path, kind))]) as (connection,):
        for _ in range(0, 5 * most, 1 << 20):
            connection.sendall(piece)
        assert status(connection) in (400, 413)
        assert psutil.Process().memory_info().rss - before < 3 * most + (4 << 20)  # what a process moves by anyway
    assert works(address)


def test_lengths_that_are_none_are_refused(address):
    for length in ("-1", "1e9", "0x10", "99999999999999999999", "1, 2", "\u0661".encode().decode("latin-1")):
        request = f"POST {PREFIX}/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        with held(address, [request.encode("latin-1")]) as (connection,):
            assert status(connection) in (400, 413), length
    assert works(address)
