"""Which files a checkpoint's folder must have, and what its weight files hold, without loading any of them."""

from __future__ import annotations

import json
import math
import operator
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

from glyph_demo.errors import EngineError

HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "merges.txt"]
NEEDED = [
    ("tokenizer.json", "tokenizer_config.json"),
    ("preprocessor_config.json", "processor_config.json"),
]  # one of each
_INDEX = "model.safetensors.index.json"
_DTYPES = {"F64", "F32", "F16", "BF16"}
BUFFERS = re.compile(r"(inv_freq|position_ids)$")  # no weights; some writers keep them
_MAX_HEADER = 100 << 20  # bytes; the limit of the safetensors format
_MAX_JSON = 8 << 20  # bytes of a config or an index; those of the largest models here have 0.2 MB


class Stored(NamedTuple):
    """A tensor in a file: which of the weight files, from 1, how many numbers and bytes, and the format's name of its
    dtype."""

    file: int
    parameters: int
    nbytes: int
    dtype: str


def is_whole(folder: Path) -> bool:
    """Whether the folder has weights, each file as long as its header says, and all that a checkpoint needs beside."""
    try:
        read_json(folder / "config.json")
        return all((folder / a).exists() or (folder / b).exists() for a, b in NEEDED) and all(
            _is_long_enough(file) for file in weight_files(folder)
        )
    except (OSError, EngineError):
        return False


def _is_long_enough(file: Path) -> bool:
    """A file whose tensors cannot be used counts: downloaded again, it would be the same. Raises EngineError."""
    try:
        return bool(tensors_of(file))
    except EngineError as error:
        if error.code != "model_unusable":
            raise
        return True


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The weight files, all of them. Raises EngineError `model_incomplete`."""
    index = folder / _INDEX
    if index.exists():
        where = read_json(index).get("weight_map")
        if not isinstance(where, dict) or not all(isinstance(name, str) for name in where.values()):
            raise incomplete(folder, _INDEX)
        files = tuple(folder / name for name in sorted(set(where.values())) if Path(name).name == name)
    else:
        files = (folder / "model.safetensors",)
    missing = [file.name for file in files if not file.exists()]
    if len(missing) == len(files) and any(folder.glob("*.bin")):
        raise _pickled(folder)
    if missing or not files:
        raise incomplete(folder, ", ".join(missing[:3]) or "*.safetensors")
    return files


def tensors_of(file: Path, number: int = 1) -> dict[str, Stored]:
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
                name: Stored(number, _numbers(entry), end - start, entry["dtype"])
                for name, entry in header.items()
                for start, end in [entry["data_offsets"]]
            }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error):
        pass  # a damaged header may be any JSON
    raise incomplete(file.parent, file.name)


def _numbers(entry: dict[str, Any]) -> int:
    """How many numbers a tensor has. Raises TypeError for a side that is no whole number."""
    return math.prod(map(operator.index, entry["shape"]))


def read_json(path: Path) -> dict[str, Any]:
    try:
        fits = path.is_file() and path.stat().st_size <= _MAX_JSON  # a pipe would be waited for
        content = json.loads(path.read_text(encoding="utf-8")) if fits else None
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise incomplete(path.parent, path.name)
    return content


def incomplete(folder: Path, name: str) -> EngineError:
    return EngineError(
        "model_incomplete",
        f"The model folder {folder.name} is not complete: {name} is missing or cut short. Download it again.",
        f"模型文件夹 {folder.name} 不完整：缺少 {name}，或该文件已损坏。请重新下载。",
    )


def _strange(name: str, dtype: str) -> EngineError:
    return EngineError(
        "model_unusable",
        f"The model's tensor {name} is of the type {dtype}; only {', '.join(sorted(_DTYPES))} can be read. Choose a "
        "16-bit version of the model; to have it smaller, choose int8 or int4 under Settings → Precision (on the "
        "command line: --precision).",
        f"模型中的张量 {name} 类型为 {dtype}，只支持 {'、'.join(sorted(_DTYPES))}。请选择该模型的 16 位版本，"
        "如需更小，请在“设置 → 精度”中选择 int8 或 int4（命令行：--precision）。",
    )


def _pickled(folder: Path) -> EngineError:
    return EngineError(
        "model_incomplete",
        f"The model folder {folder.name} has its weights as .bin files only, which are never read since they can run "
        "code. Download its .safetensors files.",
        f"模型文件夹 {folder.name} 只有 .bin 权重。这类文件可能执行代码，因此不会读取。请下载 .safetensors 文件。",
    )
