"""Libraries of packages that the system's loader does not find by itself."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

# What ONNX Runtime's TensorRT provider links to, in the order in which they need each other.
TENSORRT = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")


def tensorrt_folder() -> Path | None:
    """The folder of the package tensorrt-cu12-libs or tensorrt-cu13-libs, None without one."""
    spec = importlib.util.find_spec("tensorrt_libs")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return next((Path(place) for place in places if Path(place, TENSORRT[0]).exists()), None)


def load_tensorrt() -> bool:
    """Load TensorRT, from its package or from the system, and say whether it is there. Whatever asks for these
    libraries by name afterwards, as ONNX Runtime's provider does, gets the ones that are loaded: LD_LIBRARY_PATH would
    have to be set before the process starts. Call it once torch is imported, which brings the CUDA that they link
    to."""
    folder = tensorrt_folder()
    try:
        for name in TENSORRT:
            ctypes.CDLL(name if folder is None else str(folder / name), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
