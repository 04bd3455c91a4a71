"""Charts and diagrams as lines of text (DrawingML, ECMA-376 part 1, 21.2 and 21.4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_xml import A, local

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
CHARTEX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
# Points of a diagram that hold no text of the author.
_LAYOUT = {"pres", "parTrans", "sibTrans"}


def chart_lines(root: Element) -> list[str]:
    """The title, the titles of the axes, and a line a series: "Sales | 2023: 4 | 2024: 5"."""
    if root.tag == f"{CHARTEX}chartSpace":
        return _extended_chart_lines(root)
    titles = [_text(root.find(f"{CHART}chart/{CHART}title"))]
    titles += [_text(axis.find(f"{CHART}title")) for axis in root.iter() if axis.tag in _AXES]
    return [title for title in titles if title] + [_series_line(series) for series in root.iter(f"{CHART}ser")]


_AXES = {f"{CHART}{name}" for name in ("catAx", "valAx", "dateAx", "serAx")}


def _series_line(series: Element) -> str:
    names = _points(series, "cat") or _points(series, "xVal")
    values = _points(series, "val") or _points(series, "yVal")
    name = " ".join(_points(series, "tx").values()) or _text(series.find(f"{CHART}tx"))
    return _line(name, [(names.get(place, ""), values[place]) for place in sorted(values)])


def _points(series: Element, name: str) -> dict[int, str]:
    """The stored values of a part of a series by their places. Of names in levels, those nearest the axis."""
    found = series.find(f"{CHART}{name}")
    level = None if found is None else found.find(f".//{CHART}lvl")
    source = found if level is None else level
    points = [] if source is None else source.iter(f"{CHART}pt")
    return {
        int(point.get("idx", "0")): " ".join((point.findtext(f"{CHART}v") or "").split())
        for point in points
        if point.get("idx", "0").isdecimal()
    }


def _extended_chart_lines(root: Element) -> list[str]:
    """Charts of Word 2016 and later: waterfalls, treemaps and the like."""
    lines = [title for title in map(_text, root.iter(f"{CHARTEX}title")) if title]
    data = {item.get("id", ""): item for item in root.iter(f"{CHARTEX}data")}
    for series in root.iter(f"{CHARTEX}series"):
        link = series.find(f"{CHARTEX}dataId")
        item = data.get("" if link is None else link.get("val", ""), series)
        kinds = [
            [point.text or "" for point in item.findall(f"{CHARTEX}{name}//{CHARTEX}pt")]
            for name in ("strDim", "numDim")
        ]
        name = series.findtext(f"{CHARTEX}tx/{CHARTEX}txData/{CHARTEX}v") or ""
        lines.append(_line(name, list(zip_longest(kinds[0], kinds[1], fillvalue=""))))
    return lines


def _line(name: str, pairs: list[tuple[str, str]]) -> str:
    return " | ".join([name] * bool(name) + [f"{place}: {number}" if place else number for place, number in pairs])


def diagram_lines(root: Element) -> list[str]:
    """The texts of a diagram (SmartArt), a point before those below it."""
    texts = (point for point in root.iter(f"{DIAGRAM}pt") if point.get("type") not in _LAYOUT)
    points = {point.get("modelId", ""): point for point in texts}
    below: dict[str, list[tuple[int, str]]] = {}
    children = set()
    for link in root.iter(f"{DIAGRAM}cxn"):
        source, target, order = link.get("srcId", ""), link.get("destId", ""), link.get("srcOrd", "0")
        if link.get("type", "parOf") == "parOf" and source in points and target in points:
            below.setdefault(source, []).append((int(order) if order.isdecimal() else 0, target))
            children.add(target)
    told: set[str] = set()
    waiting = list(reversed([*(name for name in points if name not in children), *children]))
    lines = []
    while waiting:
        name = waiting.pop()
        if name not in told:
            told.add(name)
            lines += list(_paragraphs(points[name]))
            waiting += [target for _, target in sorted(below.get(name, []), reverse=True)]
    return lines


def _paragraphs(element: Element | None) -> Iterator[str]:
    for paragraph in [] if element is None else element.iter(f"{A}p"):
        text = " ".join("".join(run.text or "" for run in paragraph.iter() if local(run) == "t").split())
        if text:
            yield text


def _text(element: Element | None) -> str:
    """Of a title: typed, or taken from a cell of the data."""
    typed = " ".join(_paragraphs(element))
    if typed or element is None:
        return typed
    return " ".join((cell.text or "").strip() for cell in element.iter(f"{CHART}v"))
