"""Text of a Rich Text file. striprtf reads its source, which is prepared so that it holds what Word shows. Runs in the
child process only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.rtf_source import CELL, NAMES, Prepared
from glyph_demo.documents.tables import Table
from glyph_demo.documents.text import clean

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")


def read_rtf(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Lines of the text, a table row as a line as in other types. Hidden and deleted text is left out. `max_pages` does
    not apply. Raises DocumentError, and what striprtf raises."""
    lines, unread = rtf_lines(path.read_bytes())
    if sum(map(len, lines)) > max_characters:
        raise problem("too_many_characters", limit=max_characters)
    return Parsed(lines, "paragraph", {code: {"count": count} for code, count in sorted(unread.items())})


def rtf_lines(data: bytes) -> tuple[list[str], Counter[str]]:
    """The lines with text, and how much is not read by the codes of the warnings. Raises what striprtf raises."""
    page = _CODE_PAGE.search(data[:4096])
    name = f"cp{page[1].decode()}" if page else "mac-roman" if data.startswith(b"{\\rtf1\\mac") else "cp1252"
    try:
        source = data.decode(name, "replace")
    except LookupError:
        name, source = "cp1252", data.decode("cp1252", "replace")
    prepared = Prepared(source)
    text = clean(rtf_to_text(prepared.source, encoding=name, errors="replace"))
    return [line for line in _lines(text) if line.strip()], prepared.unread


def _lines(text: str) -> Iterator[str]:
    table = Table()
    for line in text.split("\n"):
        if CELL in line:
            for cell in line.replace(NAMES, "").split(CELL)[:-1]:
                table.start_cell("1", "1", is_name=NAMES in line)
                table.end_cell([" ".join(cell.split())] if cell.strip() else [])
            yield from table.end_row()
        elif line.strip():
            yield from table.end()
            table = Table()
            yield line
    yield from table.end()
