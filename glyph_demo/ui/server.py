"""Serving the window: address, port, look. The window comes first; the engine loads behind it."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import gradio as gr

from glyph_demo.engines import choose_engine, create_engine
from glyph_demo.engines.base import Engine, OpenDocument, PageFeatures, Progress, text_engine
from glyph_demo.engines.loading import LoadLines
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.ui.app import window_app
from glyph_demo.ui.window import Windows

PORTS_TRIED = 100
# Fonts of the system only: the page must work with the network off.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
MONO_FONTS = ("ui-monospace", "Consolas", "monospace")
STYLES = sorted(Path(__file__).parent.glob("*.css"))
SCRIPT = Path(__file__).with_name("script.js")
# Uploads up to this many times our own limit come through, so that our message meets them and not the server's.
UPLOAD_SLACK = 4


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

    def open(self, features: Sequence[PageFeatures] = ()) -> OpenDocument:
        return self._engine.result().open(features)

    def open_text(self, text: str) -> OpenDocument:
        return text_engine(self._engine.result()).open_text(text)

    def _load(self, settings: Settings) -> Engine:
        try:
            return create_engine(settings, self._tell)
        finally:
            self.loading = None

    def _tell(self, done: int, total: int | None) -> None:
        self.loading = Progress("load", done, total)
        self._lines(done, total)

    def close(self) -> None:
        self._loader.shutdown(wait=True, cancel_futures=True)
        if not self._engine.cancelled() and self._engine.exception() is None:
            self._engine.result().close()


def launch(settings: Settings) -> None:
    """Serve the window until it is interrupted. Prints the address on stdout, and on stderr a port other than the one
    set. Raises EngineError when no port is free."""
    host, port = settings.server.host, free_port(settings.server.host, settings.server.port)
    if port != settings.server.port:
        print(f"Port {settings.server.port} is taken; using {port}. 端口已被占用，改用 {port}。", file=sys.stderr)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    engine = LoadingEngine(settings)
    windows = Windows(engine, settings, LoadingEngine)
    app = window_app(windows)
    try:
        app.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            show_error=False,
            ssr_mode=False,
            prevent_thread_lock=True,
            footer_links=[],
            run_history=False,
            max_file_size=UPLOAD_SLACK * settings.documents.max_file_mb * 2**20,
            theme=theme(),
            css="\n".join(style.read_text(encoding="utf-8") for style in STYLES),
            js=SCRIPT.read_text(encoding="utf-8"),
        )
        print(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill also cleans up
        app.block_thread()
    finally:
        windows.close_all()
        windows.engine.close()


def theme() -> gr.themes.Base:
    return gr.themes.Base(primary_hue="teal", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO_FONTS)


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, min(first + PORTS_TRIED, 65_536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise EngineError(
        "no_port",
        f"No port from {first} on can be used on {host}. Choose another with --port or --host.",
        f"{host} 上从 {first} 起没有可用端口。请用 --port 或 --host 另选。",
    )
