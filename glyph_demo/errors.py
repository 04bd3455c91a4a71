"""What can go wrong, said to people: every message exists in both languages and ends with what to do next."""

from __future__ import annotations

from typing import Literal, NamedTuple

Language = Literal["en", "zh"]


class Message(NamedTuple):
    """One sentence or two in both languages."""

    en: str
    zh: str

    def text(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class GlyphError(Exception):
    """Anything a user can cause or must hear of. `code` is stable and meant for programs."""

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


def out_of_memory() -> EngineError:
    return EngineError(
        "out_of_memory",
        "The memory for this model ran out. Close other programs or documents and try again.",
        "模型运行所需的内存不足。请关闭其他程序或文档后重试。",
    )
