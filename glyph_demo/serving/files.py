"""Documents that clients upload once and name afterwards. They go a day after their last use, and with the process."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from glyph_demo.documents.extraction import shown_name
from glyph_demo.documents.problems import problem
from glyph_demo.errors import DocumentError
from glyph_demo.scratch import DAY

_READ = 1 << 20  # bytes a read


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`digest` is the SHA-256 of the bytes, in hex; `created` is in Unix seconds."""

    id: str
    name: str
    size: int
    created: int
    purpose: str
    digest: str
    path: Path


class FileShelf:
    """Files by id, oldest first. Thread-safe. One file has at most `max_file_mb`, all together `max_mb` MiB. `clock`
    gives Unix seconds."""

    def __init__(self, folder: Path, max_file_mb: int, max_mb: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._max_file_mb = max_file_mb
        self._max_mb = max_mb
        self._clock = clock
        self._files: dict[str, StoredFile] = {}
        self._used: dict[str, float] = {}  # when a file was last named
        self._lock = threading.Lock()

    def add(self, content: BinaryIO, name: str, purpose: str) -> StoredFile:
        """Keep a file. Raises DocumentError `empty_file`, `too_large` or `files_full`."""
        identifier = f"file-{secrets.token_hex(12)}"
        path = self._folder / identifier
        sha, size = hashlib.sha256(), 0
        try:
            with path.open("wb") as kept:
                while block := content.read(_READ):
                    sha.update(block)
                    size += len(block)
                    if size > self._max_file_mb << 20:
                        raise problem("too_large", size=-(-size >> 20), limit=self._max_file_mb)
                    kept.write(block)
            if not size:
                raise problem("empty_file")
            now = self._clock()
            file = StoredFile(identifier, shown_name(name), size, int(now), purpose, sha.hexdigest(), path)
            self.sweep()
            with self._lock:
                if sum(other.size for other in self._files.values()) + size > self._max_mb << 20:
                    raise _full(self._max_mb)
                self._files[identifier] = file
                self._used[identifier] = now
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return file

    def get(self, identifier: str) -> StoredFile:
        """Raises DocumentError `no_such_file`."""
        self.sweep()
        with self._lock:
            file = self._files.get(identifier)
            if file is None:
                raise _missing()
            self._used[identifier] = self._clock()
        return file

    def list(self) -> list[StoredFile]:
        self.sweep()
        with self._lock:
            return list(self._files.values())

    def remove(self, identifier: str) -> None:
        """Raises DocumentError `no_such_file`."""
        with self._lock:
            file = self._files.pop(identifier, None)
            self._used.pop(identifier, None)
        if file is None:
            raise _missing()
        file.path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the files that nobody has named for a day."""
        with self._lock:
            old = [identifier for identifier, used in self._used.items() if self._clock() - used > DAY]
        for identifier in old:
            with contextlib.suppress(DocumentError):  # somebody else was faster
                self.remove(identifier)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _missing() -> DocumentError:
    return DocumentError(
        "no_such_file",
        "There is no such file here; files go a day after their last use, or when the server ends. Upload it again.",
        "没有这个文件；文件在最后一次使用一天后或服务结束时删除。请重新上传。",
    )


def _full(limit: int) -> DocumentError:
    return DocumentError(
        "files_full",
        f"The uploaded files would take more than {limit} MB. Delete some, or raise store.disk_mb.",
        f"上传的文件将超过 {limit} MB。请删除一些，或调大 store.disk_mb。",
    )
