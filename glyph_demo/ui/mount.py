"""The window as part of a web app, and its look."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from glyph_demo.ui.app import window_app
from glyph_demo.windows.collection import Windows

# Fonts of the system only: the page must work with the network off.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
MONO_FONTS = ("ui-monospace", "Consolas", "monospace")
STYLES = sorted(Path(__file__).parent.glob("*.css"))
SCRIPT = Path(__file__).with_name("script.js")


def mount_window(app: FastAPI, windows: Windows, login: tuple[str, str] | None) -> frozenset[int]:
    """Have `app` serve the window at its root to whoever knows `login` (name and password). The caller closes
    `windows`. Returns the numbers of the window's events."""
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
    # White on the theme's own colour of a button is too faint to read for many.
    fill = {f"button_primary_background_fill{dark}": "*primary_700" for dark in ("", "_dark")}
    hover = {f"button_primary_background_fill_hover{dark}": "*primary_800" for dark in ("", "_dark")}
    return base.set(**fill, **hover)
