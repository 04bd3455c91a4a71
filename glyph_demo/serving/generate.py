"""POST /api/v1/generate: one question about pictures or a document, one JSON answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from glyph_demo.errors import GlyphError
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.images import check_image, decode_base64
from glyph_demo.serving.library import Attachment, Part, Picture
from glyph_demo.serving.replies import complete
from glyph_demo.serving.schemas import ERRORS, GenerateAnswer, GenerateRequest
from glyph_demo.serving.service import Query, Service, usage

PICTURES = ("image", "images")


def generate_router(service: Service) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["generate"], responses=ERRORS)

    @router.post("/generate", openapi_extra={"requestBody": _body()})
    async def generate(request: Request) -> GenerateAnswer:
        """Answer one question about pictures, a document, or both."""
        if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            async with request.form() as form:
                asked_for, parts = await _from_form(form)
        else:
            asked_for, parts = await _from_json(request)
        options = service.options(max_new_tokens=asked_for.max_tokens, **asked_for.sampling())
        asked = service.submit(Query(parts, asked_for.prompt, options=options))
        answer = await complete(request, asked)
        assert answer.finished is not None
        language = language_of(request.headers, service.settings.language)
        return GenerateAnswer.model_validate(
            {
                "text": answer.text,
                "thinking": answer.thinking,
                "finish_reason": answer.reason,
                "model": service.model,
                "usage": usage(answer.finished),
                "timings": asked.timings(),
                "evidence": answer.evidence(),
                "notices": [notice.text(language) for notice in answer.notices],
            }
        )

    return router


async def _from_json(request: Request) -> tuple[GenerateRequest, tuple[Part, ...]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        body = await request.json() if kind == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if body is None:
        raise GlyphError(
            "invalid",
            "The request is no JSON object. Send one, with Content-Type: application/json, or a multipart form.",
            "请求不是 JSON 对象。请以 Content-Type: application/json 发送 JSON，或发送 multipart 表单。",
        )
    wanted = _validated(body)
    return wanted, await run_in_threadpool(_decoded, wanted)


async def _from_form(form: FormData) -> tuple[GenerateRequest, tuple[Part, ...]]:
    """Pictures and the document may be files, or texts in base64 as in JSON."""
    fields: dict[str, Any] = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if "images" in fields:
        fields["images"] = [value for value in form.getlist("images") if isinstance(value, str)]
    wanted = _validated(fields)
    files = [(name, file) for name, file in form.multi_items() if isinstance(file, UploadFile)]
    parts = list(await run_in_threadpool(_decoded, wanted))
    for name, file in files:
        if name in PICTURES:
            data = await file.read()
            check_image(data)
            parts.append(Picture(data))
        elif name == "document":
            parts.append(Attachment(await file.read(), file.filename or wanted.document_name))
    return wanted, tuple(parts)


def _validated(body: Any) -> GenerateRequest:
    try:
        return GenerateRequest.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from None


def _decoded(wanted: GenerateRequest) -> tuple[Part, ...]:
    parts: list[Part] = []
    for text in ([wanted.image] if wanted.image else []) + wanted.images:
        data = decode_base64(text)
        check_image(data)
        parts.append(Picture(data))
    if wanted.document:
        parts.append(Attachment(decode_base64(wanted.document), wanted.document_name))
    return tuple(parts)


def _body() -> dict[str, Any]:
    """What OpenAPI says of the two ways to send a request."""
    schema = GenerateRequest.model_json_schema()
    file = {"type": "string", "format": "binary"}
    files = {"image": file, "images": {"type": "array", "items": file}, "document": file}
    form = {**schema, "title": "GenerateForm", "properties": {**schema["properties"], **files}}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"required": True, "content": content}
