"""Which engine answers. Importing this loads none of them."""

from __future__ import annotations

from typing import NamedTuple

from glyph_demo.engines.base import Engine
from glyph_demo.errors import EngineError, Message
from glyph_demo.settings import Settings


class Choice(NamedTuple):
    name: str
    why: Message


def choose_engine(settings: Settings) -> Choice:
    """The engine that `settings.engine` means on this machine, and why."""
    if settings.engine != "auto":
        return Choice(settings.engine, Message("The settings name it.", "由设置指定。"))
    from glyph_demo.gpu import gpus

    cards = gpus()
    if not cards:
        return Choice(
            "pocket",
            Message(
                "No NVIDIA GPU was found, so the embedded engine reads and answers on the CPU.",
                "未发现 NVIDIA 显卡，因此由内置引擎在 CPU 上阅读和回答。",
            ),
        )
    return Choice(
        "pocket",
        Message(
            f"{cards[0].name} was found, but this version has only the embedded engine, which runs on the CPU.",
            f"发现 {cards[0].name}，但当前版本只有内置引擎，它在 CPU 上运行。",
        ),
    )


def create_engine(settings: Settings) -> Engine:
    """Raises EngineError when the engine cannot be had here."""
    name = choose_engine(settings).name
    if name == "pocket":
        from glyph_demo.engines.pocket import PocketEngine

        return PocketEngine(settings)
    if name == "local":
        from glyph_demo.engines.local.engine import LocalEngine

        return LocalEngine(settings)
    raise EngineError(
        "engine_unavailable",
        f"The engine '{name}' is not part of this version. Use --engine pocket.",
        f"当前版本没有“{name}”引擎。请使用 --engine pocket。",
    )
