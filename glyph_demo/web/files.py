"""The routes that pages of the window send files to and fetch page images from."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import VISITOR

log = logging.getLogger(__name__)


def files_router(windows: Windows) -> APIRouter:
    """Routes for pages of `windows`; web/door.py has checked their requests."""
    router = APIRouter(include_in_schema=False)

    @router.post("/uploads")
    async def upload(request: Request, name: str = "document") -> dict[str, str]:
        try:
            return {"id": await windows.uploads.receive(request.headers[VISITOR], name, request.stream())}
        except ClientDisconnect:
            raise HTTPException(400) from None
        except OSError:
            log.exception("an upload could not be kept")
            raise HTTPException(507) from None

    @router.get("/pages/{document}/{digest}.png")
    def picture(request: Request, document: str, digest: str) -> Response:
        path = windows.picture(request.headers[VISITOR], document, digest)
        if path is None:
            raise HTTPException(404)
        try:
            image = path.read_bytes()
        except OSError:  # the document was closed since
            raise HTTPException(404) from None
        return Response(image, headers={"Cache-Control": "private, max-age=86400, immutable"}, media_type="image/png")

    return router
