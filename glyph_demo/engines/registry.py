"""All engines. To add one, write a module with an `Engine` and add an entry here. Importing this loads none."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from glyph_demo.errors import Message, SettingsError

if TYPE_CHECKING:
    from glyph_demo.engines.base import Engine
    from glyph_demo.models.base import LoadProgress
    from glyph_demo.settings import Settings


@dataclass(frozen=True, slots=True)
class EngineKind:
    """What is known of an engine before it is loaded. `implementation` is `module:class`; the class takes Settings and
    a LoadProgress. `page_style` is the style that `auto` means for the engine; with "" the text decides. An engine with
    `parallel_documents` reads and answers several documents at a time. One without `takes_system_text` ignores
    instructions beside the question. `default_model` is the name under which the API serves the model `auto`; "" means
    the engine's name. `ignores` are the settings that it does not use, by dotted name. `remark` and `description` are a
    few words and a paragraph for people on what the engine is."""

    name: str
    implementation: str
    page_style: str = ""
    parallel_documents: bool = False
    takes_system_text: bool = True
    default_model: str = ""
    ignores: frozenset[str] = frozenset()
    remark: Message | None = None
    description: Message | None = None

    def create(self, settings: Settings, progress: LoadProgress | None = None) -> Engine:
        module, _, name = self.implementation.partition(":")
        engine: Engine = getattr(import_module(module), name)(settings, progress)
        return engine


POCKET = EngineKind(
    "pocket",
    "glyph_demo.engines.pocket.engine:PocketEngine",
    page_style="pocket",
    takes_system_text=False,
    # Its answers are quotes. A sentence that a language model adds, if one is set, is short whatever the output length.
    ignores=frozenset(
        {"model", "inference.precision", "inference.thinking", "inference.max_new_tokens", "inference.temperature"}
    ),
    remark=Message("OCR and retrieval; not a vision-language model", "文字识别和检索；不是视觉语言模型"),
    description=Message(
        "Built in. It reads the page images with PP-OCRv6, finds the sentences that answer and quotes them. "
        "It runs on the CPU, needs no network and compresses nothing. "
        "The full engine, zai-org/Glyph, needs its weights (20.6 GB in 16 bit) and a CUDA GPU with 24 GB in fp16, "
        "16 GB in int8 or 12 GB in int4; on a processor it is slow.",
        "内置。用 PP-OCRv6 识别页面图像，找出能回答问题的句子并引用。"
        "它在 CPU 上运行，不需要网络，也不压缩任何内容。完整引擎 zai-org/Glyph 需要权重（16 位，20.6 GB）"
        "和 CUDA 显卡：fp16 需 24 GB 显存，int8 需 16 GB，int4 需 12 GB；在处理器上运行较慢。",
    ),
)
LOCAL = EngineKind(
    "local", "glyph_demo.engines.local.engine:LocalEngine", parallel_documents=True, default_model="glyph"
)
REMOTE = EngineKind(
    "remote", "glyph_demo.engines.remote.engine:RemoteEngine", ignores=frozenset({"inference.precision"})
)

ENGINES: dict[str, EngineKind] = {kind.name: kind for kind in (POCKET, LOCAL, REMOTE)}


def engine_kind(name: str) -> EngineKind:
    """Raises SettingsError `unknown_engine`."""
    if name not in ENGINES:
        known = ", ".join(["auto", *ENGINES])
        raise SettingsError(
            "unknown_engine",
            f"There is no engine '{name}'. Choose one of: {known}.",
            f"没有名为“{name}”的引擎。可选：{known}。",
        )
    return ENGINES[name]
