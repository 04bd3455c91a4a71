"""CORS: which web pages of other sites may call the API from a browser."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from glyph_demo.errors import GlyphError
from glyph_demo.serving.errors import error_response, language_of
from glyph_demo.settings import Settings


class Origins(CORSMiddleware):
    """ASGI middleware around everything, so that pages can read errors too. Only pages of `server.allowed_origins` may
    read answers, and they may not send cookies."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=settings.server.origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("*",),
            expose_headers=("Retry-After",),
        )
        self._language = settings.language

    def preflight_response(self, request_headers: Headers) -> Response:
        allowed = super().preflight_response(request_headers)
        if allowed.status_code == 200:
            return allowed
        refused = GlyphError(
            "foreign_origin",
            "Web pages of this origin may not call this server in this way. Name the origin in server.allowed_origins.",
            "该来源的网页不能以这种方式调用本服务。请将其写入 server.allowed_origins。",
        )
        return error_response(refused, language_of(request_headers, self._language))
