"""Text of a Markdown file: its source, with tables as rows and without the HTML in it. Runs in the child process
only."""

from __future__ import annotations

import re
from pathlib import Path

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean, decode, encoding_warnings

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE_OF_TABLE = re.compile(r"\|?:?-+:?(?:\|:?-+:?)*\|?")  # GitHub Flavored Markdown, 4.10, without its spaces
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/?>")
_PICTURE = re.compile(r"!\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)")
_CODE = re.compile(r"(?<!`)(`+)(?!`)[^`]+\1(?!`)")


def read_markdown(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Lines of the source. A table row is "cell | cell", a picture "[picture: its text]"; tags and comments of HTML are
    left out. Code stays as it is. `max_pages` does not apply. Raises DocumentError."""
    text, bad, guessed = decode(path.read_bytes(), encoding)
    text = clean(text)
    if len(text) > max_characters:
        raise problem("too_many_characters", limit=max_characters)
    lines: list[str] = []
    fence = ""
    last = text.rfind("-->") + 3  # comments that do not end are text
    for line in (_COMMENT.sub("", text[:last]) + text[last:]).split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and line.strip() == mark[1])):
            fence = "" if fence else mark[1]
        lines.append(line if fence or mark else _line(line))
    return Parsed(lines, "paragraph", encoding_warnings(bad, guessed))


def _line(line: str) -> str:
    if "|" in line and _RULE_OF_TABLE.fullmatch("".join(line.split())):
        return ""
    pieces = []
    end = 0
    for code in _CODE.finditer(line):
        pieces += [_shown(line[end : code.start()]), code[0]]
        end = code.end()
    line = "".join([*pieces, _shown(line[end:])])
    if line.lstrip().startswith("|"):
        cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
        return " | ".join(cell.strip().replace("\\|", "|") for cell in cells)
    return line


def _shown(text: str) -> str:
    """Text that is no code."""
    text = _PICTURE.sub(lambda match: f"[picture: {match[1]}]" if match[1].strip() else "", text)
    return _TAG.sub("", _BREAK.sub(" ", text))
