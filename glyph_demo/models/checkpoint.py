"""From a folder or a hub id to a checkpoint that is known to be whole, before anything of it is loaded.

Only safetensors are read, no code that comes with a model is run, and a folder makes no network request."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from glyph_demo.errors import EngineError, shown
from glyph_demo.models.base import LoadProgress, digest

HUB_PATTERN = re.compile(r"[\w.-]+/[\w.-]+")
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "merges.txt"]
_INDEX = "model.safetensors.index.json"
_SETTINGS = ["config.json", "preprocessor_config.json", "processor_config.json"]  # what else decides page features
_NEEDED = [
    ("tokenizer.json", "tokenizer_config.json"),
    ("preprocessor_config.json", "processor_config.json"),
]  # one of each
_DTYPES = {"F64", "F32", "F16", "BF16"}
BUFFERS = re.compile(r"(inv_freq|position_ids)$")  # no weights; some writers keep them
_MAX_HEADER = 100 << 20  # bytes; the limit of the safetensors format


class Stored(NamedTuple):
    """A tensor in a file: which of the weight files, from 1, and how many numbers and bytes."""

    file: int
    parameters: int
    nbytes: int


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


def find_checkpoint(source: str, architectures: frozenset[str], cache_dir: Path, report: LoadProgress) -> Checkpoint:
    """The checkpoint that `source`, a folder or a hub id, names, checked. A hub id is downloaded to `cache_dir` unless
    it is there. `report` counts bytes downloaded. Raises EngineError: `model_missing`, `model_unreachable`,
    `model_unsupported` (its model_type is none of `architectures`), `model_incomplete` or `model_unusable` (a tensor is
    of a kind that cannot be read)."""
    try:
        folder = Path(source).expanduser()
        is_folder, is_there = folder.is_dir(), folder.exists()
    except (OSError, RuntimeError, ValueError):  # too long a name, no home folder, a null byte
        raise _missing(source) from None
    if not is_folder:
        if is_there or not HUB_PATTERN.fullmatch(source):
            raise _missing(source)
        folder = _download(source, cache_dir, report)
    config = _json(folder / "config.json")
    if config.get("model_type") not in architectures:
        raise _unsupported(folder, config.get("model_type"), architectures)
    for names in _NEEDED:
        if not any((folder / name).exists() for name in names):
            raise _incomplete(folder, names[0])
    weights = _weights(folder)
    tensors = {name: tensor for i, file in enumerate(weights, 1) for name, tensor in _tensors(file, i).items()}
    return Checkpoint(folder, config, weights, tensors)


def identity(checkpoint: Checkpoint, cache_dir: Path) -> str:
    """SHA-256 (16 hex digits) of the weights and of the settings that decide what a page's features are.

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
    return hashlib.sha256((weights + settings).encode()).hexdigest()[:16]


def _download(hub_id: str, cache_dir: Path, report: LoadProgress) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from tqdm import tqdm

    class Bar(tqdm):
        """Tells `report` instead of drawing. One bar counts the files, one the network's bytes, one the disk's."""

        most = 0
        file = files = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "file": _Nowhere()})

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            if self.unit != "B" and self.total:
                Bar.files = int(self.total)
                Bar.file = min(int(self.n) + 1, Bar.files)
            elif self.total and self.n > Bar.most:
                Bar.most = int(self.n)
                report(Bar.most, int(self.total), Bar.file, Bar.files)
            return shown

    where = cache_dir / "hub"
    try:
        here = Path(snapshot_download(hub_id, cache_dir=where, allow_patterns=HUB_FILES, local_files_only=True))
        if all(_tensors(file) for file in _weights(here)):
            return here
    except (OSError, EngineError):
        pass  # not here, or only in part
    try:
        return Path(snapshot_download(hub_id, cache_dir=where, allow_patterns=HUB_FILES, tqdm_class=Bar))
    except (RepositoryNotFoundError, GatedRepoError) as error:
        raise _missing(hub_id) from error
    except Exception as error:  # no network, a proxy, a full disk: the hub client has many names for them
        raise _unreachable(hub_id, error) from error


class _Nowhere:
    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


