"""The one shape of errors: `{"error": {"code", "message", "type", "param"}}`, which OpenAI's clients read too, and the
HTTP status that tells a client what to do."""

from __future__ import annotations

import logging
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from glyph_demo.conversation.errors import as_user_error
from glyph_demo.errors import EngineError, GlyphError, shown
from glyph_demo.languages import Language, preferred_language
from glyph_demo.serving.jobs import ClientGone

log = logging.getLogger(__name__)

RETRY_SECONDS = 1
CLIENT_GONE = 499  # nginx's status for it, seen only in logs and metrics
TEMPORARY = {"busy", "queue_full", "memory_full", "out_of_memory", "loading"}  # 503: the client may try again
STATUS = {
    "no_key": 401,
    "foreign_host": 403,
    "foreign_page": 403,
    "foreign_origin": 403,
    "no_such_file": 404,
    "no_such_model": 404,
    "internal": 500,
    "disk_full": 507,
    **dict.fromkeys(
        ("too_large", "too_many_characters", "too_many_pages", "context_full", "image_too_large", "files_full"), 413
    ),
    **dict.fromkeys(TEMPORARY, 503),
}

# Errors of the framework itself, by status.
_REFUSED = {
    404: ("no_such_route", "There is nothing at this address. See /docs.", "此地址不存在。请看 /docs。"),
    405: ("no_such_method", "This address has no such method. See /docs.", "此地址不支持该方法。请看 /docs。"),
    408: ("too_slow", "The rest of the request did not come. Send it again.", "请求正文未传完。请重新发送。"),
    503: (
        "busy",
        "Other large requests are being taken in. Try again in a moment.",
        "正在接收其他大型请求。请稍后重试。",
    ),
    413: (
        "too_large",
        "The request is larger than this server takes. Send less, or raise documents.max_file_mb.",
        "请求超过服务器的上限。请减小请求，或调大 documents.max_file_mb。",
    ),
}
_FIELD = re.compile("[a-z_]+")  # a field of a request; the other steps of a location are Python types
_BAD_BODY = ("bad_body", "The body of the request cannot be read. Send it again.", "无法读取请求正文。请重新发送。")


def status_of(error: GlyphError) -> int:
    """The HTTP status of an error. By default it is 503 for errors of the engine and 422 for all others, which the
    client can correct."""
    return STATUS.get(error.code, 503 if isinstance(error, EngineError) else 422)


def error_body(error: GlyphError, language: Language, param: str | None = None) -> dict[str, Any]:
    kind = "server_error" if status_of(error) >= 500 else "invalid_request_error"
    return {"error": {"code": error.code, "message": error.text(language), "type": kind, "param": param}}


def error_response(error: GlyphError, language: Language, param: str | None = None) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_SECONDS)} if error.code in TEMPORARY else {}
    if error.code == "no_key":
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_body(error, language, param), status_of(error), headers)


def language_of(headers: Any, fallback: str) -> Language:
    """The language a request asks for in its Accept-Language, else the one of the settings, else English."""
    return preferred_language(headers.get("accept-language"), fallback)


def install(app: FastAPI, fallback: str) -> None:
    """Have `app` answer every error, the framework's own included, in the one shape. `fallback` is the language for
    clients that ask for none."""

    @app.exception_handler(GlyphError)
    def on_glyph_error(request: Request, error: GlyphError) -> JSONResponse:
        return error_response(error, language_of(request.headers, fallback))

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Where a value fits none of several types, the deepest error is of the type that was meant.
        first = max(error.errors(), key=lambda found: len(found["loc"]))
        steps = first["loc"][1:]
        where = shown(".".join(str(step) for step in steps if type(step) is int or _FIELD.fullmatch(str(step)))) or None
        # What was sent is not repeated, because it may be large or secret.
        tags = first.get("ctx", {}).get("expected_tags")
        wrong = shown(f"The type should be one of {tags}" if tags else first["msg"])
        named = GlyphError(
            "invalid",
            f"{where or 'The request'}: {wrong}. See /docs.",
            f"{where or '请求'} 无效（{wrong}）。请看 /docs。",
        )
        return error_response(named, language_of(request.headers, fallback), where)

    @app.exception_handler(HTTPException)
    def on_refused(request: Request, error: HTTPException) -> JSONResponse:
        refused = GlyphError(*_REFUSED.get(error.status_code, _BAD_BODY))
        body = error_body(refused, language_of(request.headers, fallback))
        retry = {"Retry-After": str(RETRY_SECONDS)} if error.status_code == 503 else error.headers
        return JSONResponse(body, error.status_code, retry)

    @app.exception_handler(ClientGone)
    @app.exception_handler(ClientDisconnect)
    def on_client_gone(request: Request, error: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(Exception)
    def on_bug(request: Request, error: Exception) -> JSONResponse:
        log.error("serving %s failed", shown(request.url.path))
        return error_response(as_user_error(error), language_of(request.headers, fallback))
