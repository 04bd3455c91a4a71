"""Who may use the window, and what they may send. Checked before Gradio or a route of ours sees a request."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field, StrictInt, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo.errors import SettingsError
from glyph_demo.settings import Server, Settings, cross_site, names_loopback
from glyph_demo.web.bodies import read_body, with_body, with_limit
from glyph_demo.windows.visit import VISITOR

USER = "glyph"
COOKIE = "glyph-visitor"
EVERYBODY = "everybody"  # the visitor where `server.auth` is off
# Uploads up to this many times our own limit are let through, so that our message refuses them and not the server's.
UPLOAD_SLACK = 4
MAX_EVENT_BYTES = 64 << 10  # of a click or a question; files are sent to /uploads
MAX_EVENT_VALUES = 1000  # in an event's JSON; a page sends about a dozen
MAX_BRACKETS = 10_000  # in an event's JSON, those in a question's text included
MAX_NUMBER = 2**53  # JavaScript represents all whole numbers below it exactly
MAX_PATH, MAX_NAME = 1000, 255  # bytes of a URL's path and of one segment; file systems fail on more
MAX_STREAMS = 64  # open at a time for one browser; a tab has two
MAX_SESSIONS = 1000  # of pages that are remembered with their visitor
LOGGED_IN = 256  # browsers that gave the password and are remembered
_SAFE = ("GET", "HEAD", "OPTIONS")
# All routes of Gradio that this window uses. By app_id a page that lost its connection sees that the app is back.
# Gradio has many more: some give files by their path, fetch URLs, run functions or write files for anybody.
_OPEN = re.compile(
    r"/|/(?:config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|gradio_api/app_id)|/(?:assets|static)/.*",
    re.DOTALL,
)
_LOGIN = "/login"
_UPLOAD = "/uploads"
Name = Annotated[str, Field(pattern=r"^\w{1,64}$")]
_STREAM = re.compile(r"/gradio_api/(?:queue/data|heartbeat/(\w+))")
_HOST = re.compile(r"(?:[\w.-]{1,255}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?")
_FORM = "application/x-www-form-urlencoded"
_PICTURE = re.compile(r"/pages/\w+/\w+\.png")


class _EventRequest(BaseModel):
    """The fields of an event that are passed on to Gradio."""

    session_hash: Name
    fn_index: StrictInt
    data: list[Any]
    event_data: Any = None
    trigger_id: StrictInt | None = None


class _CancelRequest(BaseModel):
    session_hash: Name
    fn_index: StrictInt
    event_id: Name


_EVENTS: dict[str, type[_EventRequest | _CancelRequest]] = {
    "/gradio_api/queue/join": _EventRequest,
    "/gradio_api/run/predict": _EventRequest,
    "/gradio_api/cancel": _CancelRequest,
}


def password(server: Server) -> str:
    """The password of USER for the window; "" if it needs none. Raises SettingsError `open_door` if other machines
    could use the window without a password although `server.auth` is on."""
    if not server.auth:
        return ""
    if server.on_loopback:
        return server.password
    if not server.password and not server.api_keys:
        raise SettingsError(
            "open_door",
            f"On {server.host} everybody in the network could read your documents. Set server.password (user name: "
            f"{USER}), for example by GLYPH_DEMO_SERVER__PASSWORD, or say --no-auth if that is what you want.",
            f"在 {server.host} 上，网络中的任何人都能读取您的文档。请设置 server.password（用户名：{USER}），"
            "例如通过环境变量 GLYPH_DEMO_SERVER__PASSWORD；如确实需要开放，请加 --no-auth。",
        )
    return server.password or server.api_keys[0]


class Visitors:
    """The browsers that a page was served to, each known by a token in its cookie. Tokens are signed with a key of this
    run, so nobody can forge one and none has to be stored. Thread-safe."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._logged_in: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def new(self) -> str:
        name = secrets.token_hex(16)
        return name + self._signature(name)

    def named(self, headers: Headers, cookie: str) -> str:
        """The token in the cookie named `cookie`; "" if it is not ours. A browser also sends the cookies of all other
        apps on this host, whatever they contain, so each is parsed by itself."""
        for pair in ";".join(headers.getlist("cookie")).split(";"):
            name, _, value = pair.strip().partition("=")
            if name == cookie and value.isascii() and hmac.compare_digest(self._signature(value[:32]), value[32:]):
                return value
        return ""

    def log_in(self, visitor: str) -> None:
        with self._lock:
            self._logged_in[visitor] = None
            while len(self._logged_in) > LOGGED_IN:
                self._logged_in.popitem(last=False)

    def logged_in(self, visitor: str) -> bool:
        with self._lock:
            return visitor in self._logged_in

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:32]


