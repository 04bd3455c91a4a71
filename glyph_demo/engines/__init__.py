"""Choosing and creating an engine. Importing this loads none of them."""

from __future__ import annotations

from typing import NamedTuple

from glyph_demo.engines.base import Engine
from glyph_demo.engines.registry import engine_kind
from glyph_demo.errors import Message
from glyph_demo.gpu import Gpu
from glyph_demo.models import budget
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.memory import PAGE_TOKENS
from glyph_demo.settings import Settings

# The oldest driver for each major version of CUDA (NVIDIA, CUDA Compatibility, "Minor Version Compatibility").
OLDEST_DRIVER = {"12": "525", "13": "580"}


class ChosenEngine(NamedTuple):
    """`lacks_weights` is whether it would be the full model, were that on this machine."""

    name: str
    why: Message
    lacks_weights: bool = False


def choose_engine(settings: Settings) -> ChosenEngine:
    """The engine that `settings.engine` means on this machine, and why. Imports torch only where there is a card.
    Raises SettingsError `unknown_engine`."""
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
    chosen = without_cuda(cards[0]) or _by_memory(cards[0], settings)
    return _until_downloaded(cards[0]) if chosen.name == "local" and weights_here(settings) is None else chosen


def _until_downloaded(card: Gpu) -> ChosenEngine:
    return ChosenEngine(
        "pocket",
        Message(
            f"{card.name} has room for the full model, whose weights (20.6 GB) are not on this machine. Until "
            "`python -m glyph_demo download` or the button in the window has fetched them, the CPU reads.",
            f"{card.name} 可以运行完整模型，但本机没有它的权重（20.6 GB）。用 `python -m glyph_demo download`"
            " 或窗口中的按钮下载之前，由 CPU 运行。",
        ),
        lacks_weights=True,
    )


def without_cuda(card: Gpu) -> ChosenEngine | None:
    """The choice where torch cannot use the card that the driver sees; None where it can. Imports torch."""
    try:
        import torch

        if torch.cuda.is_available():
            return None
        built = torch.version.cuda
    except (ImportError, OSError):  # not installed, or a library of CUDA's that does not load
        built = None
    if built is None:
        en, zh = "PyTorch here has no CUDA", "此处的 PyTorch 不带 CUDA"
    else:
        oldest = OLDEST_DRIVER.get(built.partition(".")[0])
        needs = (f", which needs driver {oldest} or newer", f"，需要 {oldest} 或更新的驱动") if oldest else ("", "")
        en, zh = f"PyTorch here is for CUDA {built}{needs[0]}", f"此处的 PyTorch 面向 CUDA {built}{needs[1]}"
    return ChosenEngine(
        "pocket",
        Message(
            f"{card.name} cannot be used: {en}, and the driver is {card.driver} (CUDA {card.cuda}). Run "
            "`bash launch.sh` again, which installs a PyTorch for this driver, or update the driver. Until then the "
            "CPU reads.",
            f"无法使用 {card.name}：{zh}，而当前驱动为 {card.driver}（CUDA {card.cuda}）。请重新运行 `bash launch.sh`"
            "（会安装适合此驱动的 PyTorch），或更新驱动。在此之前由 CPU 阅读。",
        ),
    )


def room_on_card(card: Gpu, settings: Settings) -> int:
    """Bytes of a card that a model may take."""
    free, limit = card.memory_free - budget.CONTEXT, int(settings.inference.memory_limit_gb * 1e9)
    return min(free, limit) if limit else free


def fit_on_card(card: Gpu, settings: Settings, shape: budget.Shape | None = None) -> budget.Choice:
    """The precision in which a model of this shape, or that of the settings, fits what is free on a card."""
    asked = settings.inference.precision
    shape = shape or budget.shape_of(settings.model)
    shape = shape.within(settings.inference.image_size, settings.inference.kv == "int8")
    room = room_on_card(card, settings)
    return budget.choose(shape, room, budget.can_quantise(), budget.ORDER if asked == "auto" else (asked,))


def _by_memory(card: Gpu, settings: Settings) -> ChosenEngine:
    """The full model in the precision that fits, else pocket."""
    choice, asked = fit_on_card(card, settings), settings.inference.precision
    have, pages = f"{card.memory_free / 2**30:.1f} GiB", choice.tokens // PAGE_TOKENS
    en = zh = ""
    if choice.with_torchao:
        en = f" With `pip install torchao` it runs in {choice.with_torchao}, with room for more."
        zh = f"运行 `pip install torchao` 后可用 {choice.with_torchao}，容量更大。"
    if not choice.precision:
        least = "/".join(budget.ORDER) if asked == "auto" else asked
        return ChosenEngine(
            "pocket",
            Message(
                f"{card.name} has {have} free, too little for the full model in {least}. The CPU reads instead.{en} "
                "`python -m glyph_demo doctor --models` shows which smaller ones fit.",
                f"{card.name} 有 {have} 空闲显存，不足以用 {least} 运行完整模型。改由 CPU 运行。{zh}"
                "运行 `python -m glyph_demo doctor --models` 可查看适合本机的较小模型。",
            ),
        )
    return ChosenEngine(
        "local",
        Message(
            f"{card.name} has {have} free: the full model runs in {choice.precision}, with room for about {pages} "
            f"pages.{en}",
            f"{card.name} 有 {have} 空闲显存：完整模型以 {choice.precision} 运行，可容纳约 {pages} 页。{zh}",
        ),
    )


def create_engine(settings: Settings, progress: LoadProgress | None = None) -> Engine:
    """`progress` counts bytes while a model is downloaded and loaded. Raises EngineError if the engine cannot run here,
    and SettingsError `unknown_engine`."""
    return engine_kind(choose_engine(settings).name).create(settings, progress)
