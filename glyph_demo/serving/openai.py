"""/v1/models and /v1/files, as OpenAI's clients call them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from glyph_demo.errors import GlyphError
from glyph_demo.serving.chat_schemas import FileDeleted, FileEntry, FileList, ModelEntry, ModelList
from glyph_demo.serving.files import StoredFile
from glyph_demo.serving.schemas import ERRORS, ErrorAnswer
from glyph_demo.serving.service import Service

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
                "no_such_model",
                "There is no such model here. See /v1/models.",
                "没有这个模型。请看 /v1/models。",
            )
        return ModelEntry(id=service.model, created=started)

    @router.post("/files")
    def upload(
        file: Annotated[UploadFile, File()], purpose: Annotated[str, Form(max_length=100)] = "user_data"
    ) -> FileEntry:
        """Keep a PDF, DOCX or TXT file, so that conversations can name it. It goes a day after its
        last use, and when the server ends."""
        return _entry(service.files.add(file.file, file.filename or "document", purpose))

    @router.get("/files")
    def files(purpose: str | None = None) -> FileList:
        return FileList(data=[_entry(file) for file in service.files.list() if purpose in (None, file.purpose)])

    @router.get("/files/{file_id}", responses=MISSING)
    def file(file_id: str) -> FileEntry:
        return _entry(service.files.get(file_id))

    @router.delete("/files/{file_id}", responses=MISSING)
    def delete(file_id: str) -> FileDeleted:
        service.files.remove(file_id)
        return FileDeleted(id=file_id)

    return router


def _entry(file: StoredFile) -> FileEntry:
    return FileEntry(id=file.id, bytes=file.size, created_at=file.created, filename=file.name, purpose=file.purpose)
