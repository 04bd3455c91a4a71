"""Draws the result of `bench comprehension` as SVG, labelled in both languages: the share of right answers by the size
of the document, and what the answers to each kind of question are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glyph_demo.bench.known_facts import KINDS
from glyph_demo.bench.scores import VERDICTS
from glyph_demo.bench.svg import FAINT, INK, picture, swatch, text

# Pixels. The plot has an axis on its left and its names below.
_WIDTH, _LEFT, _PLOT, _TALL, _ROW, _BAR = 860, 130, 560, 220, 26, 16
_COLOURS = ("#0b6bcb", "#c2410c", "#15803d")  # of the ways
_SHADES = {"right": "#15803d", "wrong": "#c2410c", "refused": "#9aa4ae", "hallucinated": "#7c2d92"}
_NAMES = {
    "right": "right · 正确",
    "wrong": "wrong · 错误",
    "refused": "refused · 未答",
    "hallucinated": "made up · 编造",
    "needle": "one fact · 单一事实",
    "several": "several · 多处",
    "table": "table · 表格",
    "two steps": "two steps · 两步",
    "absent": "absent · 文中没有",
    "exact": "exact · 精确字串",
    "follow-up": "follow-up · 追问",
}


def comprehension_chart(result: Mapping[str, Any]) -> str:
    """The result of `bench comprehension` as SVG."""
    groups: Sequence[Mapping[str, Any]] = result["groups"]
    ways = list(dict.fromkeys(group["way"] for group in groups))
    name = " ".join(filter(None, (result["engine"], result["model"])))
    head = f"{name}: right answers, with 95 % intervals · 正确率与 95% 置信区间"
    body = [text(16, 24, head, 15, INK, bold=True)]
    for at, way in enumerate(ways):
        body += swatch(_LEFT + _PLOT + 20, _COLOURS[at % len(_COLOURS)], way, 60 + 24 * at)
        body += _line([group for group in groups if group["way"] == way and group["of"] == "all"], at, result["sizes"])
    body += _axes(result["sizes"])
    top = 60 + _TALL + 50
    for way in ways:
        body += [text(16, top + 14, f"{way}: answers by kind, all sizes · 各类问题（全部长度）", 13, INK, bold=True)]
        body += _kinds([group for group in groups if group["way"] == way], top + 26)
        top += 26 + _ROW * len(KINDS) + 20
    for at, verdict in enumerate(VERDICTS):
        body += swatch(_LEFT + 140 * at, _SHADES[verdict], _NAMES[verdict], top)
    return picture((_WIDTH, top + 30), head, body)


def _across(sizes: Sequence[int], tokens: int) -> float:
    return _LEFT + _PLOT * (sizes.index(tokens) + 0.5) / len(sizes)


def _up(share: float) -> float:
    return 50 + _TALL * (1 - share)


def _axes(sizes: Sequence[int]) -> Iterator[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _up(share)
        yield f'<path d="M{_LEFT} {y:.1f}h{_PLOT}" stroke="#d0d7de"/>'
        yield text(_LEFT - 44, y + 4, f"{share:.0%}", 12, FAINT)
    for tokens in sizes:
        yield text(_across(sizes, tokens) - 16, _up(0) + 18, f"{tokens // 1000}k", 12, FAINT)
    yield text(_LEFT, _up(0) + 36, "tokens of the document's text · 文档词元数", 12, FAINT)


def _line(groups: Sequence[Mapping[str, Any]], at: int, sizes: Sequence[int]) -> Iterator[str]:
    """The shares of one way, joined, each with its interval. Ways stand a little beside each other."""
    colour = _COLOURS[at % len(_COLOURS)]
    places = [(_across(sizes, group["tokens"]) + 6 * at, group) for group in groups]
    points = " ".join(f"{x:.1f},{_up(group['accuracy']):.1f}" for x, group in places)
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, group in places:
        low, high = _up(group["low"]), _up(group["high"])
        yield f'<path d="M{x:.1f} {high:.1f}V{low:.1f}" stroke="{colour}"/>'
        yield f'<circle cx="{x:.1f}" cy="{_up(group["accuracy"]):.1f}" r="4" fill="{colour}"/>'


def _kinds(groups: Sequence[Mapping[str, Any]], top: int) -> Iterator[str]:
    for row, kind in enumerate(KINDS):
        counts = Counter[str]()
        for group in groups:
            if group["of"] == kind:
                counts.update({verdict: group[verdict] for verdict in VERDICTS})
        y, x = top + row * _ROW, float(_LEFT + 40)
        yield text(16, y + 13, _NAMES[kind], 12, INK)
        for verdict in VERDICTS:
            width = (_PLOT - 40) * counts[verdict] / (counts.total() or 1)
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{_SHADES[verdict]}"/>'
            x += width
        yield text(_LEFT + _PLOT + 10, y + 13, f"{counts['right']}/{counts.total()}", 12, FAINT)
