"""What is returned of a PDF once its pages have been read: their texts with the comments on them, which of them are
pictures, their names, and the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pypdf

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.pdf_inventory import Inventory, comments
from glyph_demo.documents.pdf_pictures import Kind, Look
from glyph_demo.documents.problems import page_ranges, problem


def parsed(reader: pypdf.PdfReader | None, texts: Sequence[str], looks: Sequence[Look | None]) -> Parsed:
    """`texts` and `looks` are those of all pages; a look is None for a page that could not be read. `reader` is None
    where pypdf does not open the file. Garbled texts become empty. Raises DocumentError `xfa_form`."""
    inventory = Inventory(reader)
    if inventory.is_placeholder(texts):
        return _form_in_xml(inventory, len(texts))
    pictures = [number for number, look in enumerate(looks) if look and look.kind in (Kind.PICTURE, Kind.GARBLED)]
    figures = {number: look.figures for number, look in enumerate(looks) if look and look.figures}
    lost = [number for number, look in enumerate(looks) if look is None]
    warnings: dict[str, dict[str, Any]] = {}
    if lost:
        warnings["unreadable_pages"] = {"pages": _people(lost)}
    if figures:
        warnings["figures"] = {"count": sum(figures.values()), "pages": _people(figures)}
    parts = ["" if look and look.kind is Kind.GARBLED else text for text, look in zip(texts, looks, strict=True)]
    notes = ["\n".join(comments(page)) for page in inventory.pages[: len(parts)]]
    notes += [""] * (len(parts) - len(notes))
    parts = ["\n".join(filter(None, both)) for both in zip(parts, notes, strict=True)]
    labels = inventory.page_labels(len(parts))
    return Parsed(parts, "page", warnings | inventory.left_out(), pictures, labels, [len(note) for note in notes])


def _form_in_xml(inventory: Inventory, count: int) -> Parsed:
    """What is filled in is the document, not what the pages say to viewers that cannot show it."""
    values = inventory.xfa_values()
    if not values:
        raise problem("xfa_form")
    return Parsed([values, *[""] * (count - 1)], "page", {"xfa_form": {}} | inventory.left_out())


def _people(numbers: Iterable[int]) -> str:
    return page_ranges(number + 1 for number in numbers)
