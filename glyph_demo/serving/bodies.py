"""Bodies of requests: taken in on the event loop, and made sense of on a few threads of their own, so that no client's
body keeps another client or /healthz waiting."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from glyph_demo.errors import GlyphError
from glyph_demo.serving.schemas import MAX_QUESTION, MAX_TEXT_BYTES

PARSERS = 2  # bodies that are looked at at a time; the others wait
# Values of a JSON body, about. A text may be all commas; base64 has none. A value takes up to 200 bytes of memory.
MAX_VALUES = MAX_QUESTION + 100_000
_BLOCK = 1 << 20  # bytes looked at in one go
_BOM = b"\xef\xbb\xbf"  # some programs on Windows begin texts with it

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


class Bodies:
    """Takes requests in. The threads are apart from those that answer everything else."""

    def __init__(self) -> None:
        self._threads = CapacityLimiter(PARSERS)

    async def read(self, request: Request, read: Callable[[io.BytesIO, str], Result]) -> Result:
        """What `read` makes of a request's body and content type, on another thread. The body is `read`'s to close."""
        body = io.BytesIO()
        async for chunk in request.stream():
            body.write(chunk)
        return await to_thread.run_sync(read, body, request.headers.get("content-type", ""), limiter=self._threads)


def from_json(model: type[Model], body: io.BytesIO, kind: str) -> Model:
    """The object that a body holds; the body is closed. Raises GlyphError, or RequestValidationError."""
    with body:
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise _no_json()
        if _values(body.getbuffer()) > MAX_VALUES:
            raise _too_complex()
        body.seek(len(_BOM) if body.getbuffer()[: len(_BOM)] == _BOM else 0)
        # A whole BytesIO gives its memory away, where bytes made of it would be a copy.
        return checked(model.model_validate_json, body.read() if body.tell() else body.getvalue())


def checked(validate: Callable[[Any], Result], sent: Any) -> Result:
    """What pydantic makes of something sent. Raises GlyphError `context_full`, or RequestValidationError."""
    try:
        return validate(sent)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    if any(one["type"] == "bytes_too_long" and one["ctx"]["max_length"] == MAX_TEXT_BYTES for one in found):
        raise too_long()
    raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found])


def too_long() -> GlyphError:
    return GlyphError(
        "context_full",
        f"The texts have more than {MAX_QUESTION:,} characters. Send less, or send the text as a file.",
        f"文字超过 {MAX_QUESTION:,} 个字符。请减少文字，或作为文件上传。",
    )


def _values(body: memoryview) -> int:
    """At least as many as JSON has values, before it is read; counted no further than to MAX_VALUES."""
    count = 0
    for start in range(0, len(body), _BLOCK):
        block = bytes(body[start : start + _BLOCK])
        count += sum(map(block.count, (b"[", b"{", b",")))
        if count > MAX_VALUES:
            break
    return count


def _no_json() -> GlyphError:
    return GlyphError(
        "invalid",
        "The request is no JSON object. Send one, with Content-Type: application/json, or a multipart form.",
        "请求不是 JSON 对象。请以 Content-Type: application/json 发送 JSON，或发送 multipart 表单。",
    )


def _too_complex() -> GlyphError:
    return GlyphError(
        "invalid",
        f"The JSON has more than {MAX_VALUES:,} values. Send fewer; a long text goes in as a file.",
        f"JSON 中的值超过 {MAX_VALUES:,} 个。请减少；长文本请作为文件发送。",
    )
