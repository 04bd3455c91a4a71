"""Text of a presentation. Runs in the child process only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import Archive, Relation, local
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.pptx_text import paragraphs
from glyph_demo.documents.problems import problem
from glyph_demo.documents.tables import Table
from glyph_demo.documents.text import clean

_TITLES = ("title", "ctrTitle")
_REPEATED = ("sldNum", "dt", "ftr", "hdr", "sldImg")  # the same on every slide
_SHAPES = ("sp", "pic", "graphicFrame", "grpSp", "cxnSp")


def read_pptx(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """A part for each slide in the order of the show: its title, the other shapes, charts with their data, and the
    speaker's notes. Hidden slides are left out, with a warning. Raises DocumentError and the errors of zipfile and
    ElementTree."""
    parts: list[str] = []
    unread: Counter[str] = Counter()
    with Archive(path) as archive:
        main = archive.main_part()
        relations = archive.relations(main)
        tree = archive.tree(main)
        if tree is None or local(tree.tag) != "presentation":
            raise problem("not_a_document")
        keys = [_relation_id(node) for node in tree.iter() if local(node.tag) == "sldId"]
        slides = [relations[key].target for key in keys if key in relations]
        if len(slides) > max_pages:
            raise problem("too_many_slides", count=len(slides), limit=max_pages)
        for name in slides:
            slide = archive.tree(name)
            if slide is None:
                raise problem("damaged", kind="PPTX")
            if slide.get("show") in ("0", "false"):
                unread["hidden_slides"] += 1
                continue
            parts.append(clean("\n".join(_slide(archive, name, slide, unread))))
            if sum(map(len, parts)) > max_characters:
                raise problem("too_many_characters", limit=max_characters)
    return Parsed(parts, "page", {code: {"count": count} for code, count in sorted((+unread).items())})


def _slide(archive: Archive, name: str, slide: Element, unread: Counter[str]) -> list[str]:
    """The lines of a slide. What is not read is counted by the code of its warning."""
    relations = archive.relations(name)
    titles: list[str] = []
    others: list[str] = []
    for shape in _shapes(slide):
        lines = list(_shape(archive, relations, shape, unread))
        (titles if _placeholder(shape) in _TITLES else others).extend(lines)
    for relation in relations.values():
        unread["comments_left_out"] += _comments(archive, relation)
        notes = archive.tree(relation.target) if relation.kind == "notesSlide" else None
        if notes is not None:
            texts = [line for shape in _shapes(notes) if _placeholder(shape) == "body" for line in paragraphs(shape)]
            others += [f"Notes: {texts[0]}", *texts[1:]] if texts else []
    return titles + others


def _comments(archive: Archive, relation: Relation) -> int:
    """How many comments a part holds; older and newer programs name it alike."""
    tree = archive.tree(relation.target) if relation.kind == "comments" else None
    return 0 if tree is None else sum(local(node.tag) == "cm" for node in tree)


def _shapes(tree: Element) -> Iterator[Element]:
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
        elif name in ("sld", "notes", "cSld", "spTree", "grpSp", "Choice"):
            waiting += reversed(node)


def _shape(archive: Archive, relations: dict[str, Relation], shape: Element, unread: Counter[str]) -> Iterator[str]:
    if _placeholder(shape) in _REPEATED:
        return
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
        relation = relations.get(_relation_id(node)) if kind in ("chart", "relIds") else None
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


def _placeholder(shape: Element) -> str:
    """What the shape is a placeholder for; "" for other shapes."""
    for node in shape.iter():
        if local(node.tag) == "ph":
            return node.get("type", "obj")
    return ""


def _relation_id(node: Element) -> str:
    """The id of what an element refers to: of a chart, a slide, or the data of a diagram."""
    named = {local(name): value for name, value in node.items() if name.startswith("{")}
    return named.get("id", named.get("dm", ""))
