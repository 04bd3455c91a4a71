"""The source of a Rich Text file, prepared for striprtf: it holds what Word shows, and nothing else (Rich Text Format
Specification 1.9.1)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from glyph_demo.documents.docx_symbols import UNKNOWN, is_symbol_font, translated
from glyph_demo.documents.text import raised

CELL = "\ue000"  # ends each cell of a row
NAMES = "\ue001"  # stands in a row of names, which is repeated on every page

_TOKEN = re.compile(r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'[0-9a-fA-F]{2}|\\.|[{}]|[^\\{}]+|\\", re.DOTALL)
# Groups that striprtf would leave out, or run into the text, and that are paragraphs of their own.
_ASIDE = {"shptxt", *(name + page for name in ("header", "footer") for page in ("", "l", "r", "f"))}
_SHOWN = {"footnote", "object", "shp", "shpinst", "result", "pntext", *_ASIDE}
_HIDDEN = {"sp", "shprslt", "nonshppict"}  # properties of shapes, and copies for older programs
_COUNTED = {"annotation": "comments_left_out", "pict": "pictures_not_read", "objdata": "embedded_objects"}


@dataclass
class _Group:
    hidden: bool = False
    raised: bool = False
    in_table: bool = False
    font: str = ""
    names_fonts: bool = False
    is_aside: bool = False


class Prepared:
    """`source` is what striprtf is given; `unread` counts by the code of its warning what is not read."""

    def __init__(self, source: str) -> None:
        self.unread: Counter[str] = Counter()
        self._fonts: dict[str, str] = {}  # symbol fonts by their numbers
        self._font = ""  # the number of the one that was named last
        self._kept: list[str] = []
        self._groups = [_Group()]
        self._before = ""  # the text before
        self._star = ""
        for match in _TOKEN.finditer(source):
            self._take(match[0], match[1], match[2])
        self.source = "".join(self._kept)
        self.unread = +self.unread

    def _take(self, token: str, word: str | None, number: str | None) -> None:
        if token == "\\*":  # the group is for programs that know the next word
            self._star = token
            return
        star, self._star = self._star, ""
        group = self._groups[-1]
        if token == "{":
            self._groups.append(replace(group, is_aside=False))
        elif token == "}" and len(self._groups) > 1:
            self._kept.append("\\par " * self._groups.pop().is_aside)
        elif (word is not None and self._takes_word(group, word, number)) or (
            group.hidden and (word is None or word == "u")
        ):
            return
        elif word is None and token not in "{}":
            token = self._text(group, token)
        self._kept.append(star + token)

    def _takes_word(self, group: _Group, word: str, number: str | None) -> bool:
        """Whether the word is dealt with here."""
        if word in _COUNTED and not group.hidden:
            self.unread[_COUNTED[word]] += 1
        if word in ("v", "deleted"):
            group.hidden = number != "0"
        elif word == "annotation" or word in _HIDDEN:
            group.hidden = True
        elif word in _SHOWN:
            group.is_aside = word in _ASIDE
            self._put("\\par " if group.is_aside else " " * (word == "footnote"))
            group.in_table = False
        elif word in ("super", "up"):
            group.raised = number != "0"
        elif word in ("nosupersub", "sub", "dn"):
            group.raised = False
        elif word == "cell" and not group.hidden:
            self._put(_escaped(CELL))
        elif word == "nestcell" or (word in ("par", "line") and group.in_table):
            self._put(" ")
        elif word == "trhdr":
            self._put(_escaped(NAMES))
        else:
            self._note(group, word, number)
            return False
        return True

    def _put(self, source: str) -> None:
        self._kept.append(source)
        self._before = ""

    def _note(self, group: _Group, word: str, number: str | None) -> None:
        """The format from here on, by a word that striprtf is given too."""
        if word == "plain":
            group.hidden = group.raised = False
        elif word in ("intbl", "pard"):
            group.in_table = word == "intbl"
        elif word == "f":
            self._font = number or ""
            group.font = self._fonts.get(self._font, "")
        elif word == "fonttbl":
            group.names_fonts = True
        elif word in ("par", "tab", "line", "row"):
            self._before = ""
        elif word == "u":
            self._before = "x"

    def _text(self, group: _Group, token: str) -> str:
        text = bytes.fromhex(token[2:]).decode("latin-1") if token.startswith("\\'") and len(token) == 4 else token
        if group.names_fonts:
            name = token.partition(";")[0].strip()
            self._fonts |= {self._font: name} if is_symbol_font(name) else {}
        elif group.font and not text.startswith("\\"):
            signs = translated(group.font, text.replace("\n", "").replace("\r", ""))
            self.unread["unknown_symbols"] += signs.count(UNKNOWN)
            token = "".join(map(_escaped, signs))
        elif group.raised and not token.startswith("\\"):
            token = raised(token, self._before)
        self._before = text.replace("\n", "").replace("\r", "") or self._before
        return token


def _escaped(sign: str) -> str:
    """In a group of its own, so that no stand-in for older programs is looked for behind it."""
    units = sign.encode("utf-16-le")
    numbers = [int.from_bytes(units[place : place + 2], "little", signed=True) for place in range(0, len(units), 2)]
    return "".join(f"{{\\u{number}}}" for number in numbers)
