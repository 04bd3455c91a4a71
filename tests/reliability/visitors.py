"""The app as `python app.py` serves it, window and API at one address, over a small engine; and somebody who sends it
whatever they like."""

import contextlib
import http.client
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from glyph_demo.conversation.session import open_store
from glyph_demo.serving.service import Service
from glyph_demo.settings import Server, Settings
from glyph_demo.web.app import server_config, web_app
from glyph_demo.windows.collection import Windows
from tests.fakes import FakeEngine
from tests.servers import served

ROOT = Path(__file__).parents[2]
SECRET = "only for me"
PREFIX = "/gradio_api"
MAX_FILE_MB = 5


@contextlib.contextmanager
def serving(folder: Path, server: Server | None = None) -> Iterator[tuple[str, int]]:
    """Host and port of the app."""
    settings = replace(Settings(), cache_dir=str(folder / "cache"), server=server or Server())
    settings = replace(settings, documents=replace(settings.documents, max_file_mb=MAX_FILE_MB))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        engine, store = FakeEngine(), open_store(settings)
        service = Service(engine, settings, store, lambda: True)
        windows = Windows(engine, settings, lambda changed: FakeEngine(), store)
        with served(server_config(web_app(windows, service), settings.server.host, 0)) as port:
            yield "127.0.0.1", port
        windows.close_all()
        service.close()


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
        return self.send("POST", f"/uploads?name={quote(name)}", data, headers)

    def uploaded(self, name: str, data: bytes) -> str:
        """The id of an upload."""
        status, body = self.upload(name, data)
        assert status == 200, body
        return json.loads(body)["id"]

    def event(self, number: int, data: list[Any], event_data: Any = None, session: str = "session") -> tuple[int, str]:
        """Status of an event, and what the page is told of it until it is over."""
        sent = {"data": data, "event_data": event_data, "fn_index": number, "session_hash": session}
        status, body = self.post(f"{PREFIX}/queue/join", sent)
        if status != 200:
            return status, body.decode()
        return status, self.get(f"{PREFIX}/queue/data?session_hash={session}")[1].decode()

    def window(self, session: str = "session") -> str:
        """The id of a window, which a page of this session opens."""
        _, told = self.event(0, [None, None], session=session)
        return re.findall('"window":"([0-9a-f]{32})"', told)[0]


def file_urls(path: str) -> list[str]:
    """Where Gradio would hand a file out."""
    return [f"{PREFIX}/file={quote(path)}", f"{PREFIX}/file/{quote(path)}", f"/file={quote(path)}"]


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
