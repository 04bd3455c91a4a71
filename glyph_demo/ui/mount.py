"""The window as part of a web app, and its theme."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from glyph_demo.ui.app import window_app
from glyph_demo.windows.collection import Windows

# System fonts only: the page must work without a network.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
MONO_FONTS = ("ui-monospace", "Consolas", "monospace")
STYLES = sorted(Path(__file__).parent.glob("*.css"))
SCRIPT = Path(__file__).with_name("script.js")


def mount_window(app: FastAPI, windows: Windows, login: tuple[str, str] | None) -> frozenset[int]:
    """Have `app` serve the window at its root. Where `login` (name and password) is given, people must log in. The
    caller closes `windows`. Returns the numbers of the window's events, Gradio's `fn_index`."""
    blocks = window_app(windows)
    gr.mount_gradio_app(
        app,
        blocks,
        path="",
        show_error=False,
        ssr_mode=False,
        footer_links=[],
        run_history=False,
        auth=login,
        theme=theme(),
        css="\n".join(style.read_text(encoding="utf-8") for style in STYLES),
        js=SCRIPT.read_text(encoding="utf-8"),
    )
    return frozenset(number for number, event in blocks.fns.items() if event.fn)


def theme() -> gr.themes.Base:
    base = gr.themes.Base(primary_hue="teal", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO_FONTS)
    # White text on the theme's own button colour has too little contrast.
    fill = {f"button_primary_background_fill{dark}": "*primary_700" for dark in ("", "_dark")}
    hover = {f"button_primary_background_fill_hover{dark}": "*primary_800" for dark in ("", "_dark")}
    return base.set(**fill, **hover)
