"""Files that browsers send. Each is saved under a random name, which is its id. Only the browser that sent it can use
the id, and a page never sends us a path."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from glyph_demo.documents.extraction import shown_name
from glyph_demo.documents.problems import problem
from glyph_demo.errors import Message
from glyph_demo.scratch import remove_old, scratch_folder
from glyph_demo.windows.errors import NO_SUCH_UPLOAD, UPLOAD_BROKE_OFF, UPLOAD_NOT_KEPT, of_file

TOGETHER = 8  # times the largest size of a file: what all files together may take
FILES = 256  # at most; a file is copied as soon as it is opened, so the oldest may go


@dataclass(frozen=True, slots=True)
class Upload:
    """`name` is for people, `visitor` is the browser that sent it, `size` is in bytes."""

    visitor: str
    name: str
    path: Path
    size: int


class Uploads:
    """Thread-safe. All files together take at most TOGETHER times `limit` MiB, but the newest always stays."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most = TOGETHER * limit << 20
        self._folder: Path | None = None
        self._files: dict[str, Upload] = {}  # by id, oldest first
        self._lock = threading.Lock()

    async def receive(self, visitor: str, name: str, chunks: AsyncIterable[bytes]) -> str:
        """Save a file. Returns its id. Raises OSError, and whatever `chunks` raises."""
        path, size = self._place(), 0
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    await run_in_threadpool(file.write, chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._keep(path.name, Upload(visitor, shown_name(name), path, size))
        return path.name

    def sent(self, visitor: str, files: Any) -> tuple[list[Upload], list[Message]]:
        """The uploads that a page says it has sent, see upload.js, and for each file that did not arrive, why."""
        uploads: list[Upload] = []
        failures: list[Message] = []
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict) and "status" in file:
                failures.append(of_file(shown_name(str(file.get("name"))), self._why(file)))
            elif (upload := self._mine(visitor, file.get("id") if isinstance(file, dict) else None)) is not None:
                uploads.append(upload)
            else:
                failures.append(NO_SUCH_UPLOAD)
        return uploads, failures

    def sweep(self) -> None:
        """Remove uploads that are over a day old."""
        if self._folder is not None:
            remove_old(self._folder)

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _mine(self, visitor: str, identifier: object) -> Upload | None:
        """The upload with this id; None also if another visitor sent it."""
        with self._lock:
            upload = self._files.get(identifier) if isinstance(identifier, str) else None
        return upload if upload is not None and upload.visitor == visitor and upload.path.exists() else None

    def _why(self, failed: dict[str, Any]) -> Message:
        """Why a file did not arrive, from its HTTP status."""
        if failed["status"] == 413:
            size = failed.get("size")
            megabytes = -(-size >> 20) if isinstance(size, int) else self._limit + 1
            return problem("too_large", size=megabytes, limit=self._limit).message
        return UPLOAD_NOT_KEPT if failed["status"] in (500, 507) else UPLOAD_BROKE_OFF

    def _place(self) -> Path:
        with self._lock:
            if self._folder is None or not self._folder.exists():
                self._folder = scratch_folder()
            return self._folder / secrets.token_hex(16)

    def _keep(self, identifier: str, upload: Upload) -> None:
        with self._lock:
            self._files[identifier] = upload
            together = sum(other.size for other in self._files.values())
            while len(self._files) > 1 and (len(self._files) > FILES or together > self._most):
                old = self._files.pop(next(iter(self._files)))
                together -= old.size
                old.path.unlink(missing_ok=True)
