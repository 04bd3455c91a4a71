"""POST /api/v1/generate: one question about pictures or a document, one JSON answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request

from glyph_demo.serving.bodies import checked, from_json
from glyph_demo.serving.door import owner_of
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.forms import MULTIPART, FormPart, form_parts, is_form
from glyph_demo.serving.images import decode_base64
from glyph_demo.serving.library import Attachment, DocumentPart, picture
from glyph_demo.serving.replies import complete
from glyph_demo.serving.schemas import ERRORS, GenerateAnswer, GenerateRequest, schema_of
from glyph_demo.serving.service import Query, Service, usage

PICTURES = ("image", "images")


def generate_router(service: Service) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["generate"], responses=ERRORS)

    @router.post("/generate", openapi_extra={"requestBody": _body()})
    async def generate(request: Request) -> GenerateAnswer:
        """Answer one question about pictures, a document, or both."""
        query = await service.bodies.read(request, partial(_query, service, owner_of(request)))
        asked = service.submit(query)
        answer = await complete(request, asked)
        assert answer.finished is not None
        language = language_of(request.headers, service.settings.language)
        return GenerateAnswer.model_validate(
            {
                "text": answer.so_far.answer,
                "thinking": answer.so_far.thinking,
                "finish_reason": answer.reason,
                "model": service.model,
                "usage": usage(answer.finished),
                "timings": asked.timings(),
                "evidence": answer.evidence(),
                "notices": [notice.text(language) for notice in answer.so_far.notices],
            }
        )

    return router


def _query(service: Service, owner: str, body: bytes, kind: str) -> Query:
    """The question in a body of content type `kind`. Raises GlyphError for unusable parts, RequestValidationError, or
    HTTPException."""
    if is_form(kind):
        wanted, files = _from_form(form_parts(body, kind))
    else:
        wanted, files = from_json(GenerateRequest, body, kind), []
    pictures = [wanted.image] if wanted.image else []
    parts: list[DocumentPart] = [picture(decode_base64(sent)) for sent in [*pictures, *wanted.images]]
    if wanted.document:
        parts.append(Attachment(decode_base64(wanted.document), wanted.document_name))
    return Query((*parts, *files), wanted.prompt, options=service.options(**wanted.options()), owner=owner)


def _from_form(fields: list[FormPart]) -> tuple[GenerateRequest, list[DocumentPart]]:
    """The request in a form, in which pictures and the document are files, or texts in base64 as in JSON."""
    texts: dict[str, Any] = {field.name: field.data for field in fields if field.filename is None}
    if "images" in texts:
        texts["images"] = [field.data for field in fields if field.name == "images" and field.filename is None]
    wanted = checked(lambda: GenerateRequest.model_validate(texts))
    files: list[DocumentPart] = []
    for field in fields:
        if field.filename is not None and field.name in PICTURES:
            files.append(picture(field.data))
        elif field.filename is not None and field.name == "document":
            files.append(Attachment(field.data, field.filename or wanted.document_name))
    return wanted, files


def _body() -> dict[str, Any]:
    """The OpenAPI description of the two ways to send a request."""
    schema = schema_of(GenerateRequest)
    file = {"type": "string", "format": "binary"}
    files = {"image": file, "images": {"type": "array", "items": file}, "document": file}
    form = {**schema, "title": "GenerateForm", "properties": {**schema["properties"], **files}}
    content = {"application/json": {"schema": schema}, MULTIPART: {"schema": form}}
    return {"required": True, "content": content}
