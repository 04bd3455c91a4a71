"""Pictures, charts, diagrams, embedded files and chunks: what stands in their place."""

from __future__ import annotations

import posixpath
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_chunks import chunk_lines
from glyph_demo.documents.docx_context import Context
from glyph_demo.documents.docx_graphics import chart_lines, diagram_lines
from glyph_demo.documents.docx_package import Part
from glyph_demo.documents.docx_xml import R, local

_TRUE = ("1", "true", "on", "t")


class Drawings:
    """The drawings of a part. Between `enter` and `leave` the description of a drawing is known."""

    def __init__(self, part: Part, context: Context) -> None:
        self._part, self._context = part, context
        self._outer: list[tuple[str, bool]] = []
        self._description, self._is_text = "", False

    def enter(self, element: Element) -> bool:
        """Whether the drawing is shown."""
        self._outer.append((self._description, self._is_text))
        if local(element) == "object":  # its picture shows what the file inside looks like
            self._is_text = True
            return True
        if local(element) != "drawing":
            self._description = element.get("alt", "") or self._description
            return "visibility:hidden" not in element.get("style", "").replace(" ", "")
        properties = next((node for node in element.iter() if local(node) == "docPr"), None)
        if properties is None:
            return True
        self._description = properties.get("descr") or properties.get("title") or ""
        marks = (node.get("val") for node in properties.iter() if local(node) == "decorative")
        self._is_text = self._is_text or any(mark in _TRUE for mark in marks)
        return properties.get("hidden") not in _TRUE

    def leave(self) -> None:
        self._description, self._is_text = self._outer.pop()

    def picture(self, element: Element) -> str:
        """ "[picture: description]"; "" for one without a description, which is counted."""
        if self._is_text:
            return ""
        own = next((node for node in element.iter() if local(node) == "cNvPr"), element)
        description = " ".join((self._description or own.get("descr") or own.get("title") or "").split())
        self._description = ""  # the next one of the same group has its own
        if description:
            return f"[picture: {description}]"
        self._context.inventory.counts["pictures_not_read"] += 1
        return ""

    def lines(self, element: Element) -> list[str]:
        """The text of a chart, of a diagram, or of letters that are drawn."""
        kind = local(element)
        if kind == "textpath":
            text = element.get("string", "").strip()
            is_new = text not in self._context.wordart
            self._context.wordart.add(text)
            return [text] if text and is_new else []
        part = self._context.package.part(self._part.target(element.get(f"{R}{'id' if kind == 'chart' else 'dm'}", "")))
        if part is None:
            self._context.inventory.counts["missing_parts"] += 1
            return []
        return chart_lines(part.root) if kind == "chart" else diagram_lines(part.root)

    def embedded(self, element: Element) -> None:
        """Count a file or an ActiveX control inside the document."""
        if local(element) == "control":
            self._context.inventory.counts["active_controls"] += 1
            return
        name = posixpath.basename(self._part.target(element.get(f"{R}id", "")))
        program = element.get("ProgID", "")
        self._context.inventory.embedded(program if program and name.endswith(".bin") else name or program)

    def chunk(self, identifier: str) -> list[str]:
        """Paragraphs of a file that is shown as part of the document. One that cannot be read is counted."""
        name = self._part.target(identifier)
        data = self._context.package.data(name) if name else None
        if data is None:
            self._context.inventory.counts["missing_parts"] += 1
            return []
        if data.startswith(b"PK\x03\x04"):
            lines = self._context.nested(data)
        else:
            lines = chunk_lines(data, name.rpartition(".")[2].lower(), self._context.max_characters)
        self._context.inventory.counts["unread_chunks"] += lines is None
        return lines or []
