"""The vision tower in ONNX Runtime: exported once for a page size and kept on disk, with the engine that TensorRT makes
of it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from glyph_demo.errors import EngineError
from glyph_demo.libraries import load_tensorrt
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.tower import FixedTower, FusedTower
from glyph_demo.models.vision import Graph, failed

TENSORRT, CUDA, CPU = (f"{name}ExecutionProvider" for name in ("Tensorrt", "CUDA", "CPU"))
OPSET = 18
FORMAT = 1  # of the files in the folder; counts up when FixedTower changes
KEPT = 4  # exported models kept on disk, for each holds the weights: 1.8 GB for Glyph in 16 bit, twice with TensorRT

# TensorProto.DataType of the ONNX specification
_TYPES = {torch.float32: 1, torch.float16: 10, torch.bfloat16: 16}
_MODEL, _MANIFEST = "model.onnx", "manifest.json"
_READ = 1 << 22  # bytes a read
_STEPS = 3  # export, build, compare


class OnnxGraph:
    """A session bound to the tensors of torch: nothing is copied to reach it or to come back."""

    def __init__(self, session: Any, shape: tuple[int, int]) -> None:
        self._session = session
        self._shape = shape

    def __call__(self, patches: torch.Tensor) -> torch.Tensor:
        patches = patches.contiguous()
        embeds = torch.empty(self._shape, dtype=patches.dtype, device=patches.device)
        binding = self._session.io_binding()
        for bind, name, tensor in ((binding.bind_input, "patches", patches), (binding.bind_output, "embeds", embeds)):
            device, kind = tensor.device, _TYPES[tensor.dtype]
            bind(name, device.type, device.index or 0, kind, tuple(tensor.shape), tensor.data_ptr())
        if patches.is_cuda:  # ONNX Runtime computes on a stream of its own
            torch.cuda.current_stream(patches.device).synchronize()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return embeds


def onnx_graph(
    visual: Any,
    identity: str,
    high: int,
    wide: int,
    folder: Path,
    check: Callable[[Graph], None],
    report: LoadProgress,
    provider: str,
) -> OnnxGraph:
    """The graph for a provider of ONNX Runtime, from `folder`, where weights, precision, page size, device and versions
    are the same and the files are as they were written; else built, compared by `check` and kept there. Raises
    EngineError `vision_runtime_failed`, `onnx_missing`, and whatever ONNX Runtime raises."""
    kept = folder / "vision" / _key(visual, identity, high, wide, provider)
    shape = (high * wide // visual.spatial_merge_size**2, visual.config.out_hidden_size)
    if _whole(kept):
        with contextlib.suppress(Exception):  # written by another build of the same version, say: it is built again
            graph = OnnxGraph(_session(kept, visual, provider), shape)
            os.utime(kept)
            return graph
    report(0, _STEPS)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    try:
        _export(visual, high, wide, provider, kept)
        report(1, _STEPS)
        graph = OnnxGraph(_session(kept, visual, provider), shape)
        report(2, _STEPS)
        check(graph)
        sums = {file.name: _checksum(file) for file in sorted(kept.iterdir())}
        (kept / _MANIFEST).write_text(json.dumps(sums), encoding="ascii")  # last: without it nothing else counts
    except BaseException:
        shutil.rmtree(kept, ignore_errors=True)
        raise
    _evict(kept.parent)
    report(_STEPS, _STEPS)
    return graph


def providers(device: torch.device) -> list[str]:
    """What can be tried for a model on the device, the fastest first. TensorRT counts where its library loads: ONNX
    Runtime lists it wherever it was built with it."""
    there = onnxruntime.get_available_providers()
    if device.type != "cuda":
        return [CPU] if CPU in there else []
    tried = [provider for provider in (TENSORRT, CUDA) if provider in there]
    return [provider for provider in tried if provider != TENSORRT or load_tensorrt()]


def _key(visual: Any, identity: str, high: int, wide: int, provider: str) -> str:
    facts: list[Any] = [FORMAT, identity, str(visual.dtype), high, wide, provider, onnxruntime.__version__]
    facts += [torch.__version__]
    if visual.device.type == "cuda":
        # An engine of TensorRT is made for one card and one driver.
        driver = Path("/proc/driver/nvidia/version")
        facts.append(torch.cuda.get_device_name(visual.device))
        facts.append(driver.read_text(encoding="utf-8") if driver.exists() else torch.version.cuda)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _export(visual: Any, high: int, wide: int, provider: str, folder: Path) -> None:
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise EngineError(
            "onnx_missing",
            "The vision runtime 'onnx' needs two more packages to make its graph. Pages are read more slowly; run "
            "`pip install onnx onnxscript` and start again.",
            "视觉运行时“onnx”还需要两个软件包才能生成计算图。目前页面读取较慢；请运行 `pip install onnx onnxscript`"
            " 后重新启动。",
        )
    tower = (FixedTower if provider == TENSORRT else FusedTower)(visual, high, wide).eval()
    patches = torch.zeros(high * wide, tower.embed.in_features, dtype=visual.dtype, device=visual.device)
    with _quiet():
        program = torch.onnx.export(
            tower,
            (patches,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["patches"],
            output_names=["embeds"],
            verbose=False,
        )
    assert program is not None
    program.save(folder / _MODEL, external_data=True)


def _session(folder: Path, visual: Any, provider: str) -> Any:
    """Raises EngineError `vision_runtime_failed` where the provider's libraries are not all there."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # torch needs the cores between pages
    options.log_severity_level = 3
    device = {"device_id": str(visual.device.index or 0)}
    precision = {torch.float16: {"trt_fp16_enable": "1"}, torch.bfloat16: {"trt_bf16_enable": "1"}}
    settings: dict[str, dict[str, str]] = {
        TENSORRT: {
            **device,
            **precision.get(visual.dtype, {}),
            "trt_layer_norm_fp32_fallback": "1",  # as the eager tower computes them
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
        },
        CUDA: device,
        CPU: {},
    }
    # What TensorRT does not take goes to CUDA.
    wanted = {TENSORRT: (TENSORRT, CUDA), CUDA: (CUDA,), CPU: (CPU,)}[provider]
    session = onnxruntime.InferenceSession(
        folder / _MODEL, options, providers=[(name, settings[name]) for name in wanted]
    )
    session.disable_fallback()
    if session.get_providers()[0] != provider:  # it then goes on silently with the next
        raise failed("onnx", f"{provider} does not start", f"{provider} 无法启动")
    return session


def _whole(folder: Path) -> bool:
    """Whether every file is as it was when the manifest was written."""
    try:
        sums = json.loads((folder / _MANIFEST).read_text(encoding="ascii"))
        return _MODEL in sums and all(_checksum(folder / name) == value for name, value in sums.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _checksum(file: Path) -> int:
    """CRC-32: it has to find damage, not malice, in gigabytes and in less than a second."""
    value = 0
    with file.open("rb") as opened:
        while block := opened.read(_READ):
            value = zlib.crc32(block, value)
    return value


def _evict(folder: Path) -> None:
    """Keep the `KEPT` models used last."""
    for old in sorted(folder.iterdir(), key=lambda kept: kept.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
