"""Files that clients upload once and then refer to. They are deleted a day after their last use, or when the process
ends."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from glyph_demo.documents.extraction import shown_name
from glyph_demo.documents.problems import problem
from glyph_demo.errors import DocumentError
from glyph_demo.scratch import DAY

MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`size` is in bytes, `created` in Unix seconds; `digest` is the SHA-256 in hex; `owner` is the API key that it was
    sent with."""

    id: str
    name: str
    size: int
    created: int
    purpose: str
    digest: str
    path: Path
    owner: str = field(repr=False)


class FileShelf:
    """Files by id, oldest first; an owner sees only its own. Thread-safe. One file has at most `max_file_mb` MiB, those
    of all owners together `max_mb` MiB. `clock` returns Unix seconds."""

    def __init__(self, folder: Path, max_file_mb: int, max_mb: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._max_file_mb = max_file_mb
        self._max_mb = max_mb
        self._clock = clock
        self._files: dict[str, StoredFile] = {}
        self._used: dict[str, float] = {}  # when each file was last used
        self._lock = threading.Lock()

    def add(self, content: bytes, name: str, purpose: str, owner: str) -> StoredFile:
        """Keep a file. Raises DocumentError `empty_file`, `too_large` or `files_full`."""
        size = len(content)
        if not size:
            raise problem("empty_file")
        if size > self._max_file_mb << 20:
            raise problem("too_large", size=-(-size >> 20), limit=self._max_file_mb)
        identifier, now = f"file-{secrets.token_hex(12)}", self._clock()
        path, digest = self._folder / identifier, hashlib.sha256(content).hexdigest()
        file = StoredFile(identifier, shown_name(name), size, int(now), purpose, digest, path, owner)
        self.sweep()
        try:
            path.write_bytes(content)
            with self._lock:
                taken = sum(other.size for other in self._files.values())
                if taken + size > self._max_mb << 20 or len(self._files) >= MAX_FILES:
                    raise _full(self._max_mb)
                self._files[identifier] = file
                self._used[identifier] = now
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return file

    def get(self, identifier: str, owner: str) -> StoredFile:
        """Raises DocumentError `no_such_file`, also for a file of another owner."""
        self.sweep()
        with self._lock:
            file = self._files.get(identifier)
            if file is None or file.owner != owner:
                raise _missing()
            self._used[identifier] = self._clock()
        return file

    def list(self, owner: str) -> list[StoredFile]:
        self.sweep()
        with self._lock:
            return [file for file in self._files.values() if file.owner == owner]

    def remove(self, identifier: str, owner: str) -> None:
        """Raises DocumentError `no_such_file`, also for a file of another owner."""
        with self._lock:
            file = self._files.get(identifier)
            if file is None or file.owner != owner:
                raise _missing()
        self._forget(identifier)

    def sweep(self) -> None:
        """Remove the files that have not been used for a day."""
        with self._lock:
            old = [identifier for identifier, used in self._used.items() if self._clock() - used > DAY]
        for identifier in old:
            self._forget(identifier)

    def _forget(self, identifier: str) -> None:
        with self._lock:
            file = self._files.pop(identifier, None)
            self._used.pop(identifier, None)
        if file is not None:
            file.path.unlink(missing_ok=True)

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
        f"The uploaded files of all keys would be more than {MAX_FILES:,}, or take more than {limit} MB. "
        "Delete some, or raise store.disk_mb.",
        f"上传的文件（所有密钥合计）将超过 {MAX_FILES:,} 个或 {limit} MB。请删除一些，或调大 store.disk_mb。",
    )
