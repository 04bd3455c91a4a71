"""A checkpoint by its hub id: found on this machine, else downloaded, gone on with after a cut, and checked.

A file is kept as `name.part` until all of it is there and its hash is right."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

from glyph_demo.errors import EngineError, shown
from glyph_demo.models.base import LoadProgress, untold
from glyph_demo.models.on_machine import UNFINISHED, find_on_machine, own_folder
from glyph_demo.models.sources import (
    TIMEOUT,
    TRIES,
    ModelSource,
    RemoteFile,
    Source,
    SourceError,
    config_of,
    passing,
    pause,
    rest,
    sources,
    told,
)

AUTO = "zai-org/Glyph"
AUTO_BYTES = 20.6e9  # of its weights in 16 bit
HUB_PATTERN = re.compile(r"\w[\w.-]*/\w[\w.-]*")
AT_ONCE = 4  # files; a single connection often gets a fraction of the line
SPARE_DISK = 200 << 20  # bytes to leave free on the disk
_READ = 1 << 22  # bytes a read
T = TypeVar("T")


def hub_id(model: str) -> str:
    """The setting `model` as a folder or hub id."""
    return AUTO if model == "auto" else model


def fetched(model: str, cache_dir: Path, report: LoadProgress = untold, wanted: ModelSource = "auto") -> Path:
    """The folder of a hub id's checkpoint: one on this machine, else downloaded into `cache_dir` from the source
    `wanted`. `report` counts bytes; what it raises ends the download. What is there then is gone on with the next time.
    Raises EngineError: `model_missing`, `model_unreachable`, `model_corrupt`, `disk_full` and `model_busy`, while
    another process downloads the model, and `cannot_write`."""
    if (here := find_on_machine(model, cache_dir)) is not None:
        return here
    folder = own_folder(model, cache_dir)
    with _alone(folder, model):
        # Unmarked until here: what another process has just ended is found.
        if (here := find_on_machine(model, cache_dir)) is not None:
            return here
        folder.mkdir(exist_ok=True)
        (folder / UNFINISHED).touch()

        def download(source: Source) -> Path:
            files = source.files(model, lambda: report(0, None))
            _Download(source, folder, report).run(files)
            _remove_others(folder, files)
            (folder / UNFINISHED).unlink()
            return folder

        try:
            return _of_the_first(model, cache_dir, wanted, download)
        finally:
            if [path.name for path in folder.iterdir()] == [UNFINISHED]:
                shutil.rmtree(folder, ignore_errors=True)


def listed(model: str, cache_dir: Path, wanted: ModelSource = "auto") -> tuple[list[RemoteFile], dict[str, Any]]:
    """The files that `fetched` would download, and what their config.json holds. Raises EngineError as that does."""

    def look(source: Source) -> tuple[list[RemoteFile], dict[str, Any]]:
        files = source.files(model, lambda: None)
        return files, config_of(source, files)

    return _of_the_first(model, cache_dir, wanted, look)


def _of_the_first(model: str, cache_dir: Path, wanted: ModelSource, take: Callable[[Source], T]) -> T:
    """What `take` returns for the first source of which it raises no SourceError. Raises EngineError."""
    failures: list[tuple[Source, SourceError]] = []
    for source in sources(wanted, model, cache_dir):
        try:
            return take(source)
        except SourceError as error:  # noqa: PERF203 - two turns
            failures.append((source, error))
    raise _failed(model, failures)


@contextlib.contextmanager
def _alone(folder: Path, model: str) -> Iterator[None]:
    """Keep other processes from downloading into the folder. The lock lies beside it and stays. Raises EngineError."""
    from filelock import FileLock, Timeout

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
            yield
    except Timeout:
        raise _busy(model) from None
    except OSError as error:
        raise _no_room(folder, error) from error


def _remove_others(folder: Path, files: list[RemoteFile]) -> None:
    """Remove files of an older version: its index would name weights that are not there. Raises OSError."""
    kept = {UNFINISHED, *(file.name for file in files)}
    for path in list(folder.iterdir()):
        if path.name not in kept and not path.is_dir():
            path.unlink()


class _Download:
    """One download from one source."""

    def __init__(self, source: Source, folder: Path, report: LoadProgress) -> None:
        self._source, self._folder, self._tell = source, folder, report
        self._lock = threading.Lock()
        self._done = self._total = self._whole = self._files = 0
        self._error: BaseException | None = None  # what ended it

    def run(self, files: list[RemoteFile]) -> None:
        """Raises SourceError, EngineError `disk_full`, OSError of the disk, and what `report` raises."""
        self._total, self._files = sum(file.size for file in files), len(files)
        self._done = sum(map(self._there, files))
        self._check_room()
        self._report(0)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download") as workers:
            futures = [workers.submit(self._fetch, file) for file in files]
            try:
                wait(futures)
            except BaseException as interrupt:  # Ctrl-C
                self._error = self._error or interrupt
        if self._error is not None:
            raise self._error

    def _there(self, file: RemoteFile) -> int:
        """Bytes of a file that need not be downloaded, if they are right."""
        path = self._folder / file.name
        return min(file.size, max(_size(path), _size(_part(path))))

    def _check_room(self) -> None:
        needed, free = self._total - self._done + SPARE_DISK, shutil.disk_usage(self._folder).free
        if needed > free:
            raise _disk_full(self._folder, needed, free)

    def _report(self, more: int) -> None:
        """Tell that there are `more` bytes. Raises what ended the download, also in another thread."""
        with self._lock:
            if self._error is not None:
                raise self._error
            self._done += more
            file = self._files if self._done == self._total else min(self._whole + 1, self._files)
            try:
                self._tell(self._done, self._total, file, self._files)
            except BaseException as error:
                self._error = self._error or error
                raise

    def _fetch(self, file: RemoteFile) -> None:
        path = self._folder / file.name
        try:
            if not path.exists() or not _is_right(path, file):
                before = self._there(file)
                path.unlink(missing_ok=True)
                if _size(_part(path)) > file.size:
                    _part(path).unlink()
                self._report(self._there(file) - before)
                self._download(file, _part(path))
                _part(path).replace(path)
            with self._lock:
                self._whole += 1
        except BaseException as error:
            self._error = self._error or error

    def _download(self, file: RemoteFile, part: Path) -> None:
        for begun in (_size(part), 0):
            self._receive_all(file, part)
            if _is_right(part, file):
                return
            part.unlink()
            self._report(-file.size)
            if not begun:  # else what it began with may have been of another version
                break
        raise SourceError(f"{file.name} is not what its checksum says", corrupt=True)

    def _receive_all(self, file: RemoteFile, part: Path) -> None:
        """Have all of a file in `part`, going on from what that has, however often the connection is cut."""
        idle = 0
        while (before := _size(part)) < file.size or not part.exists():
            self._report(0)  # people may have cancelled while nothing came
            try:
                self._receive(file, part, before)
            except Exception as error:
                if error is self._error or isinstance(error, SourceError):
                    raise
                self._check_written(file, part, error)
                idle = 0 if _size(part) > before else idle + 1
                if idle == TRIES or not passing(error):
                    raise SourceError(f"{file.name}: {told(error).why}") from error
                if idle:
                    rest(pause(error, idle), lambda: self._report(0))

    def _check_written(self, file: RemoteFile, part: Path, error: Exception) -> None:
        """Raises EngineError `disk_full`, or the error itself, if it is one of the disk: those of the client have no
        number."""
        if not isinstance(error, OSError) or error.errno is None or isinstance(error, ConnectionError | TimeoutError):
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(self._folder).free
            raise _disk_full(self._folder, file.size - _size(part), free) from error
        raise error

    def _receive(self, file: RemoteFile, part: Path, before: int) -> None:
        """Receive what is missing of a file. Raises EOFError if the answer ends too early, SourceError if it does not
        end, and errors of the hub's client."""
        from huggingface_hub.utils import get_session

        headers = self._source.headers() | ({"Range": f"bytes={before}-"} if before else {})
        with get_session().stream("GET", file.url, headers=headers, timeout=TIMEOUT) as response:
            response.raise_for_status()
            with part.open("ab") as out:
                if before and not _goes_on(response, before):
                    out.truncate(0)
                    self._report(-before)
                    before = 0
                for block in response.iter_bytes():
                    before += len(block)
                    if before > file.size:
                        raise SourceError(f"{file.name} is longer than the {file.size:,} bytes announced")
                    out.write(block)
                    self._report(len(block))
        if before < file.size:
            raise EOFError


