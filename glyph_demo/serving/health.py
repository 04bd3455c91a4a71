"""Routes for operators: /healthz, /readyz, /metrics, and the page /docs, which loads nothing from other hosts."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from glyph_demo.errors import GlyphError
from glyph_demo.serving.schemas import ERRORS
from glyph_demo.serving.service import Service

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Glyph Demo API</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
code {{ background: #8882 }} td {{ padding: 0 1rem 0 0; vertical-align: top }}</style>
<h1>Glyph Demo API</h1>
<p>For programs: <a href="openapi.json">openapi.json</a>. Errors are
<code>{{"error": {{"code", "message", "type", "param"}}}}</code>.</p>
{routes}</html>"""


def health_router(service: Service) -> APIRouter:
    router = APIRouter(tags=["operation"])

    # Both run on the event loop, so that they answer when all threads are busy.
    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The server runs."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: ERRORS[503]})
    async def readyz() -> dict[str, str]:
        """The engine is loaded."""
        if not service.ready():
            raise GlyphError("loading", "The model is being loaded. Wait a moment.", "模型正在加载。请稍候。")
        return {"status": "ready", "model": service.model}

    @router.get("/metrics", response_class=PlainTextResponse, responses={401: ERRORS[401], 403: ERRORS[403]})
    def metrics() -> Response:
        """Figures in Prometheus' text format."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


def docs_page(app: FastAPI) -> HTMLResponse:
    """HTML: the routes with their fields, from the OpenAPI document."""
    document = app.openapi()
    routes = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(route.get('description', ''))}</p>"
        f"<table>{_fields(route, document['components']['schemas'])}</table>"
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    ]
    return HTMLResponse(_PAGE.format(routes="\n".join(routes)))


def _fields(route: dict[str, Any], schemas: dict[str, Any]) -> str:
    content = route.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = next((kind["schema"] for kind in content.values()), {})
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    required = schema.get("required", [])
    return "\n".join(
        f"<tr><td><code>{escape(name)}</code><td>{'required' if name in required else ''}"
        f"<td>{escape(field.get('description', ''))}"
        for name, field in schema.get("properties", {}).items()
    )
