"""The web app: the window and the API beside it, over one engine and one store, at one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from glyph_demo.conversation.session import open_store
from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.process import prepare_serving
from glyph_demo.scratch import remove_old
from glyph_demo.serving.app import PATHS, create_api
from glyph_demo.serving.service import Service
from glyph_demo.settings import Settings
from glyph_demo.ui.mount import mount_window
from glyph_demo.web.bodies import BodyDeadline
from glyph_demo.web.connections import BACKLOG, Connection
from glyph_demo.web.door import USER, Guard, password
from glyph_demo.web.files import files_router
from glyph_demo.web.head import HeadScripts
from glyph_demo.web.ports import free_port
from glyph_demo.web.streams import EndRefusedStreams
from glyph_demo.windows.choice import ENGINE_NAMES, EngineChoice
from glyph_demo.windows.collection import Windows

GRACE = 2.0  # seconds that open streams have to end by themselves when the app ends
LAST = 10  # seconds after which requests that still run are cancelled
HOUR = 3600.0  # seconds between two removals of uploads that are a day old


def run(settings: Settings, named: Collection[str] = ()) -> None:
    """Serve until interrupted. Prints the address on stdout and, if the port set is taken, another port on stderr. The
    engine is the one last chosen in the window, else that of the settings; a choice is passed over if `named`, the
    settings that flags or the environment give for this start, include the engine. Raises EngineError `no_port`, and
    SettingsError `open_door`."""
    password(settings.server)
    host, port = settings.server.host, free_port(settings.server.host, settings.server.port)
    if settings.server.port not in (0, port):
        print(f"Port {settings.server.port} is taken; using {port}. 端口已被占用，改用 {port}。", file=sys.stderr)
    gradio_files = Path(os.environ["GRADIO_TEMP_DIR"])  # see process.isolate_gradio; uploads have their own
    store = open_store(settings)
    choice = EngineChoice(settings, given=not ENGINE_NAMES.isdisjoint(named))
    start = choice.start()
    engine = LoadingEngine(start)
    service = Service(engine, settings, store, engine.ready)

    def another(changed: Settings) -> LoadingEngine:
        fresh = LoadingEngine(changed)
        service.use(fresh, fresh.ready)
        return fresh

    windows = Windows(engine, start, another, store, service.rest, choice, service.share)
    threading.Thread(target=windows.switch.settle, name="settle", daemon=True).start()
    try:
        app = web_app(windows, service)
        shown = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
        config = server_config(app, host, port)
        prepare_serving()
        with contextlib.suppress(KeyboardInterrupt), sweeping(gradio_files, windows.sweep, service.files.sweep):
            _Server(config, f"http://{shown}:{port}").run()
    finally:
        choice.survived()
        windows.close_all()
        service.close()
        windows.switch.close()


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """Uvicorn's settings for serving the app."""
    return uvicorn.Config(
        app, host, port, http=Connection, backlog=BACKLOG, log_level="warning", timeout_graceful_shutdown=LAST
    )


def web_app(windows: Windows, service: Service) -> FastAPI:
    """The window and the API as one app. The caller closes both. Raises SettingsError `open_door`."""
    app = FastAPI(openapi_url=None)
    app.include_router(files_router(windows))
    secret = password(windows.settings.server)
    events = mount_window(app, windows, (USER, secret) if secret else None)
    app.add_middleware(EndRefusedStreams)
    app.add_middleware(HeadScripts)
    app.add_middleware(Guard, settings=windows.settings, events=events)
    app.add_middleware(_ApiFirst, api=create_api(service))  # middleware added later sees a request earlier
    app.add_middleware(BodyDeadline)
    return app


@contextlib.contextmanager
def sweeping(uploads: Path, *sweeps: Callable[[], None], interval: float = HOUR) -> Iterator[None]:
    """Within the context, every `interval` seconds remove files in `uploads` that are a day old and call `sweeps`."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(interval):
            remove_old(uploads)
            for sweep in sweeps:
                sweep()

    sweeper = threading.Thread(target=work, name="sweeper", daemon=True)
    sweeper.start()
    try:
        yield
    finally:
        ended.set()
        sweeper.join()


class _ApiFirst:
    """ASGI middleware that sends requests for the API to it, and all others on to the window."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and scope["path"].startswith(PATHS)
        await (self._api if mine else self._app)(scope, receive, send)


class _Server(uvicorn.Server):
    """Prints its address once it listens, and at its end closes streams that would never end."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        await super().startup(*args, **kwargs)
        print(self._address, flush=True)

    async def shutdown(self, *args: Any, **kwargs: Any) -> None:
        asyncio.get_running_loop().call_later(GRACE, self._hang_up)
        await super().shutdown(*args, **kwargs)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.close()
