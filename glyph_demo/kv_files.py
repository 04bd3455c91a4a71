"""Keys and values on disk: one file a link of the chain that a prefix is known by, within one budget of bytes.

A file is the SHA-256 of all that follows; the length of the facts, 8 bytes, little-endian; the facts; and the keys and
values as they are in memory. Whoever reads it says which facts it wants, and these are compared, too: a file that is
not whole, or says anything else, is removed and is a miss. The folder itself is the only record of what there is, so
that several processes can use it. Times of modification say when a file was last used."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from glyph_demo.scratch import write_whole

try:
    import fcntl
except ImportError:  # Windows: there the budget is kept by each process alone
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".kv"
SPARE = 1 << 30  # bytes that are left free on the disk for others
_CHECKSUM, _LENGTH = 32, 8


class Kept(NamedTuple):
    path: Path
    size: int
    used: int  # nanoseconds since the epoch


class KVFiles:
    """At most `limit` bytes in `folder`, which nobody else may read; what was used least recently goes first.
    Thread-safe."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    @property
    def nbytes(self) -> int:
        return sum(file.size for file in self._files())

    def has(self, key: str) -> bool:
        """Whether there is a file of this key, which counts as a use of it."""
        try:
            os.utime(self._path(key))
        except OSError:
            return False
        return True

    def expect(self, key: str) -> None:
        """Have the system begin to read a file, where it can be told to."""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError), self._path(key).open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)

    def read(self, key: str, facts: bytes, into: memoryview) -> bool:
        """Read the keys and values of `key` that follow from `facts`, exactly as many bytes as `into` has. False for a
        miss; then `into` may hold anything."""
        try:
            with self._path(key).open("rb", buffering=0) as file:
                os.utime(file.fileno() if os.utime in os.supports_fd else self._path(key))
                whole = _read(file, facts, into)
        except OSError:
            return False
        if not whole:
            with contextlib.suppress(OSError):
                self._path(key).unlink()
        return whole

    def write(self, key: str, facts: bytes, content: memoryview) -> bool:
        """Keep keys and values; False where they do not fit the budget or the disk."""
        size = _CHECKSUM + _LENGTH + len(facts) + len(content)
        if size > self.limit:
            return False
        head = len(facts).to_bytes(_LENGTH, "little") + facts
        checksum = hashlib.sha256(head)
        checksum.update(content)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                for left in self._files(".partial"):  # of processes that were killed
                    left.path.unlink(missing_ok=True)
                if self.has(key):  # another process was first
                    return True
                self._make_room(size)
                if shutil.disk_usage(self.folder).free < size + SPARE:
                    return False
                write_whole(self._path(key), checksum.digest(), head, content)
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Remove everything."""
        for file in self._files():
            with contextlib.suppress(OSError):
                file.path.unlink()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _files(self, suffix: str = SUFFIX) -> list[Kept]:
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # another process has removed it
                    if entry.name.endswith(suffix):
                        status = entry.stat()
                        found.append(Kept(Path(entry.path), status.st_size, status.st_mtime_ns))
        return found

    def _make_room(self, size: int) -> None:
        """Remove what was used least recently until `size` bytes fit the budget."""
        files = sorted(self._files(), key=lambda file: file.used)
        total = sum(file.size for file in files)
        for file in files:
            if total + size <= self.limit:
                return
            file.path.unlink(missing_ok=True)
            total -= file.size

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread of one process at a time: only so do all keep one budget."""
        lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _read(file: BinaryIO, facts: bytes, into: memoryview) -> bool:
    """Whether a file is whole and says what it follows from as `facts` do."""
    head = len(facts).to_bytes(_LENGTH, "little") + facts
    if os.fstat(file.fileno()).st_size != _CHECKSUM + len(head) + len(into):
        return False
    checksum, found = file.read(_CHECKSUM), file.read(len(head))
    done = 0
    while done < len(into) and (count := file.readinto(into[done:])):  # type: ignore[attr-defined]
        done += count
    actual = hashlib.sha256(found)
    actual.update(into)
    return found == head and done == len(into) and actual.digest() == checksum
