"""Types of the fields of requests, with their limits. A string arrives as a str from the JSON parser, as a memoryview
of its bytes in JSON if it is long (see bodies.py), or as the bytes of a form's field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from glyph_demo.errors import GlyphError

MAX_LIST = 10_000  # messages, parts of a message, stop ids
MAX_PARTS = 1000  # pictures and files of one request; more than any model's context holds
MAX_QUESTION = 200_000  # characters of all texts of a request; far over every model's context
BYTES_A_LETTER = 12  # at most, in JSON: an emoji as two \u escapes

Item = TypeVar("Item")
Items = Annotated[list[Item], Field(max_length=MAX_LIST, fail_fast=True)]


def too_long() -> GlyphError:
    return GlyphError(
        "context_full",
        f"The texts have more than {MAX_QUESTION:,} characters. Send less, or send the text as a file.",
        f"文字超过 {MAX_QUESTION:,} 个字符。请减少文字，或作为文件上传。",
    )


def _sent(value: Any, info: ValidationInfo) -> str | bytes | memoryview:
    if not isinstance(value, str | bytes):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return (info.context or {}).get(value, value)


def _text(most: int, too_long: Callable[[], Exception]) -> Callable[[Any, ValidationInfo], str]:
    def text(value: Any, info: ValidationInfo) -> str:
        sent = _sent(value, info)
        if len(sent) > most * (BYTES_A_LETTER if isinstance(sent, memoryview) else 4):
            raise too_long()
        try:
            if isinstance(sent, memoryview):
                sent = json.loads(f'"{str(sent, "utf-8")}"')
                sent.encode()  # JSON can hold lone surrogates, which cannot be encoded in an answer or a log
            elif isinstance(sent, bytes):
                sent = sent.decode()
        except ValueError:
            raise PydanticCustomError("no_text", "Input should be text in UTF-8") from None
        if len(sent) > most:
            raise too_long()
        return sent

    return text


def _data(value: Any, info: ValidationInfo) -> memoryview:
    sent = _sent(value, info)
    return memoryview(sent.encode() if isinstance(sent, str) else sent)


def _limit(tokens: int) -> int | None:
    if tokens == 0:
        raise PydanticCustomError("no_tokens", "Input should be 1 or more, or -1 for no limit but the server's")
    return None if tokens == -1 else tokens


_MAX_NAME = 1000


def _long_name() -> PydanticCustomError:
    return PydanticCustomError("long_name", "Input should have at most {most} characters", {"most": _MAX_NAME})


# A text that is too long raises an error of our own: pydantic's would keep the text, at four times the size.
Text = Annotated[str, PlainValidator(_text(MAX_QUESTION, too_long), json_schema_input_type=str)]
Name = Annotated[str, PlainValidator(_text(_MAX_NAME, _long_name), json_schema_input_type=str)]
Base64 = Annotated[memoryview, PlainValidator(_data, json_schema_input_type=str)]
Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Limit = Annotated[int, Field(ge=-1, le=2**31), AfterValidator(_limit)] | None
