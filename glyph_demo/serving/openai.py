"""/v1/models and /v1/files, as OpenAI's clients call them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from fastapi import APIRouter, Request

from glyph_demo.errors import GlyphError
from glyph_demo.serving.chat_schemas import FileDeleted, FileEntry, FileList, ModelEntry, ModelList
from glyph_demo.serving.door import owner_of
from glyph_demo.serving.files import StoredFile
from glyph_demo.serving.forms import MULTIPART, form_parts, is_form
from glyph_demo.serving.schemas import ERRORS, ErrorAnswer
from glyph_demo.serving.service import Service

MAX_PURPOSE = 100  # characters
UPLOAD = {
    "required": True,
    "content": {
        MULTIPART: {
            "schema": {
                "title": "Upload",
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "maxLength": MAX_PURPOSE, "default": "user_data"},
                },
            }
        }
    },
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ErrorAnswer, "description": "There is no such thing here"}}


def openai_router(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=ERRORS)
    started = int(time.time())

    @router.get("/models")
    def models() -> ModelList:
        """The one model that answers here."""
        return ModelList(data=[ModelEntry(id=service.model, created=started)])

    @router.get("/models/{model:path}", responses=MISSING)
    def model(model: str) -> ModelEntry:
        if model != service.model:
            raise GlyphError(
                "no_such_model", "There is no such model here. See /v1/models.", "没有这个模型。请看 /v1/models。"
            )
        return ModelEntry(id=service.model, created=started)

    @router.post("/files", openapi_extra={"requestBody": UPLOAD})
    async def upload(request: Request) -> FileEntry:
        """Keep a file, so that conversations can name it. It belongs to the key that it came with. It is removed a day
        after its last use, and when the server ends."""
        return _entry(await service.bodies.read(request, partial(_upload, service, owner_of(request))))

    @router.get("/files")
    def files(request: Request, purpose: str | None = None) -> FileList:
        kept = service.files.list(owner_of(request))
        return FileList(data=[_entry(file) for file in kept if purpose in (None, file.purpose)])

    @router.get("/files/{file_id}", responses=MISSING)
    def file(file_id: str, request: Request) -> FileEntry:
        return _entry(service.files.get(file_id, owner_of(request)))

    @router.delete("/files/{file_id}", responses=MISSING)
    def delete(file_id: str, request: Request) -> FileDeleted:
        service.files.remove(file_id, owner_of(request))
        return FileDeleted(id=file_id)

    return router


def _upload(service: Service, owner: str, body: bytes, kind: str) -> StoredFile:
    """Raises GlyphError or HTTPException."""
    if not is_form(kind):
        raise _no_file()
    fields = {field.name: field for field in form_parts(body, kind)}
    file, said = fields.get("file"), fields.get("purpose")
    if file is None or file.filename is None:
        raise _no_file()
    purpose = said.data[: 4 * MAX_PURPOSE].decode(errors="replace")[:MAX_PURPOSE] if said else "user_data"
    return service.files.add(file.data, file.filename or "document", purpose, owner)


def _no_file() -> GlyphError:
    return GlyphError(
        "invalid",
        "There is no file. Send a multipart form with the fields file and purpose.",
        "没有文件。请发送包含 file 和 purpose 字段的 multipart 表单。",
    )


def _entry(file: StoredFile) -> FileEntry:
    return FileEntry(id=file.id, bytes=file.size, created_at=file.created, filename=file.name, purpose=file.purpose)
