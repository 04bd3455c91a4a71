"""Schemas of requests and answers. All other fields of a request are ignored."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from glyph_demo.documents.file_types import offered_types
from glyph_demo.serving.fields import MAX_PARTS, Base64, Limit, Name, Seed, Text


class Sampled(BaseModel):
    """How to choose tokens. What is left out comes from the server's settings."""

    max_tokens: Limit = Field(None, description="The longest answer, thinking included; -1 is the server's own limit")
    max_completion_tokens: Limit = Field(None, description="The newer name of max_tokens, which it goes before")
    temperature: float | None = Field(
        None, ge=0, le=100, allow_inf_nan=False, description="0 takes the likeliest token"
    )
    top_p: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    top_k: int | None = Field(None, ge=-1, le=2**31, description="0 and -1 leave all tokens in")
    repetition_penalty: float | None = Field(None, ge=0.1, le=10, allow_inf_nan=False)
    seed: Seed | None = None

    def options(self) -> dict[str, Any]:
        """The values by their names in AskOptions."""
        sampling = self.model_dump(include={"temperature", "top_p", "top_k", "repetition_penalty", "seed"})
        return {"max_new_tokens": self.max_completion_tokens or self.max_tokens, **sampling}


class GenerateRequest(Sampled):
    prompt: Text
    image: Base64 | None = Field(None, description="A PNG, JPEG or WebP file in base64, or a data URL")
    images: list[Base64] = Field([], max_length=MAX_PARTS, fail_fast=True, description="Several of them, in order")
    document: Base64 | None = Field(None, description=f"A {offered_types().en} file in base64, or a data URL")
    document_name: Name = "document"


class GenerateAnswer(BaseModel):
    text: str
    thinking: str
    finish_reason: Literal["stop", "length"]
    model: str
    usage: Usage
    timings: Timings
    evidence: list[Quote]
    notices: list[str]


class CachedTokens(BaseModel):
    cached_tokens: int


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class Timings(BaseModel):
    """Seconds. `queue` waiting for other requests; `extract`, `render` and `encode` reading the document, 0 for one
    that was open; from the question: until the prompt was computed (`prefill`), until the answer's first piece, spent
    generating, until the end."""

    queue: float
    extract: float
    render: float
    encode: float
    prefill: float
    first_token: float
    decode: float
    total: float


class FilePage(BaseModel):
    number: int
    label: str


class Quote(BaseModel):
    """A place the answer rests on. Page and line count from 1 on the pages that the model saw; boxes are left, top,
    right, bottom in their pixels. `file_page` is the file's own page with its own name of it, if it has pages."""

    page: int
    line: int
    text: str
    boxes: list[tuple[int, int, int, int]]
    file_page: FilePage | None


class Error(BaseModel):
    code: str = Field(description="Stable, for programs")
    message: str = Field(description="For people: what happened and what to do")
    type: Literal["invalid_request_error", "server_error"]
    param: str | None


class ErrorAnswer(BaseModel):
    error: Error


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The body cannot be read"},
    401: {"model": ErrorAnswer, "description": "The key is missing or wrong"},
    403: {"model": ErrorAnswer, "description": "Called by a name that is not this machine's"},
    413: {"model": ErrorAnswer, "description": "Too large, or too long for the model"},
    422: {"model": ErrorAnswer, "description": "Something in the request must be changed"},
    503: {"model": ErrorAnswer, "description": "Try again after the seconds in Retry-After"},
}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a route that takes `model` as JSON and reads the body itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema_of(model)}}}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, with references replaced by what they refer to."""
    whole = model.model_json_schema()
    models = whole.pop("$defs", {})

    def inside(node: Any) -> Any:
        if isinstance(node, list):
            return [inside(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inside(models[node["$ref"].rpartition("/")[2]])
        return {name: inside(value) for name, value in node.items() if name != "discriminator"}

    return inside(whole)
