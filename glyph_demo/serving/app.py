"""The API as one ASGI app."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo import __version__
from glyph_demo.serving import errors
from glyph_demo.serving.chat import chat_router
from glyph_demo.serving.door import Door
from glyph_demo.serving.generate import generate_router
from glyph_demo.serving.health import docs_page, health_router
from glyph_demo.serving.metrics import Metrics
from glyph_demo.serving.openai import openai_router
from glyph_demo.serving.origins import Origins
from glyph_demo.serving.service import Service

PATHS = ("/api/v1/", "/v1/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")  # what create_api answers


def create_api(service: Service) -> ASGIApp:
    """The app with every route for programs. The caller closes `service`. Raises SettingsError."""
    app = FastAPI(title="Glyph Demo", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(generate_router(service))
    app.include_router(chat_router(service))
    app.include_router(openai_router(service))
    app.include_router(health_router(service))

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return docs_page(app)

    errors.install(app, service.settings.language)
    app.add_middleware(Door, settings=service.settings)
    app.add_middleware(_RequestCounter, metrics=service.metrics)
    app.openapi()  # slow the first time, when it would block the event loop
    return Origins(app, service.settings)


class _RequestCounter:
    """ASGI middleware that counts requests by route and status. It also has HEAD answered as GET; the server leaves the
    body out."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Only known routes: clients must not be able to invent labels.
                self._metrics.request(getattr(scope.get("route"), "path", "other"), message["status"])
            await send(message)

        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, counted)
