"""Settings files of other deployments, pasted as they are: their keys and values in this app's words, and what became
of every key of a file, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glyph_demo.errors import Message, shown

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of a key of a settings file."""

    key: str
    value: Any
    what: Message


def _compile(value: Any) -> Values:
    """The vision tower's compilation and that of decode steps; on a CPU `auto` steps are not compiled, which is faster
    there."""
    if str(value).lower() in ("true", "1"):
        return {"inference.vision": "compiled", "inference.decode": "auto"}
    if str(value).lower() in ("false", "0"):
        return {"inference.vision": "eager", "inference.decode": "eager"}
    return {"inference.vision": value}  # refused, with what it takes


# Keys that are not this app's, and the settings that each one stands for.
THEIRS: dict[str, Callable[[Any], Values]] = {
    "inference.batch_size": lambda value: {"inference.max_batch_size": value},
    "inference.use_torch_compile": _compile,
}
# torch's names of precisions.
PRECISIONS = {"float16": "fp16", "half": "fp16", "bfloat16": "bf16", "float32": "fp32", "float": "fp32"}

# What keys that are this app's too do here, where that is not plain from their name.
REMARKS = {
    "inference.image_size": Message(
        "pages and pictures are read with no more pixels than a square of this side has, in their own proportions: "
        "less memory, smaller letters",
        "页面和图片按不超过该边长正方形的像素数读取，保持原比例：占用更少，字更小",
    ),
    "inference.max_new_tokens": Message("counts what the model thinks, too", "思考内容也计入"),
    "inference.max_batch_size": Message(
        "answers and pages that are computed together, at most", "最多同时计算的回答和页面数"
    ),
}
# Settings that one engine alone uses.
_LOCAL = ("precision", "kv", "image_size", "vision", "decode", "memory_limit_gb", "max_batch_size", "max_wait_ms")
ONLY_FOR = {**{f"inference.{name}": "local" for name in _LOCAL}, "store.device_mb": "local", "store.kv_mb": "local"}


def translated(values: Mapping[str, Any]) -> Values:
    """Settings by dotted name from those of a file, with other deployments' keys and values in this app's words. A key
    of this app's wins over one that means the same."""
    own = {key: _spelled(key, value) for key, value in values.items() if key not in THEIRS}
    meant = [THEIRS[key](value) for key, value in values.items() if key in THEIRS]
    return {**{key: value for each in meant for key, value in each.items()}, **own}


def effects(values: Mapping[str, Any], engine: str) -> list[Effect]:
    """What every key of a settings file does where `engine` answers. The keys must be usable."""
    taken = translated(values)
    return [Effect(key, value, _effect(key, value, taken, engine)) for key, value in values.items()]


def _effect(key: str, value: Any, taken: Values, engine: str) -> Message:
    meant = THEIRS[key](value) if key in THEIRS else {key: _spelled(key, value)}
    parts = [(f"{name} = {shown(taken[name])}", f"{name} = {shown(taken[name])}") for name in meant]
    lost = [name for name, wanted in meant.items() if taken[name] != wanted]
    parts += [(f"{name} is in the file too and wins", f"文件中另有 {name}，以其为准") for name in lost]
    parts += [(REMARKS[name].en, REMARKS[name].zh) for name in meant if name in REMARKS]
    others = {ONLY_FOR[name] for name in meant if ONLY_FOR.get(name, engine) != engine}
    parts += [
        (
            f"ignored: only the engine {other} uses it, and here the engine is {engine}",
            f"未生效：只有引擎 {other} 使用它，而当前引擎是 {engine}",
        )
        for other in others
    ]
    return Message("; ".join(en for en, _ in parts), "；".join(zh for _, zh in parts))


def _spelled(key: str, value: Any) -> Any:
    if key != "inference.precision" or not isinstance(value, str):
        return value
    name = value.lower().removeprefix("torch.")
    return PRECISIONS.get(name, name)
