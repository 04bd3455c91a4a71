"""Page features by content, in three tiers: device, memory, disk. Each has a budget in bytes and evicts what was used
least recently. Features on the device belong to the engine: the store counts and drops them and never reads them.

A file is the SHA-256 of its payload, then the payload (safetensors). A file that does not match its checksum, or cannot
be parsed, is removed and counts as a miss: the page is read again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from glyph_demo.kv_files import KVFiles
from glyph_demo.scratch import write_whole

Kept = TypeVar("Kept")

FORMAT = "1"  # part of every key, so that features of an incompatible version are never found
CHECKSUM_BYTES = 32
Tier = Literal["device", "memory", "disk"]
TIERS: tuple[Tier, ...] = get_args(Tier)  # fastest first


class OnDevice(Protocol):
    """A page's features in the memory of the engine's device. Engines that use this tier have no texts."""

    @property
    def nbytes(self) -> int:
        """Bytes of device memory."""
        ...

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """The same in host memory, copied when an array is first used."""
        ...


@dataclass(frozen=True)
class PageFeatures:
    """What an engine made of one page's pixels, once a page. `arrays` and `texts` mean what the engine wants: boxes and
    lines for pocket, the vision tower's output for a vision-language model. `device` is a second copy where the
    engine's device has memory of its own."""

    arrays: Mapping[str, NDArray[np.generic]] = field(repr=False)
    texts: tuple[str, ...] = ()
    device: OnDevice | None = field(default=None, repr=False, compare=False)

    @property
    def nbytes(self) -> int:
        """Bytes of payload: the arrays, and 4 for each character of the texts, the most that UTF-8 takes."""
        return sum(a.nbytes for a in self.arrays.values()) + sum(4 * len(t) for t in self.texts)


def feature_key(page_digest: str, engine_identity: str) -> str:
    """Key of one page's features, in hex, from its pixels and from the model and precision that read them."""
    return hashlib.sha256(f"{FORMAT}\n{engine_identity}\n{page_digest}".encode()).hexdigest()


class _Shelf(Generic[Kept]):
    """Things by key, at most `limit` bytes of them; the least recently used is dropped first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nbytes = 0
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def get(self, key: str) -> Kept | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def put(self, key: str, thing: Kept, size: int) -> None:
        """A thing larger than the limit is not kept, and nothing is dropped for it."""
        self.nbytes -= self._kept.pop(key, (None, 0))[1]
        if size > self.limit:
            return
        self._kept[key] = thing, size
        self.nbytes += size
        while self.nbytes > self.limit:
            self.nbytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        self._kept.clear()
        self.nbytes = 0


class FeatureStore:
    """Thread-safe. `folder` None keeps nothing on disk. Budgets are in bytes. `kv` is where engines keep what they
    computed from the features, None to keep none."""

    def __init__(
        self,
        folder: Path | None,
        memory_bytes: int,
        disk_bytes: int,
        device_bytes: int = 0,
        kv: KVFiles | None = None,
    ) -> None:
        self.kv = kv
        self.disk_bytes_limit = disk_bytes
        self.disk_bytes = 0
        self._folder = folder
        self._device: _Shelf[OnDevice] = _Shelf(device_bytes)
        self._memory: _Shelf[PageFeatures] = _Shelf(memory_bytes)
        self._disk: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        if folder is not None:
            self._scan(folder)

    @property
    def device_bytes(self) -> int:
        return self._device.nbytes

    @property
    def device_bytes_limit(self) -> int:
        return self._device.limit

    @property
    def memory_bytes(self) -> int:
        return self._memory.nbytes

    @property
    def memory_bytes_limit(self) -> int:
        return self._memory.limit

    def get(self, key: str) -> PageFeatures | None:
        """None for a miss. Features that are on the device are not read from disk."""
        with self._lock:
            device, features = self._device.get(key), self._memory.get(key)
            if device is not None:
                return replace(features or PageFeatures(device.arrays()), device=device)
            if features is None:
                features = self._read(key)
                if features is not None:
                    self._memory.put(key, features, features.nbytes)
            return features

    def put(self, key: str, features: PageFeatures) -> None:
        if features.device is not None:
            self.keep_on_device(key, features.device)
        features = PageFeatures(features.arrays, features.texts)
        size = features.nbytes  # waits for arrays that are on their way from the device
        with self._lock:
            self._memory.put(key, features, size)
            self._write(key, features)

    def keep_on_device(self, key: str, device: OnDevice) -> None:
        """Keep the device copy of a page whose features are in another tier, or will be."""
        with self._lock:
            self._device.put(key, device, device.nbytes)

    def where(self, key: str) -> Tier | None:
        """The fastest tier that holds these features; looking does not count as use."""
        with self._lock:
            tiers: tuple[Container[str], ...] = self._device, self._memory, self._disk
            return next((tier for tier, kept in zip(TIERS, tiers, strict=True) if key in kept), None)

    def clear_device(self) -> None:
        """Empty the device tier; the others keep what they have."""
        with self._lock:
            self._device.clear()

    def clear(self) -> None:
        """Empty every tier. What documents need of it is made again."""
        with self._lock:
            self._device.clear()
            self._memory.clear()
            for key in list(self._disk):
                self._remove(key)
        if self.kv is not None:
            self.kv.clear()

    def _scan(self, folder: Path) -> None:
        """List what earlier runs kept, least recently used first, and remove the temporary files of killed runs."""
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
        except OSError:
            self._forget(key)
            return None
        with contextlib.suppress(OSError):  # the file of another user, or a read-only disk
            os.utime(path)
        features = _decode(content)
        if features is None:
            self._remove(key)
            return None
        self._account(key, len(content))
        return features

    def _write(self, key: str, features: PageFeatures) -> None:
        """On a full or read-only disk the features stay in memory only."""
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
