"""What is typed into the form fields of a PDF page and drawn on it, as characters at its place."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from glyph_demo.documents.pdf_characters import Character
from glyph_demo.documents.pdf_seen import address, objects_of
from glyph_demo.documents.pdfium import pdfium, raw

_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13  # of a text field's flags (ISO 32000-1, table 228)
_TEXT_SIZE = 10.0  # points, of what is typed, as far as lines are concerned
_LEADERS = frozenset("_.…·")
_MOST = 3000  # values on a page that are put at their place; more go to its end

Group = list[Character]  # of one line


def typed(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> tuple[list[Group], bool]:
    """The lines of the values of all fields that people see, passwords excepted, and whether more is drawn on the page,
    which `flatten` then makes part of it. Marks the fields as hidden, so that nothing comes twice."""
    groups: list[Group] = []
    is_drawn = False
    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, number)
        if not note:
            continue
        value = None
        if raw.FPDFAnnot_GetFlags(note) & _UNSEEN:
            raw.FPDFAnnot_SetFlags(note, raw.FPDF_ANNOT_FLAG_HIDDEN)  # flattening would draw what is only for print
        elif raw.FPDFAnnot_GetSubtype(note) == raw.FPDF_ANNOT_WIDGET and document.formenv:
            value = _value(document.formenv.raw, note)
        elif raw.FPDFAnnot_GetAP(note, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0) > 2:
            is_drawn = True
        elif raw.FPDFAnnot_GetSubtype(note) == raw.FPDF_ANNOT_FREETEXT:
            value = _string(raw.FPDFAnnot_GetStringValue, note, b"Contents")
        if value is not None:
            groups += _lines(value, _rectangle(note), -1 - number)
            raw.FPDFAnnot_SetFlags(note, raw.FPDF_ANNOT_FLAG_HIDDEN)
        raw.FPDFPage_CloseAnnot(note)
    return groups, is_drawn


def flatten(page: pdfium.PdfPage) -> int:
    """Makes drawn annotations part of the page, which must be loaded anew. How many objects it had before."""
    count = int(raw.FPDFPage_CountObjects(page))
    raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
    return count


def drawn(page: pdfium.PdfPage, pieces: Sequence[Any], first: int) -> set[int]:
    """Which pieces are in the objects of the page from the `first`."""
    addresses = {address(each) for each, _, _ in objects_of(page, first)}
    return {number for number, piece in enumerate(pieces) if address(piece.handle) in addresses}


def placed(characters: Sequence[Character], groups: Iterable[Group]) -> list[Character]:
    """`characters` with the groups put in where they stand: on the line of what is beside them, or else behind the
    line above."""
    together = list(characters)
    above: Group = []
    for number, group in enumerate(groups):
        if number >= _MOST:
            together += group
            continue
        together = _without_leader(together, group)
        if above and group[0].start == above[0].start and group[0].piece == above[0].piece:  # in the same field
            at = next(at for at, each in enumerate(together, 1) if each is above[-1])
        else:
            at, base = _place(together, group)
            group = [_moved(each, base) for each in group]
        together[at:at] = above = group
    return together


def by_line(characters: Iterable[Character]) -> list[Group]:
    return [list(group) for _, group in groupby(characters, lambda each: (each.turn, round(each.base)))]


def _value(form: Any, note: Any) -> str | None:
    """What a field shows; None for buttons and signatures, whose appearance is drawn."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, note)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        return "[x]" if raw.FPDFAnnot_IsChecked(form, note) else "[ ]"
    if kind in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        options = range(max(0, raw.FPDFAnnot_GetOptionCount(form, note)))
        chosen = [number for number in options if raw.FPDFAnnot_IsOptionSelected(form, note, number)]
        labels = [_string(raw.FPDFAnnot_GetOptionLabel, form, note, number) for number in chosen]
        return ", ".join(labels) or _string(raw.FPDFAnnot_GetFormFieldValue, form, note)
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD:
        secret = raw.FPDFAnnot_GetFormFieldFlags(form, note) & _PASSWORD
        return "" if secret else _string(raw.FPDFAnnot_GetFormFieldValue, form, note)
    return None


def _string(call: Callable[..., int], *arguments: Any) -> str:
    size = call(*arguments, None, 0)
    buffer = ctypes.create_string_buffer(max(2, size))
    call(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace")


def _rectangle(note: Any) -> tuple[float, float, float, float]:
    box = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(note, box)
    return min(box.left, box.right), min(box.top, box.bottom), max(box.left, box.right), max(box.top, box.bottom)


def _lines(value: str, box: tuple[float, float, float, float], piece: int) -> Iterator[Group]:
    """The lines of `value` from the top of a high box, or in the middle of a low one. The letters share the box's width
    if they fill it, else they are half an em wide."""
    left, bottom, right, top = box
    lines = [line for line in value.splitlines() if line.strip()]
    low = top - bottom < 2.5 * _TEXT_SIZE
    for number, line in enumerate(lines):
        base = (top + bottom) / 2 - 0.35 * _TEXT_SIZE if low else top - (1.1 + 1.2 * number) * _TEXT_SIZE
        step = min(0.5 * _TEXT_SIZE, max(1.0, right - left) / len(line))
        yield [
            Character(
                " " if letter.isspace() else letter,
                left + at * step,
                left + (at + 1) * step,
                base,
                _TEXT_SIZE,
                0,
                piece,
            )
            for at, letter in enumerate(line)
        ]


def _without_leader(characters: list[Character], group: Group) -> list[Character]:
    """`characters` but the row of dots or dashes on which the group is written."""
    start, end, base, size = group[0].start, group[-1].end, group[0].base, group[0].size
    kept: list[Character] = []
    for is_leader, run in groupby(characters, lambda each: set(each.text) <= _LEADERS and abs(each.base - base) < size):
        row = list(run)
        if not is_leader or len(row) < 3 or row[-1].end < start or row[0].start > end:
            kept += row
    return kept


def _place(characters: Sequence[Character], group: Group) -> tuple[int, float]:
    """Where in the file's order, and on which baseline."""
    start, end, base, size = group[0].start, group[-1].end, group[0].base, group[0].size
    drawn = [(at, each) for at, each in enumerate(characters) if each.text != " " and each.turn == group[0].turn]
    level = [(at, each) for at, each in drawn if abs(each.base - base) < 0.8 * max(size, each.size)]
    before = [(each.end, at, each.base) for at, each in level if each.end <= start + 0.3 * size]
    if before:
        _, at, base = max(before)
        return at + 1, base
    behind = [(each.start, at, each.base) for at, each in level if each.start >= end - 0.3 * size]
    if behind:
        _, at, base = min(behind)
        return at, base
    above = [(each.base, -at) for at, each in drawn if each.base > base and each.start < end and each.end > start]
    above = above or [(each.base, -at) for at, each in drawn if each.base > base]
    if not above:
        return 0, base
    lowest, last = min(above)[0], -min(above)[1]
    while last + 1 < len(characters) and abs(characters[last + 1].base - lowest) < 0.3 * size:
        last += 1
    return last + 1, base


def _moved(character: Character, base: float) -> Character:
    character.base = base
    return character
