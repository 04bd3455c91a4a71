"""Equations of web pages, e-books and OpenDocument texts (MathML 3) as one line of text: "h = f L/D v^2"."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from glyph_demo.documents.archive import local
from glyph_demo.documents.docx_math import bracketed

_SKIPPED = {"annotation", "annotation-xml", "mphantom", "none", "mprescripts"}
_INVISIBLE = str.maketrans({"\u2061": " ", "\u2062": None, "\u2063": ",", "\u2064": None, "\u200b": None})
_Writer = Callable[[list[str]], str]


def equation(element: Element) -> str:
    """Text of an element. Raises RecursionError for what is nested too deeply."""
    name = local(element.tag)
    if name in _SKIPPED:
        return ""
    children = [child for child in element if local(child.tag) not in _SKIPPED]
    parts = [equation(child) for child in children]
    if not children:
        return " ".join((element.text or "").translate(_INVISIBLE).split())
    count, write = _STRUCTURES.get(name, (0, None))
    if write and len(parts) == count:
        return write(parts)
    if name == "mroot" and len(parts) == 2:
        return f"√[{parts[1]}]{bracketed(parts[0])}"
    line = _row(children, parts)
    if name == "msqrt":
        return f"√{bracketed(line)}"
    if name == "mfenced":
        inner = element.get("separators", ",")[:1].join(parts)
        return f"{element.get('open', '(')}{inner}{element.get('close', ')')}"
    if name == "mtable":
        return f"[{'; '.join(parts)}]"
    return ", ".join(parts) if name in ("mtr", "mlabeledtr") else line


def _row(children: list[Element], parts: list[str]) -> str:
    """Signs side by side, with spaces around words and operators as they are set, and where numbers would meet."""
    line = ""
    for child, part in zip(children, parts, strict=True):
        name = local(child.tag)
        is_word = name == "mtext" or (name in ("mi", "mo") and len(part) > 1 and part.isalpha())
        meets = line[-1:].isdigit() and part[:1].isdigit()
        is_sign = name == "mo" and part in _SPACED and line
        line += f" {part} " if is_sign else f" {part}" if line and (is_word or meets) else part
        line += " " * is_word
    return " ".join(line.split())


def _script(sign: str) -> _Writer:
    return lambda parts: f"{bracketed(parts[0])}{sign}{bracketed(parts[1])}" if parts[1] else parts[0]


def _both(parts: list[str]) -> str:
    below, above = (bracketed(part) for part in parts[1:])
    return bracketed(parts[0]) + (f"_{below}" if below else "") + (f"^{above}" if above else "")


_SPACED = set("=+−-±<>≤≥≠≈≡×⋅·÷∈→⇒∼∝")
# By name: the number of parts that an element must have, and how they are written.
_STRUCTURES: dict[str, tuple[int, _Writer | None]] = {
    "mfrac": (2, lambda parts: f"{bracketed(parts[0])}/{bracketed(parts[1])}"),
    "msup": (2, _script("^")),
    "mover": (2, _script("^")),
    "msub": (2, _script("_")),
    "munder": (2, _script("_")),
    "msubsup": (3, _both),
    "munderover": (3, _both),
}
