"""Everything that is set for the whole process, in one place:

    when the package is imported     `forbid_telemetry`   neither ONNX Runtime nor Gradio reports to its makers
    when a command starts            `prepare`            threads that wait sleep, two malloc arenas, a later garbage
                                                          collection, CUDA memory in segments that grow; no
                                                          warnings of libraries to those who wrote them
    before Gradio is imported        `isolate_gradio`     none of its environment variables but our own
    before a model is compiled       `keep_kernels`       what compilers make stays in the cache folder
    before requests are served       `prepare_serving`    threads take turns five times as often; SIGTERM cleans up

Besides these, surroundings.py repairs what the process was started with (streams, home folder), __main__.py handles
Ctrl-C, and rendering/one_blas_thread.py sets a variable while NumPy is imported."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from pathlib import Path

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2
_COLLECT_AFTER = 5000  # objects
_SWITCH_SECONDS = 0.001
# Loggers that warn at each import of what only their own makers can mend: kernels for cards that are not here, and
# calls that torch no longer likes from torchao.
_TALKATIVE = ("torchao", "torch.utils._pytree")


def forbid_telemetry() -> None:
    """ONNX Runtime would keep a number for this device in ~/.cache/Microsoft and send events, unless this is set before
    it is loaded. Gradio would send statistics about the app."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def prepare() -> None:
    """Make five settings before heavy packages are imported. Environment variables that the user has set keep their
    values.

    OpenMP threads sleep while they wait. Spinning, they take the time of the threads that they wait for: a decode step
    beside other work took 852 ms instead of 112 (docs/performance.md).

    All threads share two malloc arenas. By default glibc gives threads up to 8 arenas a core: over 500 requests of 8
    clients the process grew from 645 to 756 MB; with two arenas from 509 to 555 MB, and not after request 200.

    Garbage collection starts after 5,000 new objects instead of 700. A full collection goes through the 500,000 objects
    of the libraries and stops every thread for 100 to 370 ms: 12 times in the first 20 seconds after a first start,
    now twice.

    PyTorch's CUDA allocator maps memory into segments that grow, so that freed blocks of many sizes do not fragment
    the card.

    Loggers that _TALKATIVE names tell errors only."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    gc.set_threshold(_COLLECT_AFTER)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "PYTORCH_ALLOC_CONF" not in os.environ:  # its newer name, which torch reads only where the older one is not set
        os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def isolate_gradio(temporary: Path) -> None:
    """Remove Gradio's environment variables, which could publish the window, open files or send statistics; none is a
    setting of this app. Have Gradio keep its files in the folder `temporary`: its own default has the same name for all
    users of the machine."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    forbid_telemetry()


def keep_kernels(folder: Path) -> None:
    """Have torch.compile and Triton keep what they make and measure in `folder`. Their own default is the system's
    temporary folder, so that after every restart of the machine the first start compiled and tuned for minutes again.
    Environment variables that the user has set keep their values."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder / "inductor"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))


def prepare_serving() -> None:
    """Make two settings. Raises ValueError outside the main thread.

    A thread that computes in Python lets another go on after 1 ms instead of 5. A click takes about ten such turns:
    with a document read and a model loaded beside it the slowest of 30 took 390 to 550 ms instead of 950 to 1190.

    SIGTERM raises KeyboardInterrupt, so that it cleans up as Ctrl-C does."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def give_memory_back() -> None:
    """Have glibc return freed memory to the system. It keeps much of what a network needs only for a moment."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
