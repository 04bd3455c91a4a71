"""Repairs to what the process was started with, made before heavy packages are imported: closed streams, no home
folder, a cache folder that cannot be written."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from glyph_demo.errors import Message, SettingsError, shown
from glyph_demo.scratch import scratch_folder
from glyph_demo.settings import Settings


def mend_streams() -> None:
    """Open closed standard streams on the null device: otherwise the next file that is opened would get their
    descriptor, and libraries would write their warnings into it. Characters that a terminal cannot show are written as
    escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - gets the number of the closed one
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def with_cache(settings: Settings) -> tuple[Settings, Message | None]:
    """`settings` with a cache folder that can be written. Where the folder that they name cannot be, it is a temporary
    one with links to the files of the other, and a message says why. Raises GlyphError `no_temporary_folder`."""
    try:
        folder = settings.cache_path
        why = _why_unwritable(folder)
    except SettingsError:
        folder, why = None, Message("this user has no home folder", "该用户没有主目录")
    if why is None:
        return settings, None
    temporary = temporary_folder()
    if folder is not None:
        _link_files(folder, temporary)
    return replace(settings, cache_dir=str(temporary)), Message(
        f"Nothing is kept for later: the cache folder {shown(settings.cache_dir)} cannot be written ({why.en}). "
        "Set cache_dir to another one.",
        f"内容不会保留到下次：无法写入缓存目录 {shown(settings.cache_dir)}（{why.zh}）。请将 cache_dir 设为其他目录。",
    )


def give_home() -> None:
    """Give the process a home folder and a user name, which libraries ask for. A user whom the system does not know has
    neither, as in `docker run -u 12345`. To be called after `with_cache`, which looks for the user's own home folder.
    Raises GlyphError `no_temporary_folder`."""
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)
        if os.path.expanduser("~") == "~":
            os.environ["HOME"] = str(temporary_folder())
    if os.name == "posix" and not _user_is_known():
        os.environ.setdefault("USER", str(os.getuid()))


def temporary_folder() -> Path:
    """A new folder that is removed when the process ends. Raises GlyphError `no_temporary_folder`."""
    folder = scratch_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def legible(word: str) -> str:
    """An argument or a file name for people to read. Where the locale lacks its characters, Python keeps their bytes
    undecoded (PEP 383), and only these open the file. They are decoded as UTF-8, which they nearly always are."""
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word


def nobody_reads() -> None:
    """Send the rest of our output to the null device, because the reader of the pipe has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _user_is_known() -> bool:
    import pwd

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _why_unwritable(folder: Path) -> Message | None:
    """Why a folder cannot be made or written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except (FileExistsError, NotADirectoryError):  # a file, or a link to nowhere
        return Message("it is no folder", "它不是文件夹")
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be
        why = getattr(error, "strerror", None) or str(error)
        return Message(why, why)


def _link_files(source: Path, target: Path) -> None:
    """Make the folders below `source` below `target` too, with links to the files."""
    for place, _, names in os.walk(source):
        here = target / Path(place).relative_to(source)
        here.mkdir(exist_ok=True)
        for name in names:
            (here / name).symlink_to(Path(place, name).absolute())
