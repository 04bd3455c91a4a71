"""What can go wrong, said to people: every message exists in English and Chinese and ends with what to do next."""

from __future__ import annotations

import re
from typing import NamedTuple

from glyph_demo.languages import Language, translate

# What torch on a CPU, ONNX Runtime, OpenCV and the system say: their errors for this have no type of their own.
_NO_MEMORY = re.compile(
    "out of memory|not enough memory|insufficient memory|(?:can't|cannot|failed to|could not) allocate|"
    "alloc_failed|bad[_ ]alloc|can't start new thread",
    re.IGNORECASE,
)
# Not matched is what a working card refuses: a mistake of ours, or a card that this torch was not built for.
_NO_CARD = re.compile(
    r"\bCUDA (?:driver )?(?:error|failure)\b(?!.*(?:no kernel image|not supported|invalid (?:argument|value)))|"
    r"\bCU(?:BLAS|DNN)_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)",
    re.IGNORECASE,
)

# Line ends, control characters of terminals, marks that change the reading direction, and lone surrogates.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: object, most: int = 200) -> str:
    """What a user gave, safe to repeat in a message: on one line, without control characters, cut to `most`."""
    try:
        said = str(text)
    except ValueError:  # a whole number of more digits than Python writes
        said = type(text).__name__
    return _UNSEEN.sub("\ufffd", said if len(said) <= most else said[: most - 1] + "…")


class Message(NamedTuple):
    """One sentence or two, in English and Chinese."""

    en: str
    zh: str

    def text(self, language: Language) -> str:
        """The message in any language; in English where that has no translation of it."""
        return self.zh if language == "zh" else translate(self.en, language)


class GlyphError(Exception):
    """Anything that a user can cause or must know. `code` is stable and meant for programs."""

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.message = Message(en, zh)

    def text(self, language: Language) -> str:
        return self.message.text(language)


class DocumentError(GlyphError):
    """The upload cannot become a Document."""


class SettingsError(GlyphError):
    """A setting, flag or environment variable is unknown or has a value that cannot be used."""


class EngineError(GlyphError):
    """The engine cannot be started or cannot do what was asked."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an error of Python or of a library means that memory has run out."""
    if isinstance(error, GlyphError):
        return False
    named = type(error).__name__ == "OutOfMemoryError"  # torch's, which is not loaded to find out
    return named or isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def lost_card(error: Exception) -> bool:
    """Whether an error means that the graphics card no longer computes. Nothing of CUDA works in this process then."""
    return not isinstance(error, GlyphError) and _NO_CARD.search(str(error)) is not None


def out_of_memory() -> EngineError:
    return EngineError(
        "out_of_memory",
        "The memory for this model ran out. Close other programs or documents and try again.",
        "模型运行所需的内存不足。请关闭其他程序或文档后重试。",
    )


def card_lost() -> EngineError:
    return EngineError(
        "card_lost",
        "The graphics card stopped working. Restart the app; if that does not help, the machine.",
        "显卡已停止工作。请重启应用；若仍无效，请重启机器。",
    )
