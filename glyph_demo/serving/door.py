"""Who may come in, and with how much: checked before anything of a request is read."""

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
TEXT_BYTES = 3 << 20  # of a body beside its file: texts, in which a letter may take 12 bytes, and their names
TOGETHER = 4  # times the largest body that requests may hold at a time

_OWNER = "glyph_demo.owner"


def largest_body(max_file_mb: int) -> int:
    """Bytes of a file in base64 and the texts that come with it."""
    return (max_file_mb << 20) * 4 // 3 + TEXT_BYTES


def owner_of(request: Request) -> str:
    """The key that a request came with; "" where none is asked for."""
    return request.scope[_OWNER]


class Door:
    """ASGI middleware. A key, where the settings have some, is asked of everybody; without one only this machine comes
    in, unless `server.auth` is false, and no page of another site but those of the settings. Bodies that are larger
    than a file of `documents.max_file_mb` in base64, and its question, are refused with 413, and with 503 while
    requests hold `TOGETHER` times as much."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._server = settings.server
        self._language = settings.language
        self._keys = [key.encode() for key in settings.server.api_keys]
        self._origins = settings.server.origins
        self._most = largest_body(settings.documents.max_file_mb)
        self._held: dict[object, int] = {}  # bytes of requests that are not answered yet, oldest first

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
            # The oldest may go on: if all were refused, all would come again.
            if sum(self._held.values()) > TOGETHER * self._most and me not in islice(self._held, TOGETHER):
                raise HTTPException(503)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            del self._held[me]

    def _key(self, headers: Headers) -> str:
        """The one of the keys that was sent; "" for none. It takes as long for any of them."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        sent = key.strip().encode("latin-1")  # as it came: a key may have other letters than ASCII
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
    """Against web pages whose name was made to point at this machine (DNS rebinding)."""
    return GlyphError(
        "foreign_host",
        "Without a key only localhost and 127.0.0.1 may be called. Use that address, or set server.api_key.",
        "未设置密钥时只能通过 localhost 或 127.0.0.1 访问。请使用该地址，或设置 server.api_key。",
    )


def _foreign_page() -> GlyphError:
    """Against web pages that have their visitor's browser send something here."""
    return GlyphError(
        "foreign_page",
        "Web pages of other sites may not call this server. Set server.allowed_origins for a page in a browser, "
        "or server.api_key and send it.",
        "其他网站的网页不能调用本服务。请将网页来源写入 server.allowed_origins，或设置并发送 server.api_key。",
    )
