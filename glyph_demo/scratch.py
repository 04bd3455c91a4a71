"""Files and folders that only this user may look into: passing ones for uploads and drawn pages, and kept ones that
are there whole or not at all."""

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
    """A new folder that nobody else can read. Its user removes it; what a killed run left goes a day later, with the
    first folder that a process makes. Raises GlyphError `no_temporary_folder`."""
    try:
        _sweep(Path(tempfile.gettempdir()))
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    except OSError as error:
        raise GlyphError(
            "no_temporary_folder",
            f"No temporary folder can be made ({error.strerror}). Free some space, or set TMPDIR to another place.",
            f"无法创建临时文件夹({error.strerror})。请清理空间，或将 TMPDIR 指向其他位置。",
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the final name and rename, so that a reader never sees half a file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def kept_copy(path: Path, folder: Path) -> Path:
    """A copy of a file in `folder`, under a name of its own; the file itself where none can be made."""
    copy = folder / secrets.token_hex(16)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    except OSError:
        log.warning("an upload is not kept for later: the cache folder cannot be written")
        return path
    return copy


def remove_old(folder: Path) -> None:
    """Remove the files in a folder and below it that have not changed for a day, and the folders that this leaves
    empty. Links are not followed."""
    for place, _, names in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # somebody else was faster
            old = [path for name in names if _old(path := Path(place, name))]
            for path in old:
                path.unlink()
            if old and Path(place) != folder:
                os.rmdir(place)


def _old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > DAY


@cache
def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if _old(folder) and owner.isdecimal() and not _another(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def _another(process: int) -> bool:
    """Whether another process of this number runs; where there is no telling, one does. It is not this one: what has
    our number before we made anything is from an earlier run, as in a container, where every run has the same."""
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
