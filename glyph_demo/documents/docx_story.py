"""What Word shows of one part of a DOCX, gathered in a Flow."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_context import Context
from glyph_demo.documents.docx_drawings import Drawings
from glyph_demo.documents.docx_fields import Fields
from glyph_demo.documents.docx_flow import Flow
from glyph_demo.documents.docx_graphics import CHART, CHARTEX, DIAGRAM
from glyph_demo.documents.docx_math import Equations
from glyph_demo.documents.docx_package import Part
from glyph_demo.documents.docx_symbols import UNKNOWN, is_symbol_font, symbol, translated
from glyph_demo.documents.docx_tables import Table
from glyph_demo.documents.docx_xml import A, M, R, T, W, is_on, local, value
from glyph_demo.documents.text import CHECKED, UNCHECKED

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_VML = "{urn:schemas-microsoft-com:vml}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
_TEXTS = (T, f"{M}t", f"{A}t")


def flow_of(part: Part, element: Element, context: Context) -> Flow:
    """The text of an element of a part."""
    story = _Story(part, context)
    story.walk(element)
    return story.flow


def paragraphs_of(part: Part, context: Context) -> list[str]:
    _fill_check_boxes(part.root)
    return flow_of(part, part.root, context).paragraphs()


class _Story:
    """Walks down a part. Elements without a handler are wrappers: their content counts."""

    def __init__(self, part: Part, context: Context) -> None:
        self.flow = Flow()
        self._part, self._context = part, context
        self._fields = Fields(part.root)
        self._equations = Equations(context.hidden)
        self._drawings = Drawings(part, context)
        self._paragraph_hidden = self._run_hidden = self._run_raised = False
        self._fonts: tuple[str, str] | None = None  # a symbol font for ASCII, and for all else

    def walk(self, element: Element) -> None:
        for child in element:
            tag = child.tag
            if tag in _SKIPPED:
                continue
            handler = _HANDLERS.get(tag)
            if handler is None:
                self.walk(child)
            elif tag in _STRUCTURE or (self._fields.shown and not self._run_hidden):
                handler(self, child)

    def _paragraph(self, paragraph: Element) -> None:
        outer = self._paragraph_hidden, self._run_hidden, self._fonts
        properties = paragraph.find(f"{W}pPr")
        self._paragraph_hidden = self._run_hidden = self._context.hidden.paragraph(properties)
        self._fonts = None
        self.flow.begin()
        self.walk(paragraph)
        if self._is_gone(None if properties is None else properties.find(f"{W}rPr")):
            self.flow.hold()
        else:
            self.flow.end(self._context.numbering.label(paragraph))
        self._paragraph_hidden, self._run_hidden, self._fonts = outer

    def _is_gone(self, mark: Element | None) -> bool:
        """Whether a paragraph's mark is deleted, moved elsewhere or hidden, so that the next paragraph joins it."""
        if mark is not None and (
            any(mark.find(f"{W}{name}") is not None for name in ("del", "moveFrom"))
            or is_on(mark.find(f"{W}specVanish"))
        ):
            return True
        return self._context.hidden.text(mark, self._paragraph_hidden)

    def _run(self, run: Element) -> None:
        outer = self._run_hidden, self._run_raised, self._fonts
        properties = run.find(f"{W}rPr")
        self._run_raised = self._context.raised.text(properties)
        self._run_hidden = self._context.hidden.text(properties, self._paragraph_hidden)
        self._fonts = _symbol_fonts(properties)
        self.walk(run)
        self._run_hidden, self._run_raised, self._fonts = outer

    def _t(self, element: Element) -> None:
        text = element.text or ""
        if self._fonts:
            ascii_font, font = self._fonts
            shown = "".join(translated(ascii_font if sign < "\x80" else font, sign) for sign in text)
            self._count_unknown(shown, text)
            text = shown
        self.flow.text(text, self._run_raised)

    def _tab(self, element: Element) -> None:
        self.flow.add(f"{W}tab")

    def _break(self, element: Element) -> None:
        self.flow.add(f"{W}br")

    def _hyphen(self, element: Element) -> None:
        self.flow.text("-")

    def _symbol(self, element: Element) -> None:
        """A sign of a symbol font, or an emoji with its font."""
        try:
            sign = symbol(value(element, "font"), int(value(element, "char"), 16))
        except ValueError:
            sign = UNKNOWN
        self._count_unknown(sign)
        self.flow.text(sign)

    def _count_unknown(self, shown: str, before: str = "") -> None:
        self._context.inventory.counts["unknown_symbols"] += shown.count(UNKNOWN) - before.count(UNKNOWN)

    def _equation(self, element: Element) -> None:
        self.flow.text(self._equations.text(element))

    def _equation_lines(self, element: Element) -> None:
        for number, equation in enumerate(element.iter(f"{M}oMath")):
            if number:
                self.flow.add(f"{W}br")
            self._equation(equation)

    def _field_mark(self, element: Element) -> None:
        text = self._fields.mark(element)
        if not self._run_hidden:
            self._count_unknown(text)
            self.flow.text(text)

    def _instruction(self, element: Element) -> None:
        self._fields.instruct(element.text or "")

    def _alternatives(self, element: Element) -> None:
        """The first that has text; without any text, the first."""
        branches = [child for child in element if child.tag in (f"{_MC}Choice", f"{_MC}Fallback")]
        spoken = [branch for branch in branches if any(text.text for tag in _TEXTS for text in branch.iter(tag))]
        for branch in (spoken or branches)[:1]:
            self.walk(branch)

    def _table(self, element: Element) -> None:
        self.flow.end()
        table = Table(element)
        for number, row in enumerate(table.rows):
            if len(row) == 1:  # a frame, or a title over all columns
                self.walk(row[0].element)
                self.flow.end()
            elif row:
                texts = ["" if cell.continues else self._cell(cell.element) for cell in row]
                self._row(table.lines(number, texts))
        self._row(table.end())

    def _row(self, lines: list[str]) -> None:
        for line in lines:
            self.flow.text(line)
            self.flow.end()

    def _cell(self, element: Element) -> str:
        outer, self.flow = self.flow, Flow()
        self.walk(element)
        text, self.flow = self.flow.line(), outer
        return text

    def _box(self, element: Element) -> None:
        outer = self._paragraph_hidden, self._run_hidden, self._run_raised, self._fonts
        self._run_hidden, self._run_raised, self._fonts = False, False, None
        with self.flow.aside():
            self.walk(element)
        self._paragraph_hidden, self._run_hidden, self._run_raised, self._fonts = outer

    def _note_reference(self, element: Element) -> None:
        self.flow.text(self._context.notes[local(element).removesuffix("Reference")].mark(element))

    def _comment_reference(self, element: Element) -> None:
        for text in self._context.comments.at_reference(value(element, "id"), self._line):
            self.flow.spaced(text)

    def _comment_end(self, element: Element) -> None:
        for text in self._context.comments.at_end_of_range(value(element, "id"), self._line):
            self.flow.spaced(text)

    def _line(self, part: Part, element: Element) -> str:
        return flow_of(part, element, self._context).line()

    def _chunk(self, element: Element) -> None:
        self.flow.end()
        self.flow.lines(self._drawings.chunk(element.get(f"{R}id", "")))

    def _drawing(self, element: Element) -> None:
        if self._drawings.enter(element):
            self.walk(element)
        self._drawings.leave()

    def _picture(self, element: Element) -> None:
        text = self._drawings.picture(element)
        if text:
            self.flow.spaced(text)

    def _graphic(self, element: Element) -> None:
        self.flow.lines(self._drawings.lines(element))

    def _embedded(self, element: Element) -> None:
        self._drawings.embedded(element)


