"""From a folder or a hub id to a checkpoint that is known to be whole, before anything of it is loaded.

Only safetensors are read, no code that comes with a model is run, and a folder makes no network request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glyph_demo.errors import EngineError
from glyph_demo.models.base import LoadProgress, digest
from glyph_demo.models.download import HUB_PATTERN, ModelSource, fetched, missing
from glyph_demo.models.weights import NEEDED, Stored, incomplete, read_json, tensors_of, weight_files

_SETTINGS = ["config.json", "preprocessor_config.json", "processor_config.json"]  # what else decides page features


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with a complete set of weights. `tensors` has what the files hold, by name."""

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]
    tensors: Mapping[str, Stored]

    @property
    def parameters(self) -> int:
        """How many numbers."""
        return sum(tensor.parameters for tensor in self.tensors.values())

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


def find_checkpoint(
    source: str,
    architectures: frozenset[str],
    cache_dir: Path,
    report: LoadProgress,
    model_source: ModelSource = "auto",
) -> Checkpoint:
    """The checkpoint that `source`, a folder or a hub id, names, checked. A hub id is downloaded to `cache_dir` from
    `model_source` unless it is on this machine. `report` counts bytes downloaded. Raises EngineError: those of
    `fetched`, `model_unsupported` (its model_type is none of `architectures`), `model_incomplete` or `model_unusable`
    (a tensor is of a kind that cannot be read)."""
    try:
        folder = Path(source).expanduser()
        is_folder, is_there = folder.is_dir(), folder.exists()
    except (OSError, RuntimeError, ValueError):  # too long a name, no home folder, a null byte
        raise missing(source) from None
    if not is_folder:
        if is_there or not HUB_PATTERN.fullmatch(source):
            raise missing(source)
        folder = fetched(source, cache_dir, report, model_source)
    config = read_json(folder / "config.json")
    check_kind(config, folder.name, architectures)
    for names in NEEDED:
        if not any((folder / name).exists() for name in names):
            raise incomplete(folder, names[0])
    weights = weight_files(folder)
    tensors = {name: tensor for i, file in enumerate(weights, 1) for name, tensor in tensors_of(file, i).items()}
    return Checkpoint(folder, config, weights, tensors)


def check_kind(config: Mapping[str, Any], name: str, architectures: frozenset[str]) -> None:
    """Raises EngineError `model_unsupported` where the model called `name` is of none of these kinds."""
    found = config.get("model_type")
    if not isinstance(found, str) or found not in architectures:
        raise _unsupported(name, found, architectures)


def identity(checkpoint: Checkpoint, cache_dir: Path) -> str:
    """SHA-256 in hex of the weights and of the settings that decide what a page's features are.

    Reading 20 GB takes longer than wanted at every start, so the weights' hash is kept in `cache_dir` under the names,
    sizes and modification times of the files."""
    files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in checkpoint.weights]
    stamp = hashlib.sha256(repr((str(checkpoint.folder.resolve()), files)).encode()).hexdigest()
    note = cache_dir / "digests" / stamp
    try:
        weights = note.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        weights = digest(checkpoint.weights)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(weights, encoding="ascii")
    settings = digest(path for name in _SETTINGS if (path := checkpoint.folder / name).exists())
    return hashlib.sha256((weights + settings).encode()).hexdigest()


def _unsupported(name: str, found: object, wanted: frozenset[str]) -> EngineError:
    names = ", ".join(sorted(wanted))
    return EngineError(
        "model_unsupported",
        f"The model in {name} is of the kind '{found}', and this engine runs {names}. Choose Glyph, "
        "GLM-4.1V-9B-Thinking, GLM-4.6V-Flash or Qwen3-VL.",
        f"{name} 中的模型类型是“{found}”，本引擎只支持 {names}。请选择 Glyph、GLM-4.1V-9B-Thinking、"
        "GLM-4.6V-Flash 或 Qwen3-VL。",
    )
