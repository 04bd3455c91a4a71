"""The models that people can choose, and what each needs of this machine: bytes to download, disk, memory, a card."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

from glyph_demo import engines, gpu
from glyph_demo.engines.loading import amount
from glyph_demo.engines.registry import ENGINES, LOCAL, POCKET, REMOTE, EngineKind
from glyph_demo.engines.weights import (
    AUTO_SIZE,
    bytes_here,
    look_in,
    look_up,
    models_folder,
    still_to_come,
    weights_here,
)
from glyph_demo.errors import Message
from glyph_demo.gpu import Gpu, short_name
from glyph_demo.models import budget, memory
from glyph_demo.models.download import SPARE_DISK, hub_id
from glyph_demo.settings import Settings

Missing = Literal["gpu", "memory", "disk"]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """`model` is the setting; "" where people say which. `size` are the bytes of the weights in their files, 0 where
    that is not known before or there are none. `shape` is that of a model that people named, once it was looked at."""

    key: str
    title: Message
    about: Message
    engine: str
    model: str = "auto"
    size: int = 0
    shape: budget.Shape | None = None


def _qwen3_vl(size: str, en: str, zh: str) -> ModelChoice:
    model = f"Qwen/Qwen3-VL-{size}-Instruct"
    return ModelChoice(
        f"qwen-{size.lower()}",
        Message(f"Qwen3-VL-{size}", f"Qwen3-VL-{size}"),
        Message(f"{model}: {en}", f"{model}：{zh}"),
        LOCAL.name,
        model,
        2 * budget.SHAPES[model].parameters,
    )


# The siblings have Glyph's shape (models/budget.py), so their weights have its size.
_KNOWN = (
    ModelChoice(
        POCKET.name,
        Message("pocket", "pocket"),
        POCKET.description or Message("", ""),
        POCKET.name,
    ),
    ModelChoice(
        "glyph",
        Message("Glyph", "Glyph"),
        Message(
            "zai-org/Glyph: a vision-language model trained to read long text on page images.",
            "zai-org/Glyph：为阅读页面图像中的长文本而训练的视觉语言模型。",
        ),
        LOCAL.name,
        size=AUTO_SIZE,
    ),
    ModelChoice(
        "flash",
        Message("GLM-4.6V-Flash", "GLM-4.6V-Flash"),
        Message(
            "zai-org/GLM-4.6V-Flash: its newer sibling, for pictures of all kinds.",
            "zai-org/GLM-4.6V-Flash：较新的同系列模型，适用于各类图像。",
        ),
        LOCAL.name,
        "zai-org/GLM-4.6V-Flash",
        AUTO_SIZE,
    ),
    ModelChoice(
        "thinking",
        Message("GLM-4.1V-9B-Thinking", "GLM-4.1V-9B-Thinking"),
        Message(
            "zai-org/GLM-4.1V-9B-Thinking: the model that Glyph was made from.",
            "zai-org/GLM-4.1V-9B-Thinking：Glyph 的基础模型。",
        ),
        LOCAL.name,
        "zai-org/GLM-4.1V-9B-Thinking",
        AUTO_SIZE,
    ),
    _qwen3_vl(
        "2B",
        "the smallest of three models for documents and pictures of all kinds.",
        "适用于各类文档和图像的视觉语言模型，三种规模中最小的一种。",
    ),
    _qwen3_vl("4B", "the one of medium size.", "三种规模中居中的一种。"),
    _qwen3_vl("8B", "the largest one.", "三种规模中最大的一种。"),
    ModelChoice(
        "folder",
        Message("Another model", "其他模型"),
        Message(
            "A model folder, or a Hugging Face model ID, such as owner/name.",
            "模型文件夹，或 Hugging Face 模型 ID，如 owner/name。",
        ),
        LOCAL.name,
        "",
    ),
    ModelChoice(
        "server",
        Message("A server", "服务器"),
        Message(
            "An OpenAI-compatible server, here or elsewhere, whose model sees images. It is sent the pages.",
            "兼容 OpenAI 接口的服务器，本机或其他机器均可，其模型须能看图。页面会发送给它。",
        ),
        REMOTE.name,
        "",
    ),
)


def model_choices() -> tuple[ModelChoice, ...]:
    """Those of the engines here, and any other engine of the registry by its name."""
    known = {choice.engine for choice in _KNOWN}
    others = [kind for name, kind in ENGINES.items() if name not in known]
    return (*_KNOWN, *(_of_kind(kind) for kind in others))


def _of_kind(kind: EngineKind) -> ModelChoice:
    name = Message(kind.name, kind.name)
    return ModelChoice(kind.name, name, kind.remark or name, kind.name)


def choice_of(settings: Settings) -> ModelChoice:
    """The choice that these settings mean on this machine."""
    engine, found = engines.choose_engine(settings).name, model_choices()
    of_engine = [choice for choice in found if choice.engine == engine]
    model = hub_id(settings.model)
    return next((choice for choice in of_engine if choice.model and hub_id(choice.model) == model), of_engine[-1])


def means(settings: Settings, choice: ModelChoice, now: Settings) -> bool:
    """Whether `settings`, which hold a choice, mean the engine of the settings of `now`."""
    precise = "inference.precision" not in ENGINES[choice.engine].ignores
    if choice != choice_of(now) or (precise and settings.inference.precision != now.inference.precision):
        return False
    return bool(choice.model) or (settings.model, settings.remote) == (now.model, now.remote)


def looked_up(choice: ModelChoice, settings: Settings) -> ModelChoice:
    """`choice` with what the hub tells of the model of `settings`. Raises EngineError, see `models.ahead.on_hub`."""
    size, shape = look_up(settings)
    return replace(choice, size=size, shape=shape)


def looked_into(choice: ModelChoice, settings: Settings) -> ModelChoice:
    """`choice` with what a folder tells of the model of `settings` that people named. Nothing is asked of the hub, and
    no weights are read. As it was where there is no folder that tells it."""
    if choice.key != "folder" or choice.size or settings.model == "auto":
        return choice
    folder = weights_here(settings)
    if folder is None or (found := look_in(folder)) is None:
        return choice
    return replace(choice, size=found[0], shape=found[1])


@dataclass(frozen=True, slots=True)
class Resources:
    """What a model may use of this machine, in bytes. `card` is the one that it would run on; `trouble` says why torch
    cannot use that."""

    card: Gpu | None
    trouble: Message | None
    memory: int
    memory_free: int
    disk: Path
    disk_free: int


def resources(settings: Settings) -> Resources:
    """Those of this machine now. Imports torch only where there is a card."""
    cards = gpu.gpus()
    trouble = engines.without_cuda(cards[0]) if cards else None
    held, folder = psutil.virtual_memory(), models_folder(settings).absolute()
    while not folder.exists():
        folder = folder.parent
    return Resources(
        cards[0] if cards else None,
        trouble.why if trouble else None,
        held.total,
        held.available,
        folder,
        free_disk(folder),
    )


def free_disk(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model needs here. `download` are the bytes still to come, 0 where it is here, None where nobody knows.
    `missing` says what this machine lacks and what to do. `fits` says how it runs where nothing is missing; `slow` is
    whether that is on the processor."""

    download: int | None
    missing: dict[Missing, Message]
    fits: Message
    slow: bool = False