class Guard:
    """ASGI middleware around the window. It refuses

    - 400: a Host header that does not name this machine (DNS rebinding), a malformed one, a path that is too long, and
      events that are not among the window's `events` or name a file;
    - 401: everything but the page itself from browsers that have not given the password;
    - 403: requests from pages of other sites, from browsers that no page was served to, and for another's session;
    - 404: routes that this window does not use;
    - 413: bodies that are too large;
    - 429: more open streams of one browser than MAX_STREAMS.

    Where `server.auth` is off, all browsers count as one, because a proxy may not let cookies through."""

    def __init__(self, app: ASGIApp, settings: Settings, events: Collection[int]) -> None:
        self._app = app
        self._server = settings.server
        self._secret = bool(password(settings.server))
        self._most_uploaded = UPLOAD_SLACK * settings.documents.max_file_mb << 20
        self._events = events
        self._visitors = Visitors()
        self._sessions: OrderedDict[str, str] = OrderedDict()  # visitors by the session of their page
        self._streams: Counter[str] = Counter()  # open ones by visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, cookie = Headers(scope=scope), f"{COOKIE}-{(scope.get('server') or ('', 0))[1]}"
        visitor = self._visitors.named(headers, cookie) if self._server.auth else EVERYBODY
        refused = self._refused(scope, headers, visitor)
        if refused is None and scope["method"] not in _SAFE:
            receive, refused = await self._body(scope["path"], visitor, receive)
        if refused is not None:
            await PlainTextResponse("Refused.", refused)(scope, receive, send)
            return
        others = [(name, value) for name, value in scope["headers"] if _is_passed_on(name, value)]
        scope = {**scope, "headers": [*others, (VISITOR.encode(), visitor.encode())]}
        send = self._welcoming(scope["path"], visitor, cookie, headers, send)
        if not _STREAM.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        self._streams[visitor] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams[visitor] -= 1
            self._streams += Counter()  # drops the zeros

    def _refused(self, scope: Scope, headers: Headers, visitor: str) -> int | None:
        server, path, safe = self._server, scope["path"], scope["method"] in _SAFE
        if server.auth and server.on_loopback and not names_loopback(headers.get("host", "")):
            return 400
        if (
            "\0" in path
            or len(path.encode()) > MAX_PATH
            or any(len(name.encode()) > MAX_NAME for name in path.split("/"))
        ):
            return 400
        if not _HOST.fullmatch(headers.get("host", "")):
            return 400  # Gradio would fail on it
        if safe and _OPEN.fullmatch(path):
            return None
        stream = _STREAM.fullmatch(path) if safe else None
        if not (stream or _PICTURE.fullmatch(path) if safe else path in (_UPLOAD, _LOGIN, *_EVENTS)):
            return 404
        if not visitor or (server.auth and cross_site(headers)):
            return 403
        if self._secret and path != _LOGIN and not self._visitors.logged_in(visitor):
            return 401
        if path == _LOGIN and not headers.get("content-type", "").lower().startswith(_FORM):
            return 400
        if stream and server.auth and self._streams[visitor] >= MAX_STREAMS:
            return 429
        if stream and not self._is_own(stream[1] or _query(scope, "session_hash"), visitor):
            return 403
        most = self._most_uploaded if path == _UPLOAD else MAX_EVENT_BYTES
        length = headers.get("content-length") or "0"
        return 413 if not length.isdecimal() or len(length) > 15 or int(length) > most else None

    async def _body(self, path: str, visitor: str, receive: Receive) -> tuple[Receive, int | None]:
        """A `receive` that gives the checked body of a request, and the status to refuse the request with, if any."""
        if path == _UPLOAD:
            return with_limit(receive, self._most_uploaded), None
        try:
            body = await read_body(with_limit(receive, MAX_EVENT_BYTES))
        except HTTPException as error:
            return receive, error.status_code
        if path == _LOGIN:
            return with_body(body, receive), None
        if body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
            return receive, 400  # so many lists would start garbage collections, which stop all threads
        try:
            event = _EVENTS[path].model_validate_json(body)
        except ValidationError:
            return receive, 400
        if event.fn_index not in self._events or not _is_plain(event.model_dump()):
            return receive, 400
        if not self._is_own(event.session_hash, visitor):
            return receive, 403
        return with_body(event.model_dump_json().encode(), receive), None

    def _is_own(self, session: str, visitor: str) -> bool:
        """Whether a page's session is this visitor's. It belongs to the one who used it first."""
        owner = self._sessions.setdefault(session, visitor)
        self._sessions.move_to_end(session)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return owner == visitor

    def _welcoming(self, path: str, visitor: str, cookie: str, headers: Headers, send: Send) -> Send:
        """A `send` that gives a browser its cookie with a page, and remembers who has given the password."""

        async def welcome(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name in [name for name in answer if name.startswith("access-control-")]:
                    del answer[name]  # Gradio lets pages of other ports read its answers
                if not visitor and answer.get("content-type", "").startswith("text/html"):
                    # In a frame of another site, such as a notebook's, browsers keep only partitioned cookies.
                    framed = headers.get("sec-fetch-dest") == "iframe" and cross_site(headers)
                    reach = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax"
                    answer.append("set-cookie", f"{cookie}={self._visitors.new()}; Path=/; HttpOnly; {reach}")
                elif path == _LOGIN and message["status"] == 200:
                    self._visitors.log_in(visitor)
                elif path in _EVENTS and message["status"] == 500:
                    message = {**message, "status": 400}  # Gradio's status for input that a component refuses
            await send(message)

        return welcome


def _is_passed_on(name: bytes, value: bytes) -> bool:
    """Whether Gradio may see a header. It makes URLs of those that proxies add, and fails on malformed ones."""
    if name in (b"x-forwarded-host", b"x-forwarded-proto"):
        return bool(_HOST.fullmatch(value.decode("latin-1")))
    return name not in (VISITOR.encode(), b"x-gradio-server", b"x-forwarded-port", b"x-forwarded-prefix", b"forwarded")


def _query(scope: Scope, name: str) -> str:
    """The value of `name` in the query of the URL; "" if it has none."""
    return next((value for key, value in parse_qsl(scope["query_string"].decode("latin-1")) if key == name), "")


def _is_plain(event: dict[str, Any]) -> bool:
    """Whether an event has at most MAX_EVENT_VALUES values and no object with a `path`, which Gradio would take for a
    file; the files of this window have ids."""
    waiting: list[Any] = [event]
    seen = 0
    while waiting and seen <= MAX_EVENT_VALUES:
        item = waiting.pop()
        if isinstance(item, dict):
            if "path" in item:
                return False
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, int | float) and not abs(item) < MAX_NUMBER:
            return False
        seen += 1
    return not waiting
