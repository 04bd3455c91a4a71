"""Who may use the API, and how large requests may be. Checked before a request is read."""

from __future__ import annotations

import secrets
from itertools import islice

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo.errors import GlyphError
from glyph_demo.serving.errors import error_response, language_of
from glyph_demo.settings import Settings, cross_site, names_loopback

OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json")  # for everybody
TEXT_BYTES = 3 << 20  # of a body besides its file: texts, with up to 12 bytes per character, and field names
TOGETHER = 4  # times the largest body: what all requests together may hold

_OWNER = "glyph_demo.owner"


def largest_body(max_file_mb: int) -> int:
    """The most bytes that a body may have: a file in base64, and texts."""
    return (max_file_mb << 20) * 4 // 3 + TEXT_BYTES


def owner_of(request: Request) -> str:
    """The API key of a request; "" if the server needs none."""
    return request.scope[_OWNER]


class Door:
    """ASGI middleware. If the settings have API keys, every request needs one. Otherwise, unless `server.auth` is off,
    only this machine may send requests, and of web pages only those of `server.allowed_origins`. A body larger than
    `largest_body` is refused with 413; any body is refused with 503 while all together hold `TOGETHER` times as
    much."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._server = settings.server
        self._language = settings.language
        self._keys = [key.encode() for key in settings.server.api_keys]
        self._origins = settings.server.origins
        self._most = largest_body(settings.documents.max_file_mb)
        self._held: dict[object, int] = {}  # bytes by request that is not answered yet, oldest first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = self._key(headers)
        refused = None if scope["path"] in OPEN else self._refused(headers, key)
        if refused is not None:
            await error_response(refused, language_of(headers, self._language))(scope, receive, send)
            return
        scope[_OWNER] = key
        me = object()
        self._held[me] = 0

        async def counted() -> Message:
            message = await receive()
            self._held[me] += len(message.get("body", b""))
            if self._held[me] > self._most:
                raise HTTPException(413)
            # The oldest ones may go on: if all were refused, all would be sent again.
            if sum(self._held.values()) > TOGETHER * self._most and me not in islice(self._held, TOGETHER):
                raise HTTPException(503)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            del self._held[me]

    def _key(self, headers: Headers) -> str:
        """The key that was sent; "" if it is none of ours. The time it takes does not depend on the key."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        sent = key.strip().encode("latin-1")  # as sent: a key need not be ASCII
        same = [known for known in self._keys if secrets.compare_digest(sent, known)]
        return same[0].decode() if same and scheme.lower() == "bearer" else ""

    def _refused(self, headers: Headers, key: str) -> GlyphError | None:
        if self._keys:
            return None if key else _no_key()
        if not self._server.auth:
            return None
        if not self._server.on_loopback:
            return _key_needed()
        if not names_loopback(headers.get("host", "")):
            return _foreign_host()
        return _foreign_page() if cross_site(headers) and headers.get("origin") not in self._origins else None


def _no_key() -> GlyphError:
    return GlyphError(
        "no_key",
        "The key is missing or wrong. Send the header Authorization: Bearer KEY.",
        "缺少密钥或密钥不正确。请发送请求头 Authorization: Bearer KEY。",
    )


def _key_needed() -> GlyphError:
    return GlyphError(
        "no_key",
        "Other machines can reach this server and it has no key. Set server.api_key, or start it with --no-auth.",
        "本服务可被其他机器访问，但未设置密钥。请设置 server.api_key，或用 --no-auth 启动。",
    )


def _foreign_host() -> GlyphError:
    """For requests of web pages whose host name was made to point to this machine (DNS rebinding)."""
    return GlyphError(
        "foreign_host",
        "Without a key only localhost and 127.0.0.1 may be called. Use that address, or set server.api_key.",
        "未设置密钥时只能通过 localhost 或 127.0.0.1 访问。请使用该地址，或设置 server.api_key。",
    )


def _foreign_page() -> GlyphError:
    """For requests of web pages of other sites (cross-site request forgery)."""
    return GlyphError(
        "foreign_page",
        "Web pages of other sites may not call this server. Set server.allowed_origins for a page in a browser, "
        "or server.api_key and send it.",
        "其他网站的网页不能调用本服务。请将网页来源写入 server.allowed_origins，或设置并发送 server.api_key。",
    )
