"""Hubs on this machine: the parts of the Hugging Face hub's and ModelScope's interfaces that a download uses, and what
can go wrong with them."""

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "c" * 40
CUT = 64 << 10  # bytes after which a connection is cut


@dataclass
class Hub:
    """A hub that serves `folder` as every model. A test changes what is wrong with it."""

    folder: Path
    address: str = ""
    cuts: dict[str, int] = field(default_factory=dict)  # how often the connection of a file is cut
    refuse: dict[str, list[int]] = field(default_factory=dict)  # statuses answered first, by file; "" is the list
    retry_after: int = 0  # seconds that a refusal asks to wait
    corrupt: set[str] = field(default_factory=set)  # files with a byte changed
    sizes: dict[str, int] = field(default_factory=dict)  # what the list says of a file's size
    names: list[str] = field(default_factory=list)  # more files that the list names
    down_after: int | None = None  # bytes of weights, after which nothing is answered any more
    pace: float = 0.0  # seconds for each CUT bytes of a file
    ignores_range: bool = False
    redirect: str = ""  # where files lie
    asked: list[str] = field(default_factory=list)  # "GET /path bytes=5-"
    tokens: list[str] = field(default_factory=list)
    sent: int = 0

    def content(self, name: str) -> bytes:
        data = (self.folder / name).read_bytes()
        return data[:-1] + bytes([data[-1] ^ 1]) if name in self.corrupt else data

    def listed(self) -> list[tuple[str, int, bytes]]:
        files = [(p.name, self.sizes.get(p.name, p.stat().st_size), p.read_bytes()) for p in self.folder.iterdir()]
        return files + [(name, 3, b"abc") for name in self.names]

    def hub_list(self) -> dict:
        siblings = []
        for name, size, data in self.listed():
            sibling = {"rfilename": name, "size": size}
            sibling["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(data).hexdigest()
                sibling["lfs"] = {"size": size, "sha256": digest, "pointerSize": 130}
            siblings.append(sibling)
        return {"id": "zai-org/Glyph", "sha": COMMIT, "siblings": siblings}

    def modelscope_list(self) -> dict:
        files = [
            {"Path": name, "Name": name, "Size": size, "Type": "blob", "Sha256": hashlib.sha256(data).hexdigest()}
            for name, size, data in self.listed()
        ]
        return {"Code": 200, "Data": {"Files": [{"Path": "images", "Type": "tree", "Size": 0}, *files]}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer()

    def _answer(self, head: bool = False) -> None:
        hub, url = self.hub, urlsplit(self.path)
        hub.asked.append(f"{self.command} {unquote(self.path)} {self.headers.get('Range', '')}".strip())
        if token := self.headers.get("Authorization"):
            hub.tokens.append(token)
        if hub.down_after is not None and hub.sent >= hub.down_after:
            return self._hang_up()
        query = parse_qs(url.query)
        if url.path.endswith("/repo/files") or url.path.startswith("/api/models/"):
            if self._refused(""):
                return None
            made = hub.modelscope_list() if url.path.endswith("/repo/files") else hub.hub_list()
            return self._send(200, json.dumps(made).encode(), head=head)
        name = query["FilePath"][0] if "FilePath" in query else unquote(url.path.rpartition("/")[2])
        if self._refused(name):
            return None
        if hub.redirect:
            self.send_response(302)
            self.send_header("Location", f"{hub.redirect}/{name}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._file(name, head)

    def _refused(self, name: str) -> bool:
        statuses = self.hub.refuse.get(name, [])
        if not statuses:
            return False
        status = statuses[0] if len(statuses) == 1 and statuses[0] != 429 else statuses.pop(0)
        self._send(
            status,
            b"{}",
            headers={"Retry-After": str(self.hub.retry_after)} if status == 429 or self.hub.retry_after else {},
        )
        return True

    def _file(self, name: str, head: bool) -> None:
        hub, wanted = self.hub, self.headers.get("Range", "")
        if not (hub.folder / name).is_file():
            return self._send(404, b"{}")
        data = hub.content(name)
        begin = int(wanted.removeprefix("bytes=").rstrip("-") or 0) if not hub.ignores_range else 0
        if begin >= len(data) > 0:
            return self._send(416, b"")
        headers = {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"} if begin else {}
        cut = hub.cuts.get(name, 0)
        if cut and not head:
            hub.cuts[name] = cut - 1
        return self._send(206 if begin else 200, data[begin:], headers, head, CUT if cut else None)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        head: bool = False,
        most: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if head:
            return
        if self.hub.down_after is not None and len(body) > CUT:
            most = max(0, self.hub.down_after - self.hub.sent)
        for begin in range(0, len(body[:most]), CUT):
            time.sleep(self.hub.pace)
            self.wfile.write(body[:most][begin : begin + CUT])
            if len(body) > CUT:
                self.hub.sent += len(body[:most][begin : begin + CUT])
        if most is not None and most < len(body):
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """A hub that answers for as long as the block lasts."""
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
