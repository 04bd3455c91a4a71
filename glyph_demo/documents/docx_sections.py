"""The headers and footers that Word shows (ECMA-376 part 1, 17.10)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_context import Inventory
from glyph_demo.documents.docx_package import Package, Part
from glyph_demo.documents.docx_xml import R, W, is_on, value

_TYPES = ("first", "default", "even")


def header_parts(
    package: Package, main: Part, settings: Part | None, inventory: Inventory
) -> tuple[list[Part], list[Part]]:
    """Headers and footers, each once, in the order of the sections that show them. Those that are missing are
    counted."""
    has_even = settings is not None and is_on(settings.root.find(f"{W}evenAndOddHeaders"))
    found: list[list[Part]] = []
    for kind in ("header", "footer"):
        names = dict.fromkeys(_shown(main, kind, has_even))
        parts = [package.part(name) for name in names]
        inventory.counts["missing_parts"] += parts.count(None)
        found.append([part for part in parts if part is not None])
    return found[0], found[1]


def _shown(main: Part, kind: str, has_even: bool) -> Iterator[str]:
    """Names of parts. A section without a header of its own has that of the section before it."""
    current: dict[str, str] = {}
    for section in _sections(main.root):
        for reference in section.findall(f"{W}{kind}Reference"):
            current[value(reference, "type") or "default"] = main.target(reference.get(f"{R}id", ""))
        used = {"first": is_on(section.find(f"{W}titlePg")), "default": True, "even": has_even}
        yield from (current[name] for name in _TYPES if used[name] and current.get(name))


def _sections(root: Element) -> list[Element]:
    """Without those that tracked changes keep from before."""
    old = {section for change in root.iter(f"{W}sectPrChange") for section in change}
    return [section for section in root.iter(f"{W}sectPr") if section not in old]
