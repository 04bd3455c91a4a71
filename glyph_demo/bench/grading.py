"""Lenient grading: an answer is right when an accepted string stands in what was shown."""

from __future__ import annotations

import re
import unicodedata

# What an engine may say when the document does not hold the answer; compared after `normalise`.
REFUSALS = (
    "document does not seem to say",
    "document doesn't seem to say",
    "document does not say",
    "not mentioned in the document",
    "document does not mention",
    "not found in the document",
    "no answer in the document",
    "文档似乎没有提到",
    "文档没有提到",
    "文档中没有提到",
    "文档中似乎没有",
    "文中没有提到",
    "文档未提及",
    "文档中未提及",
)

_GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:[,，'\u2019\u202f\u2009]\d{3})+(?!\d)")
_CELSIUS = re.compile(r"°\s*c|℃", re.IGNORECASE)


def refuses(shown: str) -> bool:
    """Whether an engine says that the document does not hold the answer."""
    return any(contains(shown, refusal) for refusal in REFUSALS)


def normalise(text: str) -> str:
    """Case, width, whitespace, punctuation, hyphens and thousands separators removed.

    Between two digits a decimal point is kept and anything else becomes one space, so that `4, 12` never reads as
    `412` or `4.12`.
    """
    text = _GROUPED.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    text = unicodedata.normalize("NFKC", _CELSIUS.sub("度", text)).casefold()

    def gap(match: re.Match[str]) -> str:
        before, after = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
        if not (before.isdecimal() and after.isdecimal()):
            return ""
        return "." if match[0] == "." else " "

    return re.sub(r"[\W_]+", gap, text)


def contains(shown: str, answer: str) -> bool:
    """Whether `answer` stands in `shown`, both normalised; its first and last digit must not continue in a number."""
    wanted = normalise(answer)
    if not wanted:
        return False
    before = r"(?<!\d)(?<!\d\.)" if wanted[0].isdecimal() else ""
    after = r"(?!\.?\d)" if wanted[-1].isdecimal() else ""
    return re.search(before + re.escape(wanted) + after, normalise(shown)) is not None
