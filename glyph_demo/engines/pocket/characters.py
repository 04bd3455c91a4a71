"""Which characters the reader reads as what they are, and the script of a letter."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Set

# The recognition model lists more characters than it tells apart: it reads ‰ as %, ¼ as ½ and Greek capitals as Latin
# ones. These are those it read right in 4 of 6 places among English words and figures, drawn at 12 pixels, or in 2 of 5
# inside words; and ℃, which it reads in Chinese. Chinese characters and kana count as read where the model lists them.
_READ = frozenset(
    "¢£¥§©«¬®°±²¶¹º»½¿ÀÁÄÅÇÈÉÊËÎÑÒÓÔÕÖ×ØÚÛÜÝßàáâãäåæçèéêëìíîïðñòóôõö÷ø"
    "ùúûüýĀāăąĆćċČčĐēĘęěğĠġģĦħĩīįķļľŁłńņňōőœŘřŚśŞşŠšũūůűųźŻżŽžưǎǐǒǔǚșț"
    "əΦΨΩαβδεζθκλμξπτφψω†€℃℉™←↑→↓↔⇐⇒∀∂∃∅∆∇∈∉∏∑√∛∞∫∬∮≈≠≡≤≥⊃⊆⊕⊥①②③④⑤⑥⑦⑧⑨▲△★☆✓￥"
)
# Read as signs that mean the same here: quotation marks and dashes of other shapes, bullets, ellipses.
_ALIKE = frozenset("‘’‚‛“”„‹›‐‑‒–—―−…‥•·‧∙′″ʼ")
_SAME_IN_PLAIN = ("<wide>", "<narrow>", "<noBreak>")  # decompositions that look the same
LATIN, EASTERN = "Latin", "Chinese and Japanese"  # the scripts that the recognition model knows
_EASTERN_NAMES = frozenset({"CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC"})


def unknown(text: str, listed: Set[str]) -> dict[str, int]:
    """How often each character of `text` occurs that the reader takes for another, or for none. `listed` are those that
    its model can say."""
    counts = Counter(unicodedata.normalize("NFC", text))
    return {character: count for character, count in counts.items() if not _is_read(character, listed)}


def script(letter: str) -> str:
    """The script of a letter: LATIN, EASTERN, or another as Unicode names it ("Cyrillic")."""
    first = unicodedata.name(letter, "LATIN").split()[0].split("-")[0]
    return EASTERN if first in _EASTERN_NAMES else first.capitalize()


def _is_read(character: str, listed: Set[str]) -> bool:
    if character.isascii() or character in _READ or character in _ALIKE:
        return True
    if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp") or "\ufe00" <= character <= "\ufe0f":
        return True  # nothing is drawn
    if _is_eastern(character):
        return character in listed
    tag, _, _ = unicodedata.decomposition(character).partition(" ")
    plain = unicodedata.normalize("NFKC", character)
    same = tag in _SAME_IN_PLAIN or (tag == "<compat>" and character.isalpha())  # the second: ligatures
    return same and plain != character and all(_is_read(part, listed) for part in plain)


def _is_eastern(character: str) -> bool:
    """Whether it is a Chinese character, kana, or punctuation of theirs."""
    return "\u3000" < character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"
