"""Text of a presentation. Runs in the child process only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import Archive, Relation, local
from glyph_demo.documents.drawing_text import paragraphs
from glyph_demo.documents.drawings import relation_id, shape_lines, shapes
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean

_TITLES = ("title", "ctrTitle")
_REPEATED = ("sldNum", "dt", "ftr", "hdr", "sldImg")  # the same on every slide


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
        keys = [relation_id(node) for node in tree.iter() if local(node.tag) == "sldId"]
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
    for shape in shapes(slide):
        if _placeholder(shape) in _REPEATED:
            continue
        lines = list(shape_lines(archive, relations, shape, unread))
        (titles if _placeholder(shape) in _TITLES else others).extend(lines)
    for relation in relations.values():
        unread["comments_left_out"] += _comments(archive, relation)
        notes = archive.tree(relation.target) if relation.kind == "notesSlide" else None
        if notes is not None:
            texts = [line for shape in shapes(notes) if _placeholder(shape) == "body" for line in paragraphs(shape)]
            others += [f"Notes: {texts[0]}", *texts[1:]] if texts else []
    return titles + others


def _comments(archive: Archive, relation: Relation) -> int:
    """How many comments a part holds; older and newer programs name it alike."""
    tree = archive.tree(relation.target) if relation.kind == "comments" else None
    return 0 if tree is None else sum(local(node.tag) == "cm" for node in tree)


def _placeholder(shape: Element) -> str:
    """What the shape is a placeholder for; "" for other shapes."""
    for node in shape.iter():
        if local(node.tag) == "ph":
            return node.get("type", "obj")
    return ""
