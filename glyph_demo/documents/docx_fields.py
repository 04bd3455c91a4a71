"""Fields: what Word shows of them, not their instructions (ECMA-376 part 1, 17.16)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_eq import equation_text
from glyph_demo.documents.docx_symbols import symbol
from glyph_demo.documents.docx_xml import W, is_on, value
from glyph_demo.documents.text import CHECKED, UNCHECKED

_CHAR = f"{W}fldChar"
_SYMBOL = re.compile(r'\s*SYMBOL\s+(0x[0-9A-F]+|\d+)(?:.*\\f\s*(?:"([^"]*)"|(\S+)))?', re.IGNORECASE)
_BUTTON = re.compile(r"\s*(?:MACRO|GOTO)BUTTON\s+\S+\s?(.*)", re.IGNORECASE | re.DOTALL)
_MAX_INSTRUCTION = 2000  # characters


@dataclass
class _Field:
    begin: Element
    form: str | None  # what a form field shows instead of a stored result
    in_result: bool = False
    instruction: list[str] = field(default_factory=list)


class Fields:
    """The fields that are open at a place of a part. A field that never ends is none."""

    def __init__(self, root: Element) -> None:
        self._ended: set[Element] = set()
        self._open: list[_Field] = []
        begun: list[Element] = []
        for mark in root.iter(_CHAR):
            kind = value(mark, "fldCharType")
            if kind == "begin":
                begun.append(mark)
            elif kind == "end" and begun:
                self._ended.add(begun.pop())
        self.shown = True

    def mark(self, mark: Element) -> str:
        """Go past a field character. Returns the text that the field shows without having it stored."""
        kind, text = value(mark, "fldCharType"), ""
        if kind == "begin" and mark in self._ended:
            self._open.append(_Field(mark, _form_value(mark)))
        elif kind == "separate" and self._open:
            self._open[-1].in_result = self._open[-1].form is None
        elif kind == "end" and self._open:
            ended = self._open.pop()
            text = _unstored(ended) if ended.form is None else ended.form
        self.shown = all(opened.in_result for opened in self._open)
        return text if self.shown else ""

    def instruct(self, text: str) -> None:
        if self._open:
            self._open[-1].instruction.append(text)


def _form_value(begin: Element) -> str | None:
    box, choice = begin.find(f"{W}ffData/{W}checkBox"), begin.find(f"{W}ffData/{W}ddList")
    if box is not None:
        state = box.find(f"{W}checked")
        return CHECKED if is_on(box.find(f"{W}default") if state is None else state) else UNCHECKED
    entries = [] if choice is None else choice.findall(f"{W}listEntry")
    if choice is None or not entries:
        return None
    number = value(choice.find(f"{W}result")) or value(choice.find(f"{W}default")) or "0"
    return value(entries[int(number)]) if number.isdecimal() and int(number) < len(entries) else ""


def _unstored(ended: _Field) -> str:
    """What a field shows whose instruction says it all."""
    if ended.in_result:
        return ""
    instruction = "".join(ended.instruction)[:_MAX_INSTRUCTION]
    sign, button = _SYMBOL.match(instruction), _BUTTON.match(instruction)
    if sign:
        code = sign.group(1).lower()
        return symbol(sign.group(2) or sign.group(3) or "", int(code, 16 if "x" in code else 10))
    if button:
        return button.group(1).strip()
    equation = equation_text(instruction)
    if equation:
        return equation
    return value(ended.begin.find(f"{W}ffData/{W}textInput/{W}default"))
