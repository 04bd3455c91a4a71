"""Signs of the symbol fonts that come with Word, as Unicode.

Symbol has all but the pieces of large brackets; its places are those of Adobe's Symbol encoding, whose mapping Unicode
publishes (MAPPINGS/VENDORS/ADOBE/symbol.txt). Of the other fonts there are the signs that documents use, such as check
marks, boxes, bullets, arrows, numbers in circles, hands and stars, by their names in Unicode. A sign that comes in
several weights or sizes is given in the plain one, which fonts for text have. Any other place is an unknown sign.
"""

from __future__ import annotations

import re

_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SMALL_GREEK = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_CLOCKS = "🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛"
_ARROWS = "←→↑↓↖↗↙↘"

# Of each font the signs, in runs of neighbours by the place of the first.
_RUNS: dict[str, dict[int, str]] = {
    "symbol": {
        0x20: " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅",
        0x41: _GREEK + "[∴]⊥_",
        0x61: _SMALL_GREEK + "{|}∼",
        0xA0: "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…",
        0xBF: "↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑",
        0xF1: "⟩∫",
    },
    "wingdings": {
        0x20: " ✏✂✁",
        0x28: "☎✆✉",
        0x36: "⌛",
        0x3E: "✇✍",
        0x41: "✌👌👍👎☜☞☝☟✋☺😐☹💣☠",
        0x51: "✈☼💧❄",
        0x56: "✞",
        0x58: "✠✡☪☯ॐ☸♈♉♊♋♌♍♎♏♐♑♒♓&&●❍■□□❑❒◆◆◆❖◆⌧",
        0x7A: "⌘",
        0x7D: "❝❞",
        0x80: "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿",
        0x9E: "·•▪○○○◉◎",
        0xA7: "▪□",
        0xAA: "✦★✶",
        0xB5: "✪✰" + _CLOCKS,
        0xD5: "⌫⌦",
        0xD8: "➢",
        0xDC: "➲",
        0xDF: _ARROWS + _ARROWS + "⇦⇨⇧⇩⬄⇳",
        0xFB: "✗✓☒☑",
    },
    "wingdings 2": {
        0x20: " ",
        0x4F: "✗✓☒☑☒☒",
        0x69: "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿",
        0xA2: "■□",
    },
    "wingdings 3": {
        0x20: " " + _ARROWS,
        0x70: "▲▼△▽◀▶◁▷",
    },
    "webdings": {
        0x20: " ",
        0x33: "◀▶▲▼",
        0x61: "✔",
        0x63: "□",
        0x67: "■",
        0x69: "ℹ",
        0x6E: "●",
        0x72: "✕❓",
    },
}
_SIGNS = {
    font: {place: sign for start, signs in runs.items() for place, sign in enumerate(signs, start)}
    for font, runs in _RUNS.items()
}
_LOST = re.compile("[\uf020-\uf0ff]")
_PRIVATE = range(0xE000, 0xF900)
UNKNOWN = "\ufffd"


def is_symbol_font(name: str) -> bool:
    return name.lower() in _SIGNS


def symbol(font: str, code: int) -> str:
    """The sign of a character code in a font; `UNKNOWN` for one that is not known. Symbol fonts have their signs at
    0x20 to 0xFF and again 0xF000 above (ECMA-376 part 1, 17.3.3.30)."""
    signs = _SIGNS.get(font.lower())
    if signs is None:
        known = 0x20 <= code <= 0x10FFFF and code not in _PRIVATE and not 0xD800 <= code < 0xE000
        return chr(code) if known else UNKNOWN
    return signs.get(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code, UNKNOWN)


def translated(font: str, text: str) -> str:
    """A text that is set in a font, which may be a symbol font. Signs that no symbol font can have stay: they are
    shown in another one."""
    if not is_symbol_font(font):
        return text
    return "".join(symbol(font, ord(sign)) if " " <= sign <= "\xff" or _LOST.match(sign) else sign for sign in text)


def without_font(text: str) -> str:
    """Signs of a symbol font that have lost their font are those of Symbol, the most frequent one."""
    return _LOST.sub(lambda match: symbol("Symbol", ord(match.group())), text)
