"""How much memory a block takes above what was there before, child processes included. Linux only: elsewhere 0."""

from __future__ import annotations

import contextlib
import gc
import threading
from pathlib import Path

from glyph_demo.process import give_memory_back

INTERVAL = 0.01  # seconds; each look sees the highest mark of a process so far, so only its last moments are missed


class Peak:
    """`bytes` is the highest sum of this process's growth and the memory of a child process started meanwhile."""

    bytes = 0

    def __enter__(self) -> Peak:
        self._children: dict[str, int] = {}
        gc.collect()  # what earlier tests left may not go meanwhile,
        give_memory_back()  # nor may what the allocator kept be taken again unseen
        self._earlier = _children()  # a server or a browser of another test
        self._before = _kilobytes("self", "VmRSS")
        self._own = self._before  # looked at as it goes: the kernel's highest mark also counts earlier tests
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self._watch.join()
        own = max(0, max(self._own, _kilobytes("self", "VmRSS")) - self._before)
        self.bytes = 1024 * (own + max(self._children.values(), default=0))  # one child at a time

    def _look(self) -> None:
        own = Path("/proc/self/cmdline").read_bytes()
        while not self._done.wait(INTERVAL):
            self._own = max(self._own, _kilobytes("self", "VmRSS"))
            for child in _children() - self._earlier:
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/cmdline").read_bytes() == own:
                        continue  # still a copy of this process, with its memory: it becomes another in a moment
                    self._children[child] = max(self._children.get(child, 0), _kilobytes(child, "VmHWM"))


def _children() -> set[str]:
    """The process numbers of this process's children."""
    found: set[str] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found.update(task.read_text().split())
    return found


def _kilobytes(process: str, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0
