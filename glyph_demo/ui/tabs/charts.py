"""Small charts as HTML and SVG made from plain numbers."""

from __future__ import annotations

import html
from collections.abc import Sequence

WIDTH, HEIGHT = 240, 48


def history(points: Sequence[tuple[float, float]], seconds: float, label: str) -> str:
    """SVG: a line over the last `seconds`, with now at the right edge. `points` are (age in seconds, value from 0 to
    1), oldest first; `label` is for screen readers."""
    place = [(WIDTH * (1 - age / seconds), HEIGHT * (1 - min(max(value, 0.0), 1.0))) for age, value in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
    area = f"{place[0][0]:.1f},{HEIGHT} {line} {place[-1][0]:.1f},{HEIGHT}" if place else ""
    return (
        f"<svg class='glyph-history' viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none' role='img' "
        f"aria-label='{html.escape(label, quote=True)}'><polygon points='{area}'/><polyline points='{line}'/></svg>"
    )


def timing_bar(parts: Sequence[tuple[str, str, float]], longest: float) -> str:
    """HTML: one bar of stages with a legend below. Each of `parts` is (kind, name, seconds); `kind` chooses the colour,
    and `longest` seconds fill the width."""
    shown = [(kind, html.escape(name), value) for kind, name, value in parts if value > 0]
    pieces = "".join(
        f"<i class='glyph-part {kind}' style='width: {value / longest if longest else 0:.2%}'></i>"
        for kind, _, value in shown
    )
    words = "".join(
        f"<li><i class='glyph-part {kind}'></i>{name} <b>{value:.2f}</b></li>" for kind, name, value in shown
    )
    return f"<div class='glyph-timing' aria-hidden='true'>{pieces}</div><ul class='glyph-legend'>{words}</ul>"
