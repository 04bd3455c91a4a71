"""Equations (Office MathML, ECMA-376 part 1, 22.1) as one line of text: "h = f L/D v^2"."""

from __future__ import annotations

import re
import unicodedata
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_styles import HiddenText
from glyph_demo.documents.docx_xml import M, W, is_on, local, value

_LETTERS = re.compile("[\u210e\U0001d400-\U0001d7ff]")  # letters and digits of mathematics, which only look different
# Function application, multiplication, separator and addition, which are not seen; a space of no width.
_UNSEEN = {0x2061: " ", 0x2062: "", 0x2063: ",", 0x2064: "", 0x200B: ""}
_ATOM = r"(?:\d[\d.,]*|[^\W\d_]+|.)[′″\u0300-\u036f]*"
_SINGLE = re.compile(_ATOM)
_TERM = re.compile(rf"{_ATOM}(?:[_^](?:{_ATOM}|\([^()]*\)))*!?")  # binds tighter than a fraction: "x^2"
_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_SKIPPED = {f"{W}del", f"{W}moveFrom", f"{W}rPr"}


class Equations:
    """`hidden` tells which runs are not shown."""

    def __init__(self, hidden: HiddenText) -> None:
        self._hidden = hidden

    def text(self, element: Element | None) -> str:
        """What stands side by side in an element. A space parts what would run together, as in "2 1/2"."""
        line, after_structure = "", False
        for child in [] if element is None else element:
            name = local(child)
            if child.tag in _SKIPPED or name.endswith("Pr"):
                continue
            piece = self._piece(child, name)
            if not piece:
                continue
            is_structure = child.tag.startswith(M) and name in ("f", "rad", "nary", "func", "limLow", "limUpp")
            tight = name != "r" and name in ("d", "box", "sSup", "sSub", "sSubSup", "acc", "bar")
            if line and _runs_together(line, piece, after_structure, is_structure):
                line += " "
            line += piece
            after_structure = is_structure or (tight and name.startswith("s"))
        return line

    def _piece(self, element: Element, name: str) -> str:
        if not element.tag.startswith(M):  # wrappers of Word: insertions, content controls
            return (element.text or "") if name == "t" else self.text(element)
        structure = getattr(self, f"_{name}", None)
        return structure(element) if structure and name in _STRUCTURES else self.text(element)

    def _r(self, run: Element) -> str:
        if self._hidden.text(run.find(f"{W}rPr"), by_paragraph=False):
            return ""
        text = "".join(child.text or "" for child in run if local(child) == "t").translate(_UNSEEN)
        return _LETTERS.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)

    def _part(self, element: Element, name: str) -> str:
        return self.text(element.find(f"{M}{name}")).strip()

    def _f(self, element: Element) -> str:
        top, bottom = self._part(element, "num"), self._part(element, "den")
        if value(element.find(f"{M}fPr/{M}type")) == "noBar":
            return f"({top} over {bottom})" if top or bottom else ""
        return f"{bracketed(top, _TERM)}/{bracketed(bottom, _TERM)}" if top or bottom else ""

    def _sSup(self, element: Element) -> str:
        return bracketed(self._part(element, "e")) + self._scripts(element)

    _sSub = _sSubSup = _sSup

    def _sPre(self, element: Element) -> str:
        return self._scripts(element) + bracketed(self._part(element, "e"))

    def _scripts(self, element: Element) -> str:
        below, above = self._part(element, "sub"), self._part(element, "sup")
        return (f"_{bracketed(below)}" if below else "") + (f"^{bracketed(above)}" if above else "")

    def _rad(self, element: Element) -> str:
        degree, inner = self._part(element, "deg"), bracketed(self._part(element, "e"))
        return _ROOTS[degree] + inner if degree in _ROOTS else f"√[{degree}]{inner}"

    def _nary(self, element: Element) -> str:
        sign = element.find(f"{M}naryPr/{M}chr")
        return f"{'∫' if sign is None else value(sign)}{self._scripts(element)} {self._part(element, 'e')}".rstrip()

    def _func(self, element: Element) -> str:
        name, inner = self._part(element, "fName"), self._part(element, "e")
        return f"{name}{inner}" if inner[:1] in "([{|" else f"{name} {inner}"

    def _limLow(self, element: Element) -> str:
        return f"{self._part(element, 'e')}_{bracketed(self._part(element, 'lim'))}"

    def _limUpp(self, element: Element) -> str:
        return f"{self._part(element, 'e')}^{bracketed(self._part(element, 'lim'))}"

    def _m(self, element: Element) -> str:
        rows = (", ".join(self.text(cell).strip() for cell in row.iter(f"{M}e")) for row in element.findall(f"{M}mr"))
        return f"[{'; '.join(rows)}]"

    def _eqArr(self, element: Element) -> str:
        return "; ".join(self.text(row).strip().replace("&", "") for row in element.findall(f"{M}e"))

    def _d(self, element: Element) -> str:
        marks = []
        for name, default in (("begChr", "("), ("sepChr", "|"), ("endChr", ")")):
            found = element.find(f"{M}dPr/{M}{name}")
            marks.append(default if found is None else value(found))
        inner = marks[1].join(self.text(part).strip() for part in element.findall(f"{M}e"))
        if _is_enclosed(inner) and (inner[0] + inner[-1] == marks[0] + marks[2] or inner[0] == "["):
            inner = inner[1:-1]  # a matrix has brackets already, and so have two lines without a bar
        return f"{marks[0]}{inner}{marks[2]}"

    def _acc(self, element: Element) -> str:
        mark = element.find(f"{M}accPr/{M}chr")
        return _accented(self._part(element, "e"), "\u0302" if mark is None else value(mark))

    def _bar(self, element: Element) -> str:
        below = value(element.find(f"{M}barPr/{M}pos")) != "top"
        return _accented(self._part(element, "e"), "\u0332" if below else "\u0305")

    def _phant(self, element: Element) -> str:
        show = element.find(f"{M}phantPr/{M}show")
        return "" if show is not None and not is_on(show) else self._part(element, "e")


_STRUCTURES = {"r", "f", "sSup", "sSub", "sSubSup", "sPre", "rad", "nary", "func", "limLow", "limUpp", "m", "eqArr"}
_STRUCTURES |= {"d", "acc", "bar", "phant"}


def bracketed(text: str, unit: re.Pattern[str] = _SINGLE) -> str:
    """Brackets around all but a single number, name or sign, and what is in brackets as a whole."""
    if not text or unit.fullmatch(text) or _is_enclosed(text):
        return text
    return f"({text})"


def _is_enclosed(text: str) -> bool:
    if not text or text[0] not in "([{" or text[-1] not in ")]}":
        return False
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return place == len(text) - 1
    return False


def _accented(text: str, mark: str) -> str:
    return text + mark if len(text) == 1 or not unicodedata.combining(mark[:1] or "x") else f"({text}){mark}"


def _runs_together(line: str, piece: str, after_structure: bool, is_structure: bool) -> bool:
    last, first = line[-1], piece[0]
    if not (last.isalnum() or last in ")]}") or not (first.isalnum() or first in "(√∛∜∑∏∫"):
        return False
    return after_structure or is_structure or (last.isdigit() and first.isdigit())
