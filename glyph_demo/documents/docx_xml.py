"""Names of WordprocessingML and small readers of its elements."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from glyph_demo.documents.numbering import NAMESPACE as W

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
T = f"{W}t"


def value(element: Element | None, name: str = "val") -> str:
    """An attribute in the namespace of its element; "" where either is missing."""
    if element is None:
        return ""
    return element.get(element.tag.partition("}")[0] + "}" + name, "")


def is_on(element: Element | None) -> bool:
    """A switch: on where it stands without a value (ECMA-376 part 1, 17.17.4)."""
    return element is not None and value(element).lower() not in ("0", "false", "off")


def local(element: Element) -> str:
    """The name without its namespace."""
    return element.tag.rpartition("}")[2]