def _fill_check_boxes(root: Element) -> None:
    """Give the content of check boxes the sign of their state, whatever sign their program chose."""
    for control in root.iter(f"{W}sdt"):
        box = next((item for item in control.find(f"{W}sdtPr") or [] if local(item) == "checkbox"), None)
        content = control.find(f"{W}sdtContent")
        if box is None or content is None:
            continue
        state = next((item for item in box if local(item) == "checked"), None)
        signs = [node for node in content.iter() if node.tag in (T, f"{W}sym")]
        for node in signs:
            node.tag, node.text = T, ""
        if signs:
            signs[0].text = CHECKED if is_on(state) else UNCHECKED


def _symbol_fonts(properties: Element | None) -> tuple[str, str] | None:
    fonts = None if properties is None else properties.find(f"{W}rFonts")
    if fonts is None:
        return None
    names = value(fonts, "ascii"), value(fonts, "hAnsi")
    return names if any(map(is_symbol_font, names)) else None


_SKIPPED = {f"{W}{name}" for name in ("pPr", "rPr", "sectPr", "tblPr", "tblGrid", "trPr", "tcPr", "sdtPr", "sdtEndPr")}
_SKIPPED |= {f"{W}{name}" for name in ("del", "moveFrom", "rt", "delText", "delInstrText", "docPartObj")}
_Handler = Callable[[_Story, Element], None]
_HANDLERS: dict[str, _Handler] = {
    f"{W}p": _Story._paragraph,
    f"{W}r": _Story._run,
    f"{W}t": _Story._t,
    f"{W}tab": _Story._tab,
    f"{W}ptab": _Story._tab,
    f"{W}br": _Story._break,
    f"{W}cr": _Story._break,
    f"{W}noBreakHyphen": _Story._hyphen,
    f"{W}sym": _Story._symbol,
    "{http://schemas.microsoft.com/office/word/2015/wordml/symex}symEx": _Story._symbol,
    f"{M}oMath": _Story._equation,
    f"{M}oMathPara": _Story._equation_lines,
    f"{W}fldChar": _Story._field_mark,
    f"{W}instrText": _Story._instruction,
    f"{_MC}AlternateContent": _Story._alternatives,
    f"{W}tbl": _Story._table,
    f"{W}txbxContent": _Story._box,
    f"{A}p": _Story._box,
    f"{A}t": _Story._t,
    f"{W}footnoteReference": _Story._note_reference,
    f"{W}endnoteReference": _Story._note_reference,
    f"{W}commentReference": _Story._comment_reference,
    f"{W}commentRangeEnd": _Story._comment_end,
    f"{W}altChunk": _Story._chunk,
    f"{W}drawing": _Story._drawing,
    f"{W}object": _Story._drawing,
    **{f"{_VML}{name}": _Story._drawing for name in ("shape", "rect", "roundrect", "oval", "group")},
    f"{_VML}imagedata": _Story._picture,
    f"{_PICTURE}pic": _Story._picture,
    f"{_VML}textpath": _Story._graphic,
    f"{CHART}chart": _Story._graphic,
    f"{CHARTEX}chart": _Story._graphic,
    f"{DIAGRAM}relIds": _Story._graphic,
    "{urn:schemas-microsoft-com:office:office}OLEObject": _Story._embedded,
    f"{W}control": _Story._embedded,
}
_STRUCTURE = {f"{W}{name}" for name in ("p", "r", "tbl", "fldChar", "instrText")} | {f"{_MC}AlternateContent"}
