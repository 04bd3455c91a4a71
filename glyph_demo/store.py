"""Page features by content: memory first, then disk, each with a byte budget and least-recently-used eviction.

A file holds the SHA-256 of its payload and the payload (safetensors). What does not match its checksum, or cannot be
parsed, is removed and counts as a miss: the page is simply read again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from glyph_demo.scratch import write_whole

FORMAT = "1"  # part of every key: features written by an incompatible version are never looked at
CHECKSUM_BYTES = 32
Tier = Literal["memory", "disk"]  # fastest first


@dataclass(frozen=True)
class PageFeatures:
    """What reading one page's pixels gave; computed once a page and kept in the store. `arrays` and `texts` are the
    engine's own: boxes and lines for pocket, the vision tower's output for a vision-language model. `again` gives them
    anew, so that an engine need not hold on to them and the store's budget counts all there are."""

    arrays: Mapping[str, NDArray[np.generic]] = field(repr=False)
    texts: tuple[str, ...] = ()
    again: Callable[[], PageFeatures] | None = field(default=None, repr=False, compare=False)

    @property
    def nbytes(self) -> int:
        """Bytes of payload: arrays, and texts as UTF-8 would hold them in the worst case."""
        return sum(a.nbytes for a in self.arrays.values()) + sum(4 * len(t) for t in self.texts)


def feature_key(page_digest: str, engine_identity: str) -> str:
    """Key of one page's features: its pixels, and the model and precision that read them."""
    return hashlib.sha256(f"{FORMAT}\n{engine_identity}\n{page_digest}".encode()).hexdigest()


class FeatureStore:
    """Thread-safe. `folder` None keeps features in memory only. Budgets are in bytes."""

    def __init__(self, folder: Path | None, memory_bytes: int, disk_bytes: int) -> None:
        self.memory_bytes_limit = memory_bytes
        self.disk_bytes_limit = disk_bytes
        self.memory_bytes = 0
        self.disk_bytes = 0
        self._folder = folder
        self._memory: OrderedDict[str, PageFeatures] = OrderedDict()
        self._disk: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        if folder is not None:
            self._scan(folder)

    def get(self, key: str) -> PageFeatures | None:
        with self._lock:
            features = self._memory.get(key)
            if features is not None:
                self._memory.move_to_end(key)
                return features
            features = self._read(key)
            if features is not None:
                self._remember(key, features)
            return features

    def put(self, key: str, features: PageFeatures) -> None:
        with self._lock:
            self._remember(key, features)
            self._write(key, features)

    def where(self, key: str) -> Tier | None:
        """The fastest tier that holds these features; looking does not count as use."""
        with self._lock:
            return "memory" if key in self._memory else "disk" if key in self._disk else None

    def clear_memory(self) -> None:
        """Give the memory tier back; what is on disk stays."""
        with self._lock:
            self._memory.clear()
            self.memory_bytes = 0

    def _remember(self, key: str, features: PageFeatures) -> None:
        previous = self._memory.pop(key, None)
        if previous is not None:
            self.memory_bytes -= previous.nbytes
        self._memory[key] = features
        self.memory_bytes += features.nbytes
        while self.memory_bytes > self.memory_bytes_limit:
            _, evicted = self._memory.popitem(last=False)
            self.memory_bytes -= evicted.nbytes

    def _scan(self, folder: Path) -> None:
        """Take stock of what earlier runs left, oldest use first; temporary files of a killed run are removed."""
        found: list[tuple[float, str, int]] = []
        for path in folder.glob("*/*"):
            with contextlib.suppress(OSError):
                if path.suffix == ".features":
                    status = path.stat()
                    found.append((status.st_mtime, path.stem, status.st_size))
                elif path.suffix == ".partial":
                    path.unlink()
        for _, key, size in sorted(found):
            self._disk[key] = size
            self.disk_bytes += size
        self._evict_disk()

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / f"{key}.features"

    def _read(self, key: str) -> PageFeatures | None:
        if self._folder is None:
            return None
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            self._forget(key)
            return None
        features = _decode(content)
        if features is None:
            self._remove(key)
            return None
        self._account(key, len(content))
        return features

    def _write(self, key: str, features: PageFeatures) -> None:
        """A full or read-only disk leaves the features in memory only."""
        if self._folder is None:
            return
        content = _encode(features)
        if len(content) > self.disk_bytes_limit:
            return
        try:
            write_whole(self._path(key), content)
        except OSError:
            return
        self._account(key, len(content))
        self._evict_disk()

    def _account(self, key: str, size: int) -> None:
        self.disk_bytes += size - self._disk.pop(key, 0)
        self._disk[key] = size

    def _forget(self, key: str) -> None:
        self.disk_bytes -= self._disk.pop(key, 0)

    def _remove(self, key: str) -> None:
        self._forget(key)
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _evict_disk(self) -> None:
        while self.disk_bytes > self.disk_bytes_limit:
            self._remove(next(iter(self._disk)))


def _encode(features: PageFeatures) -> bytes:
    from safetensors.numpy import save

    arrays = {f"array.{name}": np.ascontiguousarray(array) for name, array in features.arrays.items()}
    texts = json.dumps(features.texts, ensure_ascii=True).encode()
    payload = save({**arrays, "texts": np.frombuffer(texts, dtype=np.uint8)})
    return hashlib.sha256(payload).digest() + payload


def _decode(content: bytes) -> PageFeatures | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    payload = content[CHECKSUM_BYTES:]
    if hashlib.sha256(payload).digest() != content[:CHECKSUM_BYTES]:
        return None
    try:
        tensors = load(payload)
        texts = json.loads(tensors.pop("texts").tobytes())
    except (SafetensorError, KeyError, ValueError):
        return None
    return PageFeatures({name.removeprefix("array."): array for name, array in tensors.items()}, tuple(texts))
