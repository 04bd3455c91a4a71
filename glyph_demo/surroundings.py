"""What a process may find around it and cannot use, made usable before anything heavy is loaded: streams that are
closed, no home folder, a cache folder that cannot be written, variables that are meant for Gradio's own starter."""

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
    """A stream that was closed goes nowhere; else the next file that is opened has its number, and is written to by
    whatever library complains. And no letter is too much for a terminal."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - gets the number of the closed one
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def with_cache(settings: Settings) -> tuple[Settings, Message | None]:
    """`settings` with a cache folder that can be written: where the one they name cannot, a folder of this process
    that goes with it, and a message that says so. What the other holds can still be read there. Raises GlyphError
    `no_temporary_folder`."""
    try:
        folder = settings.cache_path
        why = _unwritable(folder)
    except SettingsError:
        folder, why = None, Message("this user has no home folder", "该用户没有主目录")
    if why is None:
        return settings, None
    passing = _passing_folder()
    if folder is not None:
        _link(folder, passing)
    return replace(settings, cache_dir=str(passing)), Message(
        f"Nothing is kept for later: the cache folder {shown(settings.cache_dir)} cannot be written ({why.en}). "
        "Set cache_dir to another one.",
        f"内容不会保留到下次：无法写入缓存目录 {shown(settings.cache_dir)}({why.zh})。请将 cache_dir 设为其他目录。",
    )


def mend() -> None:
    """Once it is known where to keep things. Raises GlyphError `no_temporary_folder`."""
    _variables()
    _home()


def before_gradio() -> None:
    """Loaded, Gradio makes a folder under a name that is the same for all users of a machine, unless told another."""
    os.environ["GRADIO_TEMP_DIR"] = str(_passing_folder())


def legible(word: str) -> str:
    """An argument or a name as people read it. In a locale without its letters Python hands its bytes on, and the file
    opens by those alone; nearly everywhere they are UTF-8."""
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word


def nobody_reads() -> None:
    """Whoever read what this process says has gone: say the rest to nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _variables() -> None:
    """Gradio's variables could share the window, open files or send figures. None is a setting of this app."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]


def _home() -> None:
    """A user whom the system does not know, as in `docker run -u 12345`, has no home and no name, and libraries ask for
    both. Here it gets them until the process ends."""
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)
        if os.path.expanduser("~") == "~":
            os.environ["HOME"] = str(_passing_folder())
    if os.name == "posix" and not _known():
        os.environ.setdefault("USER", str(os.getuid()))


def _known() -> bool:
    import pwd

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _passing_folder() -> Path:
    folder = scratch_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _unwritable(folder: Path) -> Message | None:
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


def _link(source: Path, target: Path) -> None:
    """The same folders below `target` as below `source`, with links for files."""
    for place, _, names in os.walk(source):
        here = target / Path(place).relative_to(source)
        here.mkdir(exist_ok=True)
        for name in names:
            (here / name).symlink_to(Path(place, name).absolute())
