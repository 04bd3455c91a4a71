"""Shapes of slides and sheets: text, tables, charts, pictures (DrawingML, ECMA-376 part 1, 20 and 21). Runs in the
child process only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import Archive, Relation, local
from glyph_demo.documents.drawing_text import paragraphs
from glyph_demo.documents.tables import Table

_SHAPES = ("sp", "pic", "graphicFrame", "grpSp", "cxnSp")
_AROUND = ("sld", "notes", "cSld", "spTree", "grpSp", "Choice")
_ANCHORS = ("wsDr", "twoCellAnchor", "oneCellAnchor", "absoluteAnchor")


def drawn_lines(archive: Archive, name: str, tree: Element, unread: Counter[str]) -> Iterator[str]:
    """Lines of all shapes of the part `name`, whose XML is `tree`."""
    relations = archive.relations(name)
    for shape in shapes(tree):
        yield from shape_lines(archive, relations, shape, unread)


def shapes(tree: Element) -> Iterator[Element]:
    """The shapes that are shown, those of groups too, in file order. Of alternatives the first is taken."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        name = local(node.tag)
        if name in _SHAPES and _own(node).get("hidden") in ("1", "true"):
            continue
        if name in _SHAPES and name != "grpSp":
            yield node
        elif name == "AlternateContent":
            waiting += [child for child in node if local(child.tag) == "Choice"][:1]
        elif name in _AROUND + _ANCHORS:
            waiting += reversed(node)


def shape_lines(
    archive: Archive, relations: dict[str, Relation], shape: Element, unread: Counter[str]
) -> Iterator[str]:
    """Lines of a shape. What is not read is counted by the code of its warning."""
    name = local(shape.tag)
    if name == "pic":
        description = " ".join(_own(shape).get("descr", "").split())
        if description:
            yield f"[picture: {description}]"
        else:
            unread["pictures_not_read"] += 1
    elif name != "graphicFrame":
        yield from paragraphs(shape)
    for node in shape.iter():
        kind = local(node.tag)
        if kind == "tbl":
            yield from _table(node)
        elif kind == "oleObj":
            unread["embedded_objects"] += 1
        relation = relations.get(relation_id(node)) if kind in ("chart", "relIds") else None
        tree = archive.tree(relation.target) if relation else None
        if tree is not None:
            yield from _chart(tree) if local(tree.tag) == "chartSpace" else paragraphs(tree)


def _table(node: Element) -> Iterator[str]:
    """Rows as lines. A first row that the table sets apart names the columns."""
    table = Table()
    rows = [row for row in node if local(row.tag) == "tr"]
    has_names = any(child.get("firstRow") in ("1", "true") for child in node if local(child.tag) == "tblPr")
    for number, row in enumerate(rows):
        for cell in row:
            if local(cell.tag) == "tc" and not {cell.get("hMerge"), cell.get("vMerge")} & {"1", "true"}:
                spans = cell.get("rowSpan", ""), cell.get("gridSpan", "")
                table.start_cell(*spans, is_name=has_names and number == 0)
                table.end_cell(list(paragraphs(cell)))
        yield from table.end_row()
    yield from table.end()


def _chart(tree: Element) -> Iterator[str]:
    """Title, then for each category a line with the values of all series."""
    for title in tree.iter():
        if local(title.tag) == "title":
            yield from paragraphs(title)
    rows: dict[int, list[str]] = {}
    for series in tree.iter():
        if local(series.tag) == "ser":
            name = next(iter(_points(series, "tx").values()), "")
            categories = _points(series, "cat", "xVal")
            for index, value in _points(series, "val", "yVal").items():
                row = rows.setdefault(index, [categories.get(index, "")])
                row.append(f"{name}: {value}" if name else value)
    yield from (f"{'; '.join(filter(None, row))}.\n" for row in rows.values())  # as `row_lines` writes them


def _points(series: Element, *names: str) -> dict[int, str]:
    """The values that were saved with a chart, by index."""
    values = [node for node in series if local(node.tag) in names]
    points = [node for value in values for node in value.iter() if local(node.tag) == "pt"]
    return {int(point.get("idx", "0")): "".join(point.itertext()).strip() for point in points}


def _own(shape: Element) -> Element:
    """The element with what a shape says of itself, which is in its first child."""
    children = [node for part in shape[:1] for node in part if local(node.tag) == "cNvPr"]
    return children[0] if children else Element("none")


def relation_id(node: Element) -> str:
    """The id of what an element refers to: of a chart, a slide, or the data of a diagram."""
    named = {local(name): value for name, value in node.items() if name.startswith("{")}
    return named.get("id", named.get("dm", ""))
