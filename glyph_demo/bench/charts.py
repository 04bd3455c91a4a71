"""Draws the result of `bench ladder` as SVG, labelled in both languages.

`python -m glyph_demo.bench.charts RESULT.json CHART.svg` writes one, and one of `bench comprehension`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glyph_demo.bench.comprehension_chart import comprehension_chart
from glyph_demo.bench.svg import FAINT, INK, picture, swatch, text

# Pixels. Labels are left of the bars, figures right of them.
_WIDTH, _LABELS, _BARS = 860, 250, 440
_ROW, _BAR, _HEAD, _GAP = 46, 16, 34, 26
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
        text(16, 24, head, 15, INK, bold=True),
        *swatch(560, _FIRST, "first · 首问"),
        *swatch(690, _LATER, "later · 后续"),
    ]
    return picture((_WIDTH, top), head, [*legend, *body])


def _title(result: Mapping[str, Any], case: str) -> str:
    scale = result["scale"]
    tall = "x".join(str(side) for side in scale["tall"])
    pages = {"whitepaper": f"one page of {tall} · 一张长图", "pages": "pages of 595x842 · 分页"}[case]
    return f"{result['device']}: {scale['characters']:,} characters · 字 · {pages} ({result['unit']})"


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
    yield text(16, top + 16, title, 13, INK, bold=True)
    longest = max((max(row.first or 0.0, row.later or 0.0) for row in rows), default=0.0) or 1.0
    for index, row in enumerate(rows):
        y = top + _HEAD + index * _ROW
        yield text(16, y + 13, row.name["en"], 13, INK)
        yield text(16, y + 30, row.name["zh"], 12, FAINT)
        if row.why is not None:
            yield text(_LABELS, y + 13, f"not here: {_short(row.why['en'])}", 12, FAINT)
            yield text(_LABELS, y + 30, f"此处无：{_short(row.why['zh'])}", 12, FAINT)
            continue
        for seconds, colour, below in ((row.first, _FIRST, 0), (row.later, _LATER, _BAR + 2)):
            if seconds is None:
                continue
            width = max(1.0, _BARS * seconds / longest)
            yield f'<rect x="{_LABELS}" y="{y + below}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
            figure = f"{seconds:.3g} s" + (f" · {row.memory}" if not below and row.memory else "")
            yield text(_LABELS + width + 6, y + below + 13, figure, 12, FAINT)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    result = json.loads(source.read_text(encoding="utf-8"))
    chart = ladder_chart if "rungs" in result else comprehension_chart
    target.write_text(chart(result), encoding="utf-8")
