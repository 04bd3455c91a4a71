"""Renders one text in a process of its own, in our way or the original's: `python -m benchmarks.cold WAY FILE FONT`
prints the number of pages and the peak memory as JSON. It imports only what its way needs, because imports count."""

from __future__ import annotations

import sys
from dataclasses import replace

from glyph_demo.rendering.style import DEJAVU, STYLES, Style, has_cjk


def style_for(text: str) -> Style:
    """The style in which both ways are compared, with one font for Latin, because the original has no fallback."""
    return STYLES["glyph-zh"] if has_cjk(text) else replace(STYLES["glyph-en"], fonts=(DEJAVU,))


def main(way: str, source: str, font: str) -> None:
    with open(source, encoding="utf-8") as file:
        text = file.read()
    if way == "ours":
        from glyph_demo.documents.model import Document
        from glyph_demo.rendering import render

        pages = sum(1 for _ in render(Document("text", "txt", text, ""), style_for(text)))
    else:
        from pathlib import Path

        import numpy  # noqa: F401  as it comes; our import of it starts no threads

        from benchmarks.reference import official

        pages = len(official(text, style_for(text), Path(font), Path(source).parent))
    with open("/proc/self/status") as file:  # ru_maxrss would include the parent's memory
        peak = int(file.read().split("VmHWM:")[1].split()[0]) / 1024
    print(f'{{"pages": {pages}, "peak_mb": {peak}}}')


if __name__ == "__main__":
    main(*sys.argv[1:4])
