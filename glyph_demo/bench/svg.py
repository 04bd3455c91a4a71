"""Pieces of the charts, as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

INK, FAINT, PAPER = "#1f2328", "#59636e", "#ffffff"


def picture(size: tuple[int, int], title: str, body: Iterable[str]) -> str:
    """An SVG document of (width, height) pixels."""
    width, height = size
    shape = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img" font-family="sans-serif">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
            *body,
            "</svg>\n",
        ]
    )


def swatch(x: int, colour: str, label: str, y: int = 24) -> list[str]:
    """A line of a legend, its text on the line `y`."""
    return [f'<rect x="{x}" y="{y - 12}" width="14" height="14" fill="{colour}"/>', text(x + 20, y, label, 12, INK)]


def text(x: float, y: float, content: str, size: int, colour: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" fill="{colour}"{weight}>{escape(content)}</text>'
