"""Choosing and creating an engine. Importing this loads none of them."""

from __future__ import annotations

from typing import NamedTuple

from glyph_demo.engines.base import Engine
from glyph_demo.engines.registry import engine_kind
from glyph_demo.errors import Message
from glyph_demo.models.base import LoadProgress
from glyph_demo.settings import Settings

# bytes: 20.6 GB of 16-bit weights, and keys, values and activations for a document of about 30 pages
ROOM_FOR_GLYPH = 22 << 30


class ChosenEngine(NamedTuple):
    """`lacks_weights` is whether it would be the full model, were that on this machine."""

    name: str
    why: Message
    lacks_weights: bool = False


def choose_engine(settings: Settings) -> ChosenEngine:
    """The engine that `settings.engine` means on this machine, and why. Raises SettingsError `unknown_engine`."""
    if settings.engine != "auto":
        return ChosenEngine(engine_kind(settings.engine).name, Message("The settings name it.", "由设置指定。"))
    if settings.model != "auto":
        return ChosenEngine("local", Message("The settings name a model for it.", "设置指定了它的模型。"))
    from glyph_demo.engines.weights import weights_here
    from glyph_demo.gpu import gpus

    cards = gpus()
    if not cards:
        return ChosenEngine(
            "pocket",
            Message(
                "No NVIDIA GPU was found, so the embedded engine reads and answers on the CPU.",
                "未发现 NVIDIA 显卡，因此由内置引擎在 CPU 上阅读和回答。",
            ),
        )
    card, free = cards[0].name, cards[0].memory_free / 2**30
    if cards[0].memory_free >= ROOM_FOR_GLYPH and weights_here(settings) is None:
        return ChosenEngine(
            "pocket",
            Message(
                f"{card} has room for the full model, whose weights (20.6 GB) are not on this machine. Until "
                "`python -m glyph_demo download` or the button in the window has fetched them, the CPU reads.",
                f"{card} 可以运行完整模型，但本机没有它的权重(20.6 GB)。用 `python -m glyph_demo download`"
                " 或窗口中的按钮下载之前，由 CPU 运行。",
            ),
            lacks_weights=True,
        )
    if cards[0].memory_free >= ROOM_FOR_GLYPH:
        return ChosenEngine(
            "local",
            Message(
                f"{card} has {free:.0f} GiB free, room for the full model.",
                f"{card} 有 {free:.0f} GiB 空闲显存，可以运行完整模型。",
            ),
        )
    return ChosenEngine(
        "pocket",
        Message(
            f"{card} has {free:.0f} GiB free; the full model needs {ROOM_FOR_GLYPH >> 30}. The CPU reads instead.",
            f"{card} 只有 {free:.0f} GiB 空闲显存，完整模型需要 {ROOM_FOR_GLYPH >> 30} GiB。改由 CPU 运行。",
        ),
    )


def create_engine(settings: Settings, progress: LoadProgress | None = None) -> Engine:
    """`progress` counts bytes while a model is downloaded and loaded. Raises EngineError if the engine cannot run here,
    and SettingsError `unknown_engine`."""
    return engine_kind(choose_engine(settings).name).create(settings, progress)
