"""Bodies of requests: taken in on the event loop, and made sense of on a few threads of their own, so that no client's
body keeps another client or /healthz waiting."""

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

PARSERS = 2  # bodies that are looked at at a time; the others wait
LONG = 1024  # bytes of a string that JSON's parser does not see
MAX_QUOTES = 1_000_000  # of a body, those in strings counted too
MAX_VALUES = 60_000  # of a body, and commas in short strings; one may take 300 bytes of memory
MAX_REST = BYTES_A_LETTER * MAX_QUESTION + (1 << 20)  # bytes of JSON beside long strings
_QUOTE, _BACKSLASH = b'"', ord("\\")
_BOM = b"\xef\xbb\xbf"  # some programs on Windows begin texts with it

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


class BodyReader:
    """Takes requests in. The threads are apart from those that answer everything else."""

    def __init__(self) -> None:
        self._threads = CapacityLimiter(PARSERS)

    async def read(self, request: Request, read: Callable[[bytes, str], Result]) -> Result:
        """What `read` makes of a request's body and content type, on another thread."""
        body = io.BytesIO()
        async for chunk in request.stream():
            body.write(chunk)
        kind = request.headers.get("content-type", "")
        # A BytesIO gives its memory away, where bytes made of a bytearray would be a copy.
        return await to_thread.run_sync(lambda: read(body.getvalue(), kind), limiter=self._threads)


def from_json(model: type[Model], body: bytes, kind: str) -> Model:
    """The object that a body holds. Raises GlyphError, or RequestValidationError."""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise _no_json()
    rest, long = _without_long(body)
    if sum(map(rest.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise _too_complex()
    return checked(lambda: model.model_validate_json(rest.removeprefix(_BOM), context=long))


def checked(validate: Callable[[], Result]) -> Result:
    """What pydantic makes of something sent. Raises RequestValidationError."""
    try:
        return validate()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found])


def _without_long(body: bytes) -> tuple[bytes, dict[str, memoryview]]:
    """JSON with names in place of its long strings, and those by name. So nothing copies them, and nothing makes them a
    str, which takes four bytes a letter for one letter that needs them."""
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
    """From where to where the strings of JSON go, without their quotes."""
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
    """Whether an odd number of backslashes stands before a place, none of them before `start`."""
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