def _weights(folder: Path) -> tuple[Path, ...]:
    """The weight files, all of them. Raises EngineError `model_incomplete`."""
    index = folder / _INDEX
    if index.exists():
        names = set(_json(index).get("weight_map", {}).values())
        files = tuple(folder / name for name in sorted(names) if Path(name).name == name)
    else:
        files = (folder / "model.safetensors",)
    missing = [file.name for file in files if not file.exists()]
    if len(missing) == len(files) and any(folder.glob("*.bin")):
        raise _pickled(folder)
    if missing or not files:
        raise _incomplete(folder, ", ".join(missing[:3]) or "*.safetensors")
    return files


def _tensors(file: Path, number: int = 1) -> dict[str, Stored]:
    """What a safetensors file holds. Raises EngineError `model_incomplete` when the file is shorter than its header
    says, `model_unusable` for a tensor that is not of real numbers. The format: 8 bytes of header length, a JSON
    header, data."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(length)) if length <= _MAX_HEADER else {}
        header.pop("__metadata__", None)
        ends = max(entry["data_offsets"][1] for entry in header.values())
        if file.stat().st_size == 8 + length + ends:
            for name, entry in header.items():
                if entry["dtype"] not in _DTYPES and not BUFFERS.search(name):
                    raise _strange(name, entry["dtype"])
            return {
                name: Stored(number, _product(entry["shape"]), entry["data_offsets"][1] - entry["data_offsets"][0])
                for name, entry in header.items()
            }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        pass
    raise _incomplete(file.parent, file.name)


def _product(shape: list[int]) -> int:
    result = 1
    for side in shape:
        result *= side
    return result


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise _incomplete(path.parent, path.name)
    return content


def _missing(source: str) -> EngineError:
    return EngineError(
        "model_missing",
        f"There is no model '{shown(source)}': no such folder, and no such name on the hub. Check --model.",
        f"找不到模型“{shown(source)}”：没有这个文件夹，Hub 上也没有这个名称。请检查 --model。",
    )


def _unreachable(hub_id: str, error: Exception) -> EngineError:
    return EngineError(
        "model_unreachable",
        f"The model {hub_id} is not on this machine and could not be downloaded ({type(error).__name__}). Check the "
        "network and the free disk space and try again, or give --model a folder.",
        f"本机没有模型 {hub_id}，下载也未成功({type(error).__name__})。请检查网络和磁盘空间后重试，"
        "或用 --model 指定本地文件夹。",
    )


def _unsupported(folder: Path, found: object, wanted: frozenset[str]) -> EngineError:
    names = ", ".join(sorted(wanted))
    return EngineError(
        "model_unsupported",
        f"The model in {folder.name} is of the kind '{found}', and this engine runs {names}. Choose Glyph, "
        "GLM-4.1V-9B-Thinking or GLM-4.6V-Flash.",
        f"{folder.name} 中的模型类型是“{found}”，本引擎只支持 {names}。请选择 Glyph、GLM-4.1V-9B-Thinking 或"
        " GLM-4.6V-Flash。",
    )


def _incomplete(folder: Path, name: str) -> EngineError:
    return EngineError(
        "model_incomplete",
        f"The model folder {folder.name} is not complete: {name} is missing or cut short. Download it again.",
        f"模型文件夹 {folder.name} 不完整：缺少 {name}，或该文件已损坏。请重新下载。",
    )


def _strange(name: str, dtype: str) -> EngineError:
    return EngineError(
        "model_unusable",
        f"The model's tensor {name} is of the type {dtype}; only {', '.join(sorted(_DTYPES))} can be read. Choose a "
        "16-bit version of the model, and use --precision int8 or int4 to have it smaller.",
        f"模型中的张量 {name} 类型为 {dtype}，只支持 {'、'.join(sorted(_DTYPES))}。请选择该模型的 16 位版本，"
        "如需更小请使用 --precision int8 或 int4。",
    )


def _pickled(folder: Path) -> EngineError:
    return EngineError(
        "model_incomplete",
        f"The model folder {folder.name} has its weights as .bin files only, which are never read since they can run "
        "code. Download its .safetensors files.",
        f"模型文件夹 {folder.name} 只有 .bin 权重。这类文件可能执行代码，因此不会读取。请下载 .safetensors 文件。",
    )
