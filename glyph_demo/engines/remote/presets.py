"""Servers that the engine `remote` works with: where each listens unless told otherwise, and how it is started.

The ports are the defaults of their documentation: vLLM (`vllm serve`), SGLang (`launch_server`), Ollama (OpenAI
compatibility), llama.cpp (`llama-server`), LM Studio (Developer, OpenAI compatibility)."""

from __future__ import annotations

from typing import NamedTuple

from glyph_demo.errors import Message


class Preset(NamedTuple):
    name: str
    url: str
    start: Message


def _started(command: str) -> Message:
    return Message(f"Start it with: {command}", f"启动命令：{command}")


PRESETS = (
    Preset(
        "vLLM", "http://127.0.0.1:8000/v1", _started("vllm serve zai-org/Glyph --limit-mm-per-prompt '{\"image\": 64}'")
    ),
    Preset(
        "SGLang",
        "http://127.0.0.1:30000/v1",
        _started("python -m sglang.launch_server --model-path zai-org/Glyph"),
    ),
    Preset(
        "Ollama",
        "http://127.0.0.1:11434/v1",
        Message(
            "Start Ollama, then get a model that sees images: ollama pull qwen3-vl:8b",
            "启动 Ollama，再下载能看图的模型：ollama pull qwen3-vl:8b",
        ),
    ),
    Preset(
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        Message(
            "Start it with a model that sees images and its projector: llama-server -m MODEL.gguf --mmproj MMPROJ.gguf",
            "启动时指定能看图的模型及其投影文件：llama-server -m MODEL.gguf --mmproj MMPROJ.gguf",
        ),
    ),
    Preset(
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        Message(
            "Load a model that sees images, then switch the server on under Developer, or run: lms server start",
            "加载能看图的模型，再到 Developer 页启动服务器，或运行：lms server start",
        ),
    ),
)
