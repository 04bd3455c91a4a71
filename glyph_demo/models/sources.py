"""Where weights come from: the Hugging Face hub, or a mirror of it, and ModelScope. Both are asked for the same files
in the same way; neither is sent anything but the request."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from glyph_demo.models.weights import HUB_FILES

ModelSource = Literal["auto", "hub", "modelscope"]

# The same weights under another name. Source: the organisation's page on modelscope.cn.
ON_MODELSCOPE = {
    "zai-org/Glyph": "ZhipuAI/Glyph",
    "zai-org/GLM-4.1V-9B-Thinking": "ZhipuAI/GLM-4.1V-9B-Thinking",
    "zai-org/GLM-4.6V-Flash": "ZhipuAI/GLM-4.6V-Flash",
}
PROBE_SECONDS = 3.0  # to wait for the first source that answers
TIMEOUT = 10.0  # seconds without a byte, after which a connection counts as cut
TRIES = 4  # in a row without a byte, after which a source counts as down
_NOTE = "source"  # the file that remembers which one answered first
_DAY = 86_400  # seconds
PAUSE = 1.0  # seconds before the second of them; doubled for each after it
_LONGEST_PAUSE = 60.0  # seconds, whatever a server asks for
_NAME = re.compile(r"\w[\w.-]*")
_HEADERS = {"Accept-Encoding": "identity"}  # a compressed file cannot be gone on with


class RemoteFile(NamedTuple):
    """A file of a model at a source. `digest` is its SHA-256 in hex or, of a file that is not in LFS, git's SHA-1 of
    it as a blob; "" where the source names none. `size` is in bytes."""

    name: str
    size: int
    digest: str
    url: str


class SourceError(Exception):
    """A source does not give a file or the list of files. `absent` is whether it says that it has no such model,
    `corrupt` whether what it gives is not what its checksum says."""

    def __init__(self, why: str, absent: bool = False, corrupt: bool = False) -> None:
        super().__init__(why)
        self.why, self.absent, self.corrupt = why, absent, corrupt


class Source(Protocol):
    """A place that models come from. `host` is its name for people."""

    name: str

    @property
    def endpoint(self) -> str: ...

    @property
    def host(self) -> str: ...

    def headers(self) -> dict[str, str]: ...

    def url(self, model: str, file: str, revision: str = "") -> str: ...

    def files(self, model: str, check: Callable[[], None]) -> list[RemoteFile]:
        """The files that a checkpoint needs, smallest first. Raises SourceError, and what `check` raises; it is called
        time and again."""
        ...


@dataclass(frozen=True)
class Hub:
    """huggingface.co, or the mirror that HF_ENDPOINT names. The token of the environment is sent to it alone."""

    endpoint: str = field(default_factory=lambda: os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    name = "hub"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    def headers(self) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers

        return {**build_hf_headers(), **_HEADERS}

    def url(self, model: str, file: str, revision: str = "main") -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(model, file, revision=revision, endpoint=self.endpoint.rstrip("/"))

    def files(self, model: str, check: Callable[[], None]) -> list[RemoteFile]:
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.endpoint.rstrip("/"))
        info: Any = asked(lambda: api.model_info(model, files_metadata=True, timeout=TIMEOUT), check)
        found = [
            RemoteFile(s.rfilename, s.size, s.lfs.sha256 if s.lfs else s.blob_id or "", "") for s in info.siblings or ()
        ]
        return _wanted([file._replace(url=self.url(model, file.name, info.sha or "main")) for file in found])


@dataclass(frozen=True)
class ModelScope:
    """modelscope.cn, or what MODELSCOPE_ENDPOINT names, through its plain HTTP interface."""

    endpoint: str = field(default_factory=lambda: os.environ.get("MODELSCOPE_ENDPOINT") or "https://www.modelscope.cn")
    name = "modelscope"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc.removeprefix("www.")

    def headers(self) -> dict[str, str]:
        return dict(_HEADERS)

    def url(self, model: str, file: str, revision: str = "master") -> str:
        return f"{self._of(model)}?Revision={quote(revision, safe='')}&FilePath={quote(file, safe='')}"

    def files(self, model: str, check: Callable[[], None]) -> list[RemoteFile]:
        from huggingface_hub.utils import get_session

        where = f"{self._of(model)}/files?Revision=master&Recursive=True"
        response = asked(lambda: _checked(get_session().get(where, headers=self.headers(), timeout=TIMEOUT)), check)
        try:
            return _wanted(
                [
                    RemoteFile(entry["Path"], entry["Size"], entry.get("Sha256") or "", self.url(model, entry["Path"]))
                    for entry in response.json()["Data"]["Files"]
                    if entry.get("Type") != "tree"
                ]
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError("its list of files cannot be read") from error

    def _of(self, model: str) -> str:
        return f"{self.endpoint.rstrip('/')}/api/v1/models/{quote(ON_MODELSCOPE.get(model, model))}/repo"


def config_of(source: Source, files: list[RemoteFile]) -> dict[str, Any]:
    """What the config.json among `files` of a source holds. Raises SourceError."""
    from huggingface_hub.utils import get_session

    url = next(file.url for file in files if file.name == "config.json")
    response = asked(lambda: _checked(get_session().get(url, headers=source.headers(), timeout=TIMEOUT)), lambda: None)
    try:
        content = response.json()
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SourceError("its config.json cannot be read", corrupt=True)
    return content


def sources(wanted: ModelSource, model: str, cache_dir: Path) -> list[Source]:
    """The sources to try, the best first: the one `wanted`, or both, and first the one that answered first today."""
    found = likely(wanted, model, cache_dir)
    if len(found) == 1:
        return found + [source for source in _both() if wanted == "auto" and source.name != found[0].name]
    if first := _first_to_answer(found, model):
        with contextlib.suppress(OSError):  # it is asked again the next time
            cache_dir.mkdir(parents=True, exist_ok=True)
            (cache_dir / _NOTE).write_text(f"{_key(model)}\n{first}", encoding="utf-8")
    return sorted(found, key=lambda source: source.name != first)


def likely(wanted: ModelSource, model: str, cache_dir: Path) -> list[Source]:
    """The source `wanted` or, with `auto`, the one that answered first less than a day ago; else both. Makes no
    request."""
    note = cache_dir / _NOTE
    if wanted == "auto":
        with contextlib.suppress(OSError, ValueError):
            key, _, first = note.read_text(encoding="utf-8").partition("\n")
            if key == _key(model) and time.time() - note.stat().st_mtime < _DAY:
                return [source for source in _both() if source.name == first] or _both()
    return [source for source in _both() if wanted in ("auto", source.name)]


def _both() -> list[Source]:
    return [Hub(), ModelScope()]


def _key(model: str) -> str:
    """For what the first to answer is remembered: the model at the addresses of now."""
    return " ".join([model, *(source.endpoint for source in _both())])


def _first_to_answer(both: list[Source], model: str) -> str | None:
    """The source that is first to say that it has the model's config.json. Threads that no longer matter end by
    themselves; looking a name up may take longer than any timeout."""
    from huggingface_hub.utils import get_session

    answers: queue.Queue[str | None] = queue.Queue()
    client = get_session()

    def ask(source: Source) -> None:
        try:
            url = source.url(model, "config.json")
            response = client.head(url, headers=source.headers(), timeout=PROBE_SECONDS, follow_redirects=False)
            answers.put(source.name if response.status_code < 400 else None)
        except Exception:  # of whatever kind: it does not answer
            answers.put(None)

    for source in both:
        threading.Thread(target=ask, args=[source], name="probe", daemon=True).start()
    until = time.monotonic() + PROBE_SECONDS
    with contextlib.suppress(queue.Empty):
        for _ in both:
            if first := answers.get(timeout=max(0.0, until - time.monotonic())):
                return first
    return None


def asked(ask: Callable[[], Any], check: Callable[[], None]) -> Any:
    """What `ask` returns, asked again while the server is busy or does not answer. Raises SourceError, and what `check`
    raises."""
    for tried in range(1, TRIES + 1):
        check()
        try:
            return ask()
        except Exception as error:
            if tried == TRIES or not passing(error):
                raise told(error) from error
            rest(pause(error, tried), check)
    raise AssertionError


def rest(seconds: float, check: Callable[[], None]) -> None:
    """Wait, calling `check` at once and each second: what it raises ends the wait."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, 1.0))


