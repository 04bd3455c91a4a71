"""The web app: the window and the API beside it, over one engine and one store, at one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyph_demo.conversation.session import open_store
from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.process import prepare_serving
from glyph_demo.scratch import remove_old
from glyph_demo.serving.app import PATHS, create_api
from glyph_demo.serving.service import Service
from glyph_demo.settings import Settings
from glyph_demo.ui.mount import mount_window
from glyph_demo.web.connections import BACKLOG, Connection
from glyph_demo.web.door import USER, Guard, password
from glyph_demo.web.files import files_router
from glyph_demo.web.head import HeadScripts
from glyph_demo.web.ports import free_port
from glyph_demo.windows.choice import ENGINE_NAMES, EngineChoice
from glyph_demo.windows.collection import Windows

GRACE = 2.0  # seconds that open streams get to end by themselves when the app ends
LAST = 10  # seconds after which what still runs is cancelled
STALLED = 60.0  # seconds without a byte of a request's body after which nobody waits for the rest
SLOWEST = 1000  # bytes a second that a body must come with after that, on average
_ANNOUNCING = (b"content-length", b"transfer-encoding")  # a body
HOUR = 3600.0  # seconds between two looks for uploads that are a day old


def run(settings: Settings, named: Collection[str] = ()) -> None:
    """Serve until interrupted. Prints the address on stdout, and on stderr a port other than the one set. An engine
    that was chosen in the window comes before that of the settings, unless those that this start names itself say
    one. Raises EngineError when no port is free, and SettingsError `open_door`."""
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
        windows.switch.engine.close()


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """How the app is served."""
    return uvicorn.Config(
        app,
        host,
        port,
        http=Connection,
        backlog=BACKLOG,
        log_level="warning",
        timeout_graceful_shutdown=LAST,
    )


def web_app(windows: Windows, service: Service) -> FastAPI:
    """The window with the API beside it. The caller closes both. Raises SettingsError `open_door`."""
    app = FastAPI(openapi_url=None)
    app.include_router(files_router(windows))
    secret = password(windows.settings.server)
    events = mount_window(app, windows, (USER, secret) if secret else None)
    app.add_middleware(HeadScripts)
    app.add_middleware(Guard, settings=windows.settings, events=events)
    app.add_middleware(_ApiFirst, api=create_api(service))  # what is added later sees a request earlier
    app.add_middleware(_Impatient)
    return app


@contextlib.contextmanager
def sweeping(uploads: Path, *sweeps: Callable[[], None], interval: float = HOUR) -> Iterator[None]:
    """Meanwhile remove uploads a day after they came, and call `sweeps` as often: every `interval` seconds."""
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


class _Impatient:
    """ASGI middleware: a request whose body stands still, or comes slower than any line is, is answered with 408, and
    what came of it is let go."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Without a body nobody may ever look for one.
        waiting = scope["type"] == "http" and any(name in _ANNOUNCING for name, _ in scope["headers"])
        began, taken = time.monotonic(), 0

        async def received() -> Message:
            nonlocal waiting, taken
            if not waiting:  # for the end of the connection, which may take as long as an answer
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), STALLED)
            except (TimeoutError, asyncio.TimeoutError):
                raise HTTPException(408) from None
            waiting = bool(message.get("more_body"))
            taken += len(message.get("body", b""))
            if waiting and time.monotonic() - began > STALLED + taken / SLOWEST:
                raise HTTPException(408)
            return message

        await self._app(scope, received, send)


class _ApiFirst:
    """ASGI middleware: requests for the API go to it, all others on to the window."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and scope["path"].startswith(PATHS)
        await (self._api if mine else self._app)(scope, receive, send)


class _Server(uvicorn.Server):
    """Says its address once it listens there, and hangs up on streams that would never end."""

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
