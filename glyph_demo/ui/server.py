"""The window as part of a web app: its look, and an engine that loads behind it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import gradio as gr
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from glyph_demo.engines import choose_engine, create_engine
from glyph_demo.engines.base import (
    Engine,
    OpenDocument,
    PageFeatures,
    Progress,
    attach,
    capacity,
    prepare,
    share,
    text_engine,
)
from glyph_demo.engines.loading import LoadLines
from glyph_demo.errors import EngineError, GlyphError, shown
from glyph_demo.rendering.page import Page
from glyph_demo.settings import LAST_PORT, Settings
from glyph_demo.store import FeatureStore
from glyph_demo.ui.app import window_app
from glyph_demo.ui.door import USER, VISITOR, Guard, password
from glyph_demo.ui.early import Early
from glyph_demo.ui.window import Windows

log = logging.getLogger(__name__)

PORTS_TRIED = 100
# Fonts of the system only: the page must work with the network off.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
MONO_FONTS = ("ui-monospace", "Consolas", "monospace")
STYLES = sorted(Path(__file__).parent.glob("*.css"))
SCRIPT = Path(__file__).with_name("script.js")


class LoadingEngine:
    """An engine that is made on a thread of its own; whoever needs it waits, and hears the EngineError if it cannot
    be had. `loading` tells how far its model is, until it is there; lines on stderr tell the same."""

    def __init__(self, settings: Settings) -> None:
        self.name = choose_engine(settings).name
        self.loading: Progress | None = None
        self._lines = LoadLines()
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._engine: Future[Engine] = self._loader.submit(self._load, settings)

    @property
    def identity(self) -> str:
        return self._engine.result().identity

    def encode(self, page: Page) -> PageFeatures:
        return self._engine.result().encode(page)

    def prepare(self, page: Page) -> Callable[[], PageFeatures]:
        return prepare(self._engine.result(), page)

    def attach(self, store: FeatureStore) -> None:
        attach(self._engine.result(), store)

    def open(self, features: Sequence[PageFeatures] = ()) -> OpenDocument:
        return self._engine.result().open(features)

    def open_text(self, text: str) -> OpenDocument:
        return text_engine(self._engine.result()).open_text(text)

    def _load(self, settings: Settings) -> Engine:
        try:
            with contextlib.ExitStack() as failed:
                engine = create_engine(settings, self._tell)
                failed.callback(engine.close)  # another may be loaded in its place
                engine.open().close()  # what the first document has loaded is loaded now: Python's lock is held
                failed.pop_all()
            return engine
        except GlyphError:
            raise
        except Exception as error:  # a file, a driver or a library that no check foresaw must not lock people out
            log.exception("the engine could not be loaded")
            raise EngineError(
                "engine_failed",
                "The engine could not be loaded. The log has the details; choose another engine or model.",
                "引擎无法加载。日志中有详细信息；请选择其他引擎或模型。",
            ) from error
        finally:
            self.loading = None

    def _tell(self, done: int, total: int | None, file: int = 0, files: int = 0) -> None:
        self._lines(done, total, file, files)
        self.loading = self._lines.now

    def ready(self) -> bool:
        """Whether the engine is there. Raises the EngineError if it cannot be had."""
        return self._engine.done() and self._engine.result() is not None

    def capacity(self) -> int | None:
        loaded = self._engine.done() and not self._engine.cancelled() and self._engine.exception() is None
        return capacity(self._engine.result()) if loaded else None

    def share(self, most: int, wait: float) -> None:
        """Once the engine is there, if it is not yet."""

        def there(loaded: Future[Engine]) -> None:
            if not loaded.cancelled() and loaded.exception() is None:
                share(loaded.result(), most, wait)

        self._engine.add_done_callback(there)

    def close(self) -> None:
        self._loader.shutdown(wait=True, cancel_futures=True)
        if not self._engine.cancelled() and self._engine.exception() is None:
            self._engine.result().close()


def mount_window(app: FastAPI, windows: Windows) -> None:
    """Have `app` serve the window at its root, and take and show its files. The caller closes `windows`. Raises
    SettingsError `open_door`."""
    settings, blocks = windows.settings, window_app(windows)
    secret = password(settings.server)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    app.include_router(files_router(windows))
    gr.mount_gradio_app(
        app,
        blocks,
        path="",
        show_error=False,
        ssr_mode=False,
        footer_links=[],
        run_history=False,
        auth=(USER, secret) if secret else None,
        theme=theme(),
        css="\n".join(style.read_text(encoding="utf-8") for style in STYLES),
        js=SCRIPT.read_text(encoding="utf-8"),
    )
    app.add_middleware(Early)
    app.add_middleware(
        Guard, settings=settings, events=frozenset(number for number, event in blocks.fns.items() if event.fn)
    )


def files_router(windows: Windows) -> APIRouter:
    """Where pages send files to, and get the pictures of a document's pages from."""
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
    def picture(request: Request, document: str, digest: str) -> FileResponse:
        path = windows.picture(request.headers[VISITOR], document, digest)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, headers={"Cache-Control": "private, max-age=86400, immutable"})

    return router


def theme() -> gr.themes.Base:
    base = gr.themes.Base(primary_hue="teal", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO_FONTS)
    # White on the theme's own colour of a button is too faint to read for many.
    fill = {f"button_primary_background_fill{dark}": "*primary_700" for dark in ("", "_dark")}
    hover = {f"button_primary_background_fill_hover{dark}": "*primary_800" for dark in ("", "_dark")}
    return base.set(**fill, **hover)


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nobody listens on; any for 0."""
    for port in range(first, min(first + PORTS_TRIED, LAST_PORT + 1)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (socket.gaierror, ValueError, TypeError):  # no name of a machine, or of none that there is
                break
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EngineError(
        "no_port",
        f"No port from {first} on can be used on {shown(host)}. Choose another with --port or --host.",
        f"{shown(host)} 上从 {first} 起没有可用端口。请用 --port 或 --host 另选。",
    )
