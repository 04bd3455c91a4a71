"""Draws the result of `bench ladder` as SVG, labelled in both languages.

`python -m glyph_demo.bench.charts RESULT.json CHART.svg` writes one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

# Pixels. Labels are left of the bars, figures right of them.
_WIDTH, _LABELS, _BARS = 860, 250, 440
_ROW, _BAR, _HEAD, _GAP = 46, 16, 34, 26
_INK, _FAINT, _PAPER = "#1f2328", "#59636e", "#ffffff"
_FIRST, _LATER = "#0b6bcb", "#8cc2ff"


@dataclass(frozen=True)
class _Row:
    """A rung: seconds, or None without a figure, and `why` it was not measured."""

    name: Mapping[str, str]
    first: float | None
    later: float | None
    memory: str
    why: Mapping[str, str] | None = None


def ladder_chart(result: Mapping[str, Any]) -> str:
    """The result of `bench ladder` as SVG: a panel for each case and one for the published figures. Each panel has a
    scale of its own, because they come from different machines."""
    panels = [(_title(result, case), _rows(result, case)) for case in ("whitepaper", "pages")]
    names = {found["rung"]: found["name"] for found in result["rungs"]}
    published = [
        _Row(names[rung], figures["first"], figures["later"], f"{figures['gb']} GB")
        for rung, figures in result["published"].items()
    ]
    panels.append(("Published: RTX 4090D, one image of 2048x8192 · 已发表数据", published))
    body: list[str] = []
    top = _HEAD + _GAP
    for title, rows in panels:
        body += _panel(title, rows, top)
        top += _HEAD + _ROW * len(rows) + _GAP
    head = "Seconds from upload to answer · 从上传到回答的秒数"
    legend = [
        _text(16, 24, head, 15, _INK, bold=True),
        *_swatch(560, _FIRST, "first · 首问"),
        *_swatch(690, _LATER, "later · 后续"),
    ]
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif">',
            f"<title>{escape(head)}</title>",
            f'<rect width="{_WIDTH}" height="{top}" fill="{_PAPER}"/>',
            *legend,
            *body,
            "</svg>\n",
        ]
    )


def _title(result: Mapping[str, Any], case: str) -> str:
    scale = result["scale"]
    tall = "x".join(str(side) for side in scale["tall"])
    pages = {"whitepaper": f"one page of {tall} · 一张长图", "pages": "pages of 595x842 · 分页"}[case]
    return f"{result['device']}: {scale['characters']:,} characters · 字, {pages} ({result['unit']})"


def _rows(result: Mapping[str, Any], case: str) -> list[_Row]:
    rows = []
    for found in result["rungs"]:
        if found["case"] != case:
            continue
        why = found.get("unavailable")
        memory = "" if why else f"{found['peak_bytes'] / 1e9:.1f} GB"
        rows.append(_Row(found["name"], found.get("first"), found.get("later"), memory, why))
    return rows


def _panel(title: str, rows: Sequence[_Row], top: int) -> Iterator[str]:
    yield _text(16, top + 16, title, 13, _INK, bold=True)
    longest = max((max(row.first or 0.0, row.later or 0.0) for row in rows), default=0.0) or 1.0
    for index, row in enumerate(rows):
        y = top + _HEAD + index * _ROW
        yield _text(16, y + 13, row.name["en"], 13, _INK)
        yield _text(16, y + 30, row.name["zh"], 12, _FAINT)
        if row.why is not None:
            yield _text(_LABELS, y + 13, f"not here: {_short(row.why['en'])}", 12, _FAINT)
            yield _text(_LABELS, y + 30, f"此处无: {_short(row.why['zh'])}", 12, _FAINT)
            continue
        for seconds, colour, below in ((row.first, _FIRST, 0), (row.later, _LATER, _BAR + 2)):
            if seconds is None:
                continue
            width = max(1.0, _BARS * seconds / longest)
            yield f'<rect x="{_LABELS}" y="{y + below}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
            figure = f"{seconds:.3g} s" + (f" · {row.memory}" if not below and row.memory else "")
            yield _text(_LABELS + width + 6, y + below + 13, figure, 12, _FAINT)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _swatch(x: int, colour: str, label: str) -> list[str]:
    return [f'<rect x="{x}" y="12" width="14" height="14" fill="{colour}"/>', _text(x + 20, 24, label, 12, _INK)]


def _text(x: float, y: float, content: str, size: int, colour: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" fill="{colour}"{weight}>{escape(content)}</text>'


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(ladder_chart(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
