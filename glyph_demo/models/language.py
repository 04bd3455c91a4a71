"""Small language models for the pocket engine: from a folder, a GGUF file or a hub id to a LanguageModel.

Only safetensors and GGUF weights are read, no code that comes with a model is run, and nothing that is on this machine
makes a network request."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from glyph_demo.errors import EngineError
from glyph_demo.models.base import LanguageModel, LoadProgress, digest, untold
from glyph_demo.models.download import HUB_PATTERN
from glyph_demo.models.weights import HUB_FILES

PRECISION = "float32"  # the CPUs this is for compute bfloat16 slower
_HUB_SECONDS = 3.0  # to wait for the hub before it counts as out of reach


def load_language_model(source: str, cache_dir: Path, progress: LoadProgress | None = None) -> LanguageModel:
    """The model that `source` names: a folder, a GGUF file or a hub id.

    `cache_dir` keeps what is downloaded or converted. `progress` counts bytes of a conversion. Raises EngineError
    `language_model_missing` where nothing is found, `gguf_missing` without the package that reads GGUF files, and
    `language_model_unusable` where what is found cannot be loaded."""
    report = progress or untold
    folder, sha = _folder(_resolve(source), cache_dir, report)
    try:
        return _load(folder, sha)
    except Exception as error:  # whatever transformers raises for a folder that is no model
        raise _unusable(folder, error) from error


def _resolve(source: str) -> str | Path:
    """A path that exists, or a hub id."""
    path = Path(source).expanduser()
    if path.exists():
        return path
    if HUB_PATTERN.fullmatch(source) and path.suffix != ".gguf":
        return source
    raise _missing(source)


def _folder(source: str | Path, cache_dir: Path, report: LoadProgress) -> tuple[Path, str]:
    """A folder with safetensors, config and tokenizer, and the SHA-256 of the source's weights."""
    if isinstance(source, str):
        source = _download(source, cache_dir, report)
    try:
        if source.is_file():
            if find_spec("gguf") is None:
                raise _no_gguf(source)
            from glyph_demo.models.gguf import UnsupportedGGUF, converted

            sha = digest([source])
            try:
                return converted(source, sha, cache_dir, report), sha
            except UnsupportedGGUF as error:
                raise _unusable(source, error) from error
        weights = sorted(source.glob("*.safetensors"))
        if not weights:
            raise _unusable(source, FileNotFoundError("no *.safetensors"))
        return source, digest(weights)
    except OSError as error:
        raise _unusable(source, error) from error


def _download(hub_id: str, cache_dir: Path, report: LoadProgress) -> Path:
    from huggingface_hub import snapshot_download

    report(0, None)
    try:
        return Path(
            snapshot_download(hub_id, cache_dir=cache_dir / "hub", allow_patterns=HUB_FILES, etag_timeout=_HUB_SECONDS)
        )
    except Exception as error:  # no network, no such model, no room: all mean that there is no model
        raise _missing(hub_id) from error


def _load(folder: Path, sha: str) -> LanguageModel:
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    transformers.utils.logging.disable_progress_bar()  # it would write to the terminal of whoever uses the library
    local = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, PRECISION), use_safetensors=True, **local)
    return LanguageModel(model.eval(), tokenizer, _stop_ids(model, tokenizer), f"{sha[:16]}-{PRECISION}")


def _stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every id that ends a turn, and every special token: none of them is part of an answer."""
    ends = [config.eos_token_id for config in (model.config, model.generation_config)]
    ids = {i for end in ends for i in (end if isinstance(end, list) else [end]) if i is not None}
    return frozenset(ids | set(tokenizer.all_special_ids))


def _missing(source: str) -> EngineError:
    return EngineError(
        "language_model_missing",
        f"There is no language model '{source}' here. Set pocket.language_model to a folder with one, or to none.",
        f"找不到语言模型“{source}”。请将 pocket.language_model 设为模型文件夹，或设为 none。",
    )


def _no_gguf(path: Path) -> EngineError:
    return EngineError(
        "gguf_missing",
        f"The package gguf, which reads {path.name}, is missing. Run `pip install gguf` and start again.",
        f"缺少读取 {path.name} 所需的软件包 gguf。请运行 `pip install gguf` 后重新启动。",
    )


def _unusable(path: Path, error: Exception) -> EngineError:
    return EngineError(
        "language_model_unusable",
        f"The language model {path.name} cannot be loaded ({type(error).__name__}). It must be a folder with "
        "safetensors, or a SmolLM2-like GGUF file. Set pocket.language_model to another one.",
        f"无法加载语言模型 {path.name}（{type(error).__name__}）。"
        "它应是含 safetensors 的文件夹或 SmolLM2 类 GGUF 文件。请将 pocket.language_model 设为其他模型。",
    )