def needs(choice: ModelChoice, settings: Settings, here: Resources) -> Needs:
    """`settings` name the model, its precision and the memory that it may take."""
    if choice.engine == REMOTE.name:
        return Needs(0, {}, Message("The server computes; nothing is downloaded.", "由服务器计算，无需下载。"))
    if choice.engine != LOCAL.name:
        return Needs(0, {}, Message("Fits this machine: it runs on the processor.", "适合本机：在处理器上运行。"))
    is_here = weights_here(settings) is not None
    if not choice.size:
        return Needs(0 if is_here else None, {}, Message("", ""))
    download = 0 if is_here else still_to_come(choice.size, settings)
    shape = choice.shape or budget.shape_of(settings.model)
    if here.card is None:
        missing, fits = _on_processor(shape, settings, here)
    else:
        missing, fits = _on_card(here.card, shape, settings, here.trouble)
    if download and download + SPARE_DISK > here.disk_free:
        missing["disk"] = Message(
            f"The download needs {gb(download + SPARE_DISK)} on the disk of {here.disk}, which has "
            f"{gb(here.disk_free)} free. Make room, or set cache_dir to another disk.",
            f"下载需要 {gb(download + SPARE_DISK)}，而 {here.disk} 所在磁盘剩余 {gb(here.disk_free)}。"
            "请腾出空间，或将 cache_dir 设到其他磁盘。",
        )
    return Needs(download, missing, fits, slow=here.card is None)


