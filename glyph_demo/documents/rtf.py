"""Text of a Rich Text file. striprtf reads it. Runs in the child process only."""

from __future__ import annotations

import re
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_TOKEN = re.compile(r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'[0-9a-fA-F]{2}|\\.|[{}]|[^\\{}]+|\\", re.DOTALL)
_ROW = re.compile(r"^.*\|$", re.MULTILINE)


def read_rtf(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Lines of the text, a table row as "cell | cell". Hidden and deleted text is left out. `max_pages` does not
    apply. Raises DocumentError, and what striprtf raises."""
    data = path.read_bytes()
    page = _CODE_PAGE.search(data[:4096])
    name = f"cp{page[1].decode()}" if page else "mac-roman" if data.startswith(b"{\\rtf1\\mac") else "cp1252"
    try:
        source = data.decode(name, "replace")
    except LookupError:
        name, source = "cp1252", data.decode("cp1252", "replace")
    text = rtf_to_text(_visible(source), encoding=name, errors="replace")
    text = _ROW.sub(lambda row: " | ".join(cell.strip() for cell in row[0][:-1].split("|")), clean(text))
    if len(text) > max_characters:
        raise problem("too_many_characters", limit=max_characters)
    return Parsed([line for line in text.split("\n") if line.strip()], "paragraph")


def _visible(source: str) -> str:
    """The source without hidden and deleted text, and with footnotes in the place of their marks, which striprtf would
    leave out."""
    kept: list[str] = []
    hidden = [False]  # of each open group
    for match in _TOKEN.finditer(source):
        token, word, number = match[0], match[1], match[2]
        if token == "{":
            hidden.append(hidden[-1])
        elif token == "}" and len(hidden) > 1:
            hidden.pop()
        elif word in ("v", "deleted"):
            hidden[-1] = number != "0"
            continue
        elif word == "plain":
            hidden[-1] = False
        elif word in ("footnote", "annotation"):
            kept.append(" ")
            continue
        elif hidden[-1] and (word is None or word == "u"):
            continue
        kept.append(token)
    return "".join(kept)