def passing(error: Exception) -> bool:
    """Whether an error of a request may be gone at the next try."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    status = _status(error)
    return not isinstance(error, OfflineModeIsEnabled | ValueError) and (status in (None, 408, 429) or status >= 500)


def pause(error: Exception, tried: int) -> float:
    """Seconds until the next try: what the server asks for, or longer each time."""
    wanted = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    return min(float(wanted), _LONGEST_PAUSE) if wanted.isdecimal() else PAUSE * 2 ** (tried - 1)


def told(error: Exception) -> SourceError:
    """An error of a request in words: the status, or the kind of error."""
    status = _status(error)
    return SourceError(f"HTTP {status}" if status else type(error).__name__, absent=status in (401, 403, 404))


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _checked(response: Any) -> Any:
    response.raise_for_status()
    return response


def _wanted(files: list[RemoteFile]) -> list[RemoteFile]:
    """Those of a source's files that a checkpoint needs, smallest first. Raises SourceError for a name that would lead
    out of the folder, and for a list that has no config.json or no weights."""
    found = []
    for file in files:
        if not isinstance(file.name, str) or {"..", ""} & set(re.split(r"[/\\]", file.name)):
            raise SourceError(f"it names a file {file.name!r:.80}")
        if _NAME.fullmatch(file.name) and any(fnmatch(file.name, pattern) for pattern in HUB_FILES):
            if not isinstance(file.size, int) or file.size < 0:
                raise SourceError(f"it names no size of {file.name}")
            found.append(file)
    names = {file.name for file in found}
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise SourceError("it has no config.json with *.safetensors")
    return sorted(found, key=lambda file: file.size)
