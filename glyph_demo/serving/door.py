"""Who may come in, and with how much: checked before anything of a request is read."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo.errors import GlyphError
from glyph_demo.serving.errors import error_response, language_of
from glyph_demo.settings import Settings, cross_site, names_loopback

OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json")  # for everybody
BODY_SLACK = 2  # base64 takes 4/3 of a file's bytes, and a question comes with it


class Door:
    """ASGI middleware. A key, where the settings have one, is asked of everybody; without one only this machine comes
    in, unless `server.auth` is false, and no page of another site. Bodies over `BODY_SLACK` times
    `documents.max_file_mb` are refused with 413."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._server = settings.server
        self._language = settings.language
        self._most = BODY_SLACK * settings.documents.max_file_mb << 20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = None if scope["path"] in OPEN else self._refused(headers)
        if refused is not None:
            await error_response(refused, language_of(headers, self._language))(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)

    def _refused(self, headers: Headers) -> GlyphError | None:
        if self._server.api_key:
            scheme, _, key = headers.get("authorization", "").partition(" ")
            sent = key.strip().encode("latin-1")  # as it came: a key may have other letters than ASCII
            same = secrets.compare_digest(sent, self._server.api_key.encode())
            return None if same and scheme.lower() == "bearer" else _no_key()
        if not self._server.auth:
            return None
        if not self._server.on_loopback:
            return _key_needed()
        if not names_loopback(headers.get("host", "")):
            return _foreign_host()
        return _foreign_page() if cross_site(headers) else None


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
        "Web pages of other sites may not call this server without a key. Set server.api_key and send it.",
        "未设置密钥时，其他网站的网页不能调用本服务。请设置 server.api_key 并随请求发送。",
    )
