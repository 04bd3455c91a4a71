"""Who may use the window, and which files it hands out. Gradio checks passwords, paths and the size of uploads; this
checks before it what Gradio leaves open."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo.errors import SettingsError
from glyph_demo.settings import Server, Settings, cross_site, names_loopback

USER = "glyph"
COOKIE = "glyph-visitor"
# Uploads up to this many times our own limit come through, so that our message meets them and not the server's.
UPLOAD_SLACK = 4
MAX_EVENT_BYTES = 16 << 20  # of a click or a question; files come by /upload
VISITORS = 256  # browsers that are remembered; each has a cookie until it is closed
MAX_NAME = 255  # bytes, of a file's name in the usual file systems
_SAFE = ("GET", "HEAD", "OPTIONS")
_FILE = re.compile(r"/gradio_api/(?:file=|file/|proxy=)(.*)", re.DOTALL)
# What this window has no use for, and what would take videos, run functions or write files for whoever asks.
_UNUSED = re.compile(
    "/(?:gradio_api/)?(?:process_recording|component_server|(?:undo-)?vibe-|stream/|call/|custom_component/|dev/|"
    "run-history|runs|deep_link|monitoring|profiling)"
)
# A path as a whole or as a change to what was sent before; a text's own quotes are escaped.
_PATH_IN_JSON = re.compile(rb'(?<!\\)"path"(?::|\],)\s*("(?:[^"\\]|\\.)*")')
_TOKEN = re.compile(r"[0-9a-f]{32}")


def password(server: Server) -> str:
    """What the window asks of USER; "" asks for nothing. Raises SettingsError `open_door` where other machines could
    use the window without a secret and nobody said that they may."""
    if not server.auth:
        return ""
    if server.on_loopback:
        return server.password
    if not server.password and not server.api_key:
        raise SettingsError(
            "open_door",
            f"On {server.host} everybody in the network could read your documents. Set server.password (user name: "
            f"{USER}), for example by GLYPH_DEMO_SERVER__PASSWORD, or say --no-auth if that is what you want.",
            f"在 {server.host} 上，网络中的任何人都能读取您的文档。请设置 server.password（用户名: {USER}），"
            "例如通过环境变量 GLYPH_DEMO_SERVER__PASSWORD；如确实需要开放，请加 --no-auth。",
        )
    return server.password or server.api_key


class Told:
    """Which files each browser has heard of from us. Thread-safe."""

    def __init__(self) -> None:
        self._paths: OrderedDict[str, set[str]] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, visitor: str, paths: set[str]) -> None:
        with self._lock:
            self._paths.setdefault(visitor, set()).update(paths)
            self._paths.move_to_end(visitor)
            while len(self._paths) > VISITORS:
                self._paths.popitem(last=False)

    def knows(self, visitor: str, path: str) -> bool:
        with self._lock:
            return path in self._paths.get(visitor, ())


class Guard:
    """ASGI middleware around Gradio. It refuses what a page of another site sends (403), names of this machine that
    are not its own (400: DNS rebinding), bodies that are too large (413), routes that this window does not use (404),
    and files, whether fetched or named in an event, that were not shown to this very browser (403): neither another
    browser's uploads nor any other path nor an address to be fetched. Where `server.auth` is off, all browsers count as
    one: a proxy before us may not let cookies through."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._server = settings.server
        self._most_uploaded = UPLOAD_SLACK * settings.documents.max_file_mb << 20
        self._told = Told()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visitor = _visitor(headers) if self._server.auth else "everybody"
        refused = self._refused(scope, headers, visitor)
        if refused is None and scope["path"].endswith("/upload"):
            receive = _counted(receive, self._most_uploaded)
        elif refused is None and scope["method"] not in _SAFE:
            try:
                body = await _read(_counted(receive, MAX_EVENT_BYTES))
                receive = _again(body, receive)
                refused = None if all(self._told.knows(visitor, path) for path in _named_paths(body)) else 403
            except HTTPException as error:
                refused = error.status_code
        if refused is not None:
            await PlainTextResponse("Refused.", refused)(scope, receive, send)
            return
        await self._app(scope, receive, self._listening(scope["path"], visitor, send))

    def _refused(self, scope: Scope, headers: Headers, visitor: str) -> int | None:
        server = self._server
        if server.auth and server.on_loopback and not names_loopback(headers.get("host", "")):
            return 400
        if "\0" in scope["path"] or any(len(step.encode()) > MAX_NAME for step in scope["path"].split("/")):
            return 400  # no file can be called that; Gradio would stumble over it
        if _UNUSED.match(scope["path"]):
            return 404
        if server.auth and scope["method"] not in _SAFE and cross_site(headers):
            return 403
        if int(headers.get("content-length") or 0) > self._most_uploaded:
            return 413
        file = _FILE.search(scope["path"])
        return 403 if file and not self._told.knows(visitor, file[1]) else None

    def _listening(self, path: str, visitor: str, send: Send) -> Send:
        """`send` that remembers the files it tells this browser of, and gives a browser its cookie with the page."""
        uploading, telling = path.endswith("/upload"), False

        async def listen(message: Message) -> None:
            nonlocal telling
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                kind = headers.get("content-type", "")
                telling = message["status"] == 200 and kind.startswith(("application/json", "text/event-stream"))
                if not visitor and kind.startswith("text/html"):
                    headers.append("set-cookie", f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Lax")
            elif telling and visitor:
                body = message.get("body", b"")
                found = json.loads(body or "[]") if uploading else map(json.loads, _PATH_IN_JSON.findall(body))
                if paths := set(found):
                    self._told.tell(visitor, paths)
            await send(message)

        return listen


def _visitor(headers: Headers) -> str:
    """The token of a browser's cookie; "" for none."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie and _TOKEN.fullmatch(cookie.value) else ""


def _named_paths(body: bytes) -> Iterator[str]:
    """Every "path" in the JSON of an event."""
    try:
        waiting: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):
        return  # no event; Gradio says so
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("path"), str):
                yield item["path"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


async def _read(receive: Receive) -> bytes:
    """The body of a request."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body that was read already, then what comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def _counted(receive: Receive, most: int) -> Receive:
    """`receive` that raises HTTPException 413 when more than `most` bytes have come."""
    taken = 0

    async def received() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413)
        return message

    return received
