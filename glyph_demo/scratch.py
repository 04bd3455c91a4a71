"""Files and folders that only this user can read: temporary ones for uploads and drawn pages, and lasting ones, which
are written whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

from glyph_demo.errors import GlyphError

log = logging.getLogger(__name__)

_PREFIX = "glyph-demo-"
DAY = 86_400  # seconds


def scratch_folder() -> Path:
    """A new folder that nobody else can read. The caller removes it. What a killed run left is removed after a day,
    when a later process makes its first folder. Raises GlyphError `no_temporary_folder`."""
    try:
        _sweep(Path(tempfile.gettempdir()))
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    except OSError as error:
        raise _no_folder(error) from None


def _no_folder(error: OSError) -> GlyphError:
    return GlyphError(
        "no_temporary_folder",
        f"No temporary folder can be made ({error.strerror}). Free some space, or set TMPDIR to another place.",
        f"无法创建临时文件夹（{error.strerror}）。请清理空间，或将 TMPDIR 指向其他位置。",
    )


def folder_in(folder: Path, prefix: str = "") -> Path:
    """A new folder in a scratch folder, which is made again if something that cleans up has removed it. Raises
    GlyphError `no_temporary_folder`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    except OSError as error:
        raise _no_folder(error) from None


def write_whole(path: Path, *content: bytes | memoryview) -> None:
    """Write to a temporary name and rename, so that a reader never sees half a file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def kept_copy(path: Path, folder: Path) -> Path:
    """A copy of a file in `folder`, under a random name; the file itself where it cannot be copied."""
    copy = folder / secrets.token_hex(16)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    except OSError:
        log.warning("an upload is not kept for later: the cache folder cannot be written")
        return path
    return copy


def remove_old(folder: Path) -> None:
    """Remove all files below a folder that have not changed for a day, then the folders that are empty now. Links are
    not followed."""
    for place, _, names in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # another process removed it first
            old = [path for name in names if _is_old(path := Path(place, name))]
            for path in old:
                path.unlink()
            if old and Path(place) != folder:
                os.rmdir(place)


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > DAY


@cache
def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if _is_old(folder) and owner.isdecimal() and not _runs_elsewhere(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def _runs_elsewhere(process: int) -> bool:
    """True if another process has this pid, or if that cannot be known. Our own pid is False: a folder that carries it
    before this process made any is from an earlier run, since a container gives every run the same pid."""
    if os.name != "posix":
        return True
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
