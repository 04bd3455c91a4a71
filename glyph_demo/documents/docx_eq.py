"""EQ fields, the equations of Word before it had an editor for them, and its readings above characters."""

from __future__ import annotations

import re

from glyph_demo.documents.docx_math import bracketed

_MAX_CHARACTERS = 2000  # each pass over an instruction may add to it
_EQ = re.compile(r"\s*EQ\b(?:\s+\\\*\s*(?:\"[^\"]*\"|\S+))*\s*", re.IGNORECASE)
# A switch such as \f or \s\up8 and its arguments, those inside brackets first.
_SWITCH = re.compile(r"\\([a-z])((?:\s*\\[a-z]{2}(?:\s?\d+|\\[^a-z\s])?)*)\s*\(([^()]*)\)", re.IGNORECASE)
_BRACKETS = re.compile(r"\(([^()]*)\)")
# What is text and no part of an instruction, for as long as others are looked for.
_KEPT = str.maketrans("(),;", "\ue000\ue001\ue002\ue003")
_GIVEN_BACK = {kept: sign for sign, kept in _KEPT.items()}


def equation_text(instruction: str) -> str:
    """The line of text of an EQ instruction, "" for one of another field: "EQ \\f(1,2)" is "1/2"."""
    start = _EQ.match(instruction[:_MAX_CHARACTERS])
    if not start:
        return ""
    text, before = instruction[start.end() : _MAX_CHARACTERS], ""
    while text != before and len(text) <= _MAX_CHARACTERS:
        before, text = text, _SWITCH.sub(_shown, text, count=1)
        if text == before:
            text = _BRACKETS.sub(lambda match: match.group().translate(_KEPT), text, count=1)
    return text.translate(_GIVEN_BACK).strip()


def _shown(match: re.Match[str]) -> str:
    switch, options, content = match.group(1).lower(), match.group(2).lower(), match.group(3)
    parts = [part.strip().translate(_GIVEN_BACK) for part in re.split("[,;]", content)]
    if switch == "f" and len(parts) == 2:
        text = "/".join(map(bracketed, parts))
    elif switch == "r":
        text = f"√{bracketed(parts[-1])}" if len(parts) == 1 else f"√[{parts[0]}]{bracketed(parts[-1])}"
    elif switch == "s":
        text = ("_" if "\\do" in options else "^") + bracketed(content.strip().translate(_GIVEN_BACK))
    elif switch == "o":  # signs over each other: a reading, which was raised, goes
        text = "".join(part for part in parts if not part.startswith("^")) or content
    else:
        text = f"({content})" if switch == "b" else content
    return text.translate(_KEPT)
