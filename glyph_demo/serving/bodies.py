"""Bodies of requests: received on the event loop and parsed on a few threads of their own, so that one client's body
does not delay another client or /healthz."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from glyph_demo.errors import GlyphError
from glyph_demo.serving.fields import BYTES_A_LETTER, MAX_QUESTION

PARSERS = 2  # bodies that are parsed at a time; the others wait
LONG = 1024  # bytes; longer strings are kept from the JSON parser
MAX_QUOTES = 1_000_000  # in a body, those inside strings included
MAX_VALUES = 60_000  # in a body, commas in short strings included; a value may take 300 bytes of memory
MAX_REST = BYTES_A_LETTER * MAX_QUESTION + (1 << 20)  # bytes of JSON besides long strings
_QUOTE, _BACKSLASH = b'"', ord("\\")
_BOM = b"\xef\xbb\xbf"  # some programs on Windows put it before texts

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


class BodyReader:
    """Receives bodies and has them parsed on threads of its own, apart from those that answer requests."""

    def __init__(self) -> None:
        self._threads = CapacityLimiter(PARSERS)

    async def read(self, request: Request, read: Callable[[bytes, str], Result]) -> Result:
        """The result of `read`, called on another thread with the body and the content type of a request. Raises what
        `read` raises."""
        body = io.BytesIO()
        async for chunk in request.stream():
            body.write(chunk)
        kind = request.headers.get("content-type", "")
        # A BytesIO gives its buffer away, where bytes of a bytearray would be a copy.
        return await to_thread.run_sync(lambda: read(body.getvalue(), kind), limiter=self._threads)


def from_json(model: type[Model], body: bytes, kind: str) -> Model:
    """The object in a body of content type `kind`. Raises GlyphError `invalid`, or RequestValidationError."""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise _no_json()
    rest, long = _without_long(body)
    if sum(map(rest.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise _too_complex()
    return checked(lambda: model.model_validate_json(rest.removeprefix(_BOM), context=long))


def checked(validate: Callable[[], Result]) -> Result:
    """The result of `validate`. Raises RequestValidationError in place of pydantic's ValidationError."""
    try:
        return validate()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found])


def _without_long(body: bytes) -> tuple[bytes, dict[str, memoryview]]:
    """JSON with names in place of its long strings, and the long strings by name. So the parser neither copies them nor
    makes them str, which take four bytes per character if only one character needs them."""
    view, rest = memoryview(body), io.BytesIO()
    long: dict[str, memoryview] = {}
    copied, prefix = 0, secrets.token_hex(8)
    for start, end in _strings(body):
        if end - start > LONG:
            name = f"{prefix}-{len(long)}"
            rest.write(view[copied:start])
            rest.write(name.encode())
            long[name], copied = view[start:end], end
    rest.write(view[copied:])
    if rest.tell() > MAX_REST:
        raise _too_complex()
    return rest.getvalue(), long


def _strings(body: bytes) -> Iterator[tuple[int, int]]:
    """Yields (start, end) of each string in JSON, without its quotes. Raises GlyphError for more than MAX_QUOTES."""
    start, quote = 0, -1
    for _ in range(MAX_QUOTES):
        after, quote = quote + 1, body.find(_QUOTE, quote + 1)
        if quote < 0:
            return
        if not start:
            start = quote + 1
        elif not _escaped(body, after, quote):
            yield start, quote
            start = 0
    raise _too_complex()


def _escaped(body: bytes, start: int, place: int) -> bool:
    """Whether an odd number of backslashes precedes `place`, counted back to `start`."""
    if place == start or body[place - 1] != _BACKSLASH:
        return False
    before = body[start:place]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _no_json() -> GlyphError:
    return GlyphError(
        "invalid",
        "The request is no JSON object. Send one, with Content-Type: application/json, or a multipart form.",
        "请求不是 JSON 对象。请以 Content-Type: application/json 发送 JSON，或发送 multipart 表单。",
    )


def _too_complex() -> GlyphError:
    return GlyphError(
        "invalid",
        "The JSON has too many values, or too much beside texts and files. Send less; a long text goes in as a file.",
        "JSON 中的值过多，或除文本和文件外的内容过多。请减少；长文本请作为文件发送。",
    )