def _goes_on(response: Any, before: int) -> bool:
    """Whether an answer to a Range request begins where it was asked to; a server may send the whole file."""
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {before}-")


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_right(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the hash that a source names. Of a file that is not in LFS the hash is git's
    SHA-1 of a blob, whose content follows a header: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    if _size(path) != file.size:
        return False
    sha = hashlib.sha256()
    if len(file.digest) == 40:
        sha = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as opened:
        while block := opened.read(_READ):
            sha.update(block)
    return not file.digest or sha.hexdigest() == file.digest


def missing(source: str) -> EngineError:
    return EngineError(
        "model_missing",
        f"There is no model '{shown(source)}': no such folder, and no such name on the hub. Check what "
        "stands under Settings → Model (on the command line: --model).",
        f"找不到模型“{shown(source)}”：没有这个文件夹，Hub 上也没有这个名称。"
        "请检查“设置 → 模型”中填写的内容（命令行：--model）。",
    )


def _failed(model: str, failures: list[tuple[Source, SourceError]]) -> EngineError:
    if failures and all(error.absent for _, error in failures):
        return missing(model)
    why = "; ".join(f"{source.host}: {error.why}" for source, error in failures)
    if any(error.corrupt for _, error in failures):
        return EngineError(
            "model_corrupt",
            f"What was downloaded of {model} is damaged ({why}). What is whole is kept. Try again; if that does not "
            "help, set model_source to the other of hub and modelscope.",
            f"下载的模型 {model} 已损坏（{why}）。完整的文件已保留。请重试；若仍失败，"
            "请将 model_source 改为 hub 或 modelscope 中的另一个。",
        )
    return EngineError(
        "model_unreachable",
        f"The model {model} is not on this machine and could not be downloaded ({why}). What is whole is kept. Check "
        "the network, HTTPS_PROXY and HF_ENDPOINT and try again, or name a folder under Settings → Model (on the "
        "command line: --model).",
        f"本机没有模型 {model}，下载也未成功（{why}）。已下载的部分会保留。请检查网络、HTTPS_PROXY 和 HF_ENDPOINT"
        "后重试，或在“设置 → 模型”中填写本地文件夹（命令行：--model）。",
    )


def _busy(model: str) -> EngineError:
    return EngineError(
        "model_busy",
        f"Another process downloads {model} into the same folder. Wait for it, or end it, and try again.",
        f"另一个进程正在把 {model} 下载到同一文件夹。请等待其完成，或结束该进程后重试。",
    )


def _disk_full(folder: Path, needed: int, free: int) -> EngineError:
    return EngineError(
        "disk_full",
        f"The download needs {needed / 1e9:.1f} GB and the disk of {shown(folder)} has {free / 1e9:.1f} GB free. Make "
        "room and try again, or set cache_dir to another disk. What is whole is kept.",
        f"下载需要 {needed / 1e9:.1f} GB，而 {shown(folder)} 所在磁盘只剩 {free / 1e9:.1f} GB。请腾出空间后重试，"
        "或将 cache_dir 设到其他磁盘。已下载的部分会保留。",
    )


def _no_room(folder: Path, error: OSError) -> EngineError:
    return EngineError(
        "cannot_write",
        f"The model cannot be written to {shown(folder)} ({error.strerror or type(error).__name__}). Set cache_dir to "
        "another folder.",
        f"无法把模型写入 {shown(folder)}（{error.strerror or type(error).__name__}）。请将 cache_dir 设为其他目录。",
    )