def _on_card(
    card: Gpu, shape: budget.Shape, settings: Settings, trouble: Message | None
) -> tuple[dict[Missing, Message], Message]:
    """What is missing, and how it runs otherwise."""
    if trouble is not None:
        return {"gpu": trouble}, trouble
    fitting, name, hint = engines.fit_on_card(card, settings, shape), short_name(card.name), Message("", "")
    if fitting.with_torchao:
        hint = Message(
            f" With `pip install torchao` it runs in {fitting.with_torchao}.",
            f"运行 `pip install torchao` 后可用 {fitting.with_torchao}。",
        )
    if fitting.precision:
        pages = fitting.tokens // shape.page_tokens
        return {}, Message(
            f"Fits {name}: it runs in {fitting.precision}, with room for about {pages} pages.{hint.en}",
            f"适合 {name}：以 {fitting.precision} 运行，约可容纳 {pages} 页。{hint.zh}",
        )
    least = budget.ORDER[-1] if settings.inference.precision == "auto" else settings.inference.precision
    weights, free = gb(memory.weight_bytes(shape.parameters, shape.text, least)), gb(card.memory_free)
    too_little = Message(
        f"{name} has {free} free. In {least} the weights alone take {weights}, and documents come on top. Close other "
        f"programs, or choose a server.{hint.en}",
        f"{name} 空闲显存 {free}。以 {least} 运行，仅权重就占 {weights}，文档另计。请关闭其他程序，或选择服务器。"
        f"{hint.zh}",
    )
    return {"gpu": too_little}, too_little


def _on_processor(shape: budget.Shape, settings: Settings, here: Resources) -> tuple[dict[Missing, Message], Message]:
    """What is missing, and how it runs otherwise."""
    asked, limit = settings.inference.precision, int(settings.inference.memory_limit_gb * 1e9)
    free = min(here.memory_free, limit or here.memory_free)
    precision = memory.on_processor(shape.parameters) if asked == "auto" else asked
    plan = memory.plan(shape.parameters, shape.text, precision, free, memory.keeps_halves(settings.inference.decode))
    if plan.fits:
        return {}, Message(
            f"Fits the memory ({gb(free)} free). There is no NVIDIA card: the processor computes, slowly.",
            f"内存足够（空闲 {gb(free)}）。没有 NVIDIA 显卡，由处理器计算，速度很慢。",
        )
    missing: dict[Missing, Message] = {}
    how = Message("Close other programs, or choose a server.", "请关闭其他程序，或选择服务器。")
    if precision == "fp32" and memory.plan(shape.parameters, shape.text, "bf16", free).fits:
        how = Message("Choose the precision bf16, which takes less.", "请选择 bf16 精度，占用更少。")
    else:
        missing["gpu"] = Message("There is no NVIDIA card here.", "本机没有 NVIDIA 显卡。")
    needed = gb(plan.weights + plan.work)
    missing["memory"] = Message(
        f"On the processor, in {plan.precision}, it needs {needed} of memory; {gb(free)} are free. {how.en}",
        f"在处理器上以 {plan.precision} 运行需要 {needed} 内存，目前空闲 {gb(free)}。{how.zh}",
    )
    return missing, how


@dataclass(frozen=True, slots=True)
class Weights:
    """A known model on this machine. `state` is `here`, `begun` (a download that has not come to its end) or `absent`;
    `nbytes` are those that are here, `size` those of the whole."""

    model: str
    state: Literal["here", "begun", "absent"]
    nbytes: int
    size: int
    folder: Path | None
    said: Message


def known_weights(settings: Settings) -> list[Weights]:
    """The models that people choose from, and how much of each is here. Makes no request."""
    chosen = [(choice, replace(settings, model=choice.model)) for choice in model_choices() if choice.size]
    return [_weights(hub_id(one.model), choice.size, weights_here(one), bytes_here(one)) for choice, one in chosen]


def _weights(model: str, size: int, folder: Path | None, nbytes: int) -> Weights:
    if folder is not None:
        said = Message(f"on this machine, in {folder}", f"已在本机：{folder}")
        return Weights(model, "here", size, size, folder, said)
    if nbytes:
        so_far = amount(nbytes, size)
        said = Message(
            f"download begun, {so_far}; `python -m glyph_demo download {model}` goes on with it",
            f"下载未完成，{so_far}；运行 `python -m glyph_demo download {model}` 可继续",
        )
        return Weights(model, "begun", nbytes, size, None, said)
    said = Message(
        f"not on this machine; `python -m glyph_demo download {model}` fetches {gb(size)}",
        f"不在本机；运行 `python -m glyph_demo download {model}` 可下载 {gb(size)}",
    )
    return Weights(model, "absent", 0, size, None, said)


def gb(nbytes: float) -> str:
    return f"{nbytes / 1e9:.1f} GB"
