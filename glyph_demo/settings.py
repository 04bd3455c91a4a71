"""Every setting in one frozen object: defaults < config file < environment < flags. Unknown keys raise."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from glyph_demo.config_file import DEFAULTS_FILE, read_config
from glyph_demo.errors import SettingsError, shown
from glyph_demo.languages import LANGUAGES
from glyph_demo.pasted_config import translated

ENVIRONMENT_PREFIX = "GLYPH_DEMO_"
MOST = 10**9  # of any number, so that products with it still fit where the system takes 64 bits
LAST_PORT = 65_535
_WANTED = {bool: "true | false", str: "text"}


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_loopback(header: str) -> bool:
    """Whether a Host header, a name or address with or without a port, means this machine."""
    bracketed = header.startswith("[")
    return is_loopback(header.rpartition("]")[0].strip("[") if bracketed else header.partition(":")[0])


def cross_site(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site sent a request with these headers, named in lower case. Browsers say so in
    Sec-Fetch-Site (Fetch Metadata, W3C); older ones, and all over plain http, in Origin. Other programs send neither,
    and no web page can make them send a request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _listed(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


@dataclass(frozen=True, slots=True)
class Server:
    """With `auth`, a visitor from another machine needs `password` for the window and a key for the API. `api_key` may
    be several keys, `allowed_origins` several origins of web pages, separated by commas."""

    host: str = "127.0.0.1"
    port: int = 7860
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    allowed_origins: str = ""
    auth: bool = True

    @property
    def api_keys(self) -> tuple[str, ...]:
        return _listed(self.api_key)

    @property
    def origins(self) -> tuple[str, ...]:
        """Raises SettingsError."""
        origins = _listed(self.allowed_origins.lower())
        for origin in origins:
            if not re.fullmatch(r"https?://[^/?#@*\s]+", origin):
                raise SettingsError(
                    "bad_setting",
                    f"The origin '{shown(origin)}' cannot be used. Write it as https://example.com, with a port if it "
                    "has one, and nothing behind it.",
                    f"来源“{shown(origin)}”无效。请写成 https://example.com 的形式，可带端口，后面不加任何内容。",
                )
        return origins

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def own_machine(self) -> bool:
        """Whether whoever uses the window sits at this machine. Only they may have the app call addresses that they
        name: for others it could reach what they cannot. Without `auth` a proxy may bring visitors to loopback."""
        return self.on_loopback and self.auth


@dataclass(frozen=True, slots=True)
class Documents:
    """Limits on uploads, so that a strange file costs a message and not the machine."""

    max_file_mb: int = 100
    max_characters: int = 12_000_000
    max_pages: int = 5_000
    max_seconds: int = 120
    max_memory_mb: int = 900
    encoding: str = "auto"
    page_images: Literal["auto", "never", "always"] = "auto"
    pages: str = ""
    as_text: bool = False

    @property
    def page_range(self) -> tuple[int, int | None]:
        """First and last page to read, from 1; None is to the end. Raises SettingsError."""
        found = re.fullmatch(r"\s*(\d+)\s*(-\s*(\d*)\s*)?", self.pages)
        if not self.pages.strip():
            return 1, None
        first = int(found[1]) if found else 0
        last = (int(found[3]) if found[3] else None) if found and found[2] else first
        if first < 1 or (last is not None and last < first):
            raise SettingsError(
                "bad_setting",
                f"The page range '{shown(self.pages)}' cannot be used. Write it as 3, 1-40 or 12-.",
                f"页码范围“{shown(self.pages)}”无效。请写成 3、1-40 或 12- 的形式。",
            )
        return first, last


@dataclass(frozen=True, slots=True)
class Rendering:
    """`auto` takes the style that the engine reads best. Zero or empty leaves the style's own value."""

    style: str = "auto"
    dpi: int = 0
    font_size: float = 0.0
    font: str = ""


@dataclass(frozen=True, slots=True)
class Inference:
    """The defaults are those of Glyph's published clients. The engine pocket does not use most of these. `kv` is what
    keys and values are kept in; `auto` is `16bit` everywhere, until `int8` was measured with Glyph's own weights."""

    max_new_tokens: int = 8192
    temperature: float = 0.0
    top_p: float = 0.85
    top_k: int = 0
    repetition_penalty: float = 1.1
    thinking: bool = True
    thinking_tokens: int = 0
    precision: Literal["auto", "fp16", "bf16", "fp32", "int8", "int4"] = "auto"
    kv: Literal["auto", "16bit", "int8"] = "auto"
    image_size: int = 0
    vision: Literal["auto", "eager", "compiled", "onnx", "mixed"] = "auto"
    memory_limit_gb: float = 0.0
    decode: Literal["auto", "eager", "graph", "compiled"] = "auto"
    reuse_cache: bool = True
    max_batch_size: int = 8
    max_wait_ms: int = 50


@dataclass(frozen=True, slots=True)
class Store:
    device_mb: int = 256
    memory_mb: int = 256
    disk_mb: int = 2_048
    kv_mb: int = 8_192
    open_documents: int = 8


@dataclass(frozen=True, slots=True)
class Pocket:
    language_model: str = "auto"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Remote:
    """Addresses of OpenAI-compatible servers of one model, separated by commas, and the key they ask for."""

    urls: str = "http://127.0.0.1:8000/v1"
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    language: str = "auto"
    engine: str = "auto"  # or the name of one, see engines/registry.py
    model: str = "auto"
    model_source: Literal["auto", "hub", "modelscope"] = "auto"
    cache_dir: str = "~/.cache/glyph-demo"
    server: Server = field(default_factory=Server)
    documents: Documents = field(default_factory=Documents)
    rendering: Rendering = field(default_factory=Rendering)
    inference: Inference = field(default_factory=Inference)
    store: Store = field(default_factory=Store)
    pocket: Pocket = field(default_factory=Pocket)
    remote: Remote = field(default_factory=Remote)

    @property
    def cache_path(self) -> Path:
        """Raises SettingsError where `~` cannot be resolved to a home folder."""
        try:
            return Path(self.cache_dir).expanduser()
        except RuntimeError:
            raise SettingsError(
                "bad_setting",
                f"There is no home folder for the cache folder {shown(self.cache_dir)}. Set cache_dir to another.",
                f"缓存目录 {shown(self.cache_dir)} 所指的主目录不存在。请将 cache_dir 设为其他目录。",
            ) from None


def load_settings(
    config: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from a YAML file, the environment (`GLYPH_DEMO_SERVER__PORT=8000`) and flags (`{"server.port": 8000}`),
    later ones winning. Raises SettingsError for a file that cannot be read, an unknown key or an unusable value."""
    settings = Settings() if config is None else _from_file(Path(config))
    settings = merge(settings, _from_environment(os.environ if environment is None else environment))
    return merge(settings, {key: value for key, value in (flags or {}).items() if value is not None})


def file_values(path: Path) -> dict[str, Any]:
    """What a settings file holds, by dotted name. Raises SettingsError `config_unreadable`."""
    return _flatten(read_config(path))


def _from_file(path: Path) -> Settings:
    try:
        return merge(Settings(), translated(file_values(path)))
    except SettingsError as error:
        if error.code == "config_unreadable":
            raise
        en, zh = error.message.en, error.message.zh
        raise SettingsError(
            error.code,
            f"{shown(path)}: {en} Another settings file can be named with --config.",
            f"{shown(path)}：{zh}也可用 --config 指定其他设置文件。",
        ) from None


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        elif value is not None:
            flat[f"{prefix}{key}"] = value
    return flat


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An empty variable counts as not set: container files often pass unset ones on."""
    return {
        name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and value
    }


def named(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> set[str]:
    """The settings that flags or the environment name for this run, by dotted name."""
    variables = _from_environment(os.environ if environment is None else environment)
    return {*variables, *(key for key, value in flags.items() if value is not None)}


def merge(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with some of them changed, by dotted names. Raises SettingsError, see `load_settings`."""
    for key, value in values.items():
        settings = _set(settings, key, key.split("."), value)
    return settings


def usable(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with those of `values` that can be used; the others are left out."""
    for name, value in values.items():
        with contextlib.suppress(SettingsError):
            settings = merge(settings, {name: value})
    return settings


def _set(node: Any, key: str, path: list[str], value: Any) -> Any:
    name, rest = path[0], path[1:]
    if name not in {f.name for f in fields(node)} or bool(rest) != is_dataclass(getattr(node, name)):
        raise SettingsError(
            "unknown_setting",
            f"There is no setting '{shown(key)}'. All settings and their defaults are in {DEFAULTS_FILE}.",
            f"没有名为“{shown(key)}”的设置。全部设置及默认值见 {DEFAULTS_FILE}。",
        )
    if rest:
        return replace(node, **{name: _set(getattr(node, name), key, rest, value)})
    return replace(node, **{name: _convert(key, value, get_type_hints(type(node))[name])})


def _convert(key: str, value: Any, kind: Any) -> Any:
    """`value`, which may come as text, as the type of its field."""
    choices = ("auto", *LANGUAGES) if key == "language" else get_args(kind)
    most = LAST_PORT if key == "server.port" else MOST
    try:
        if choices:
            if value in choices:
                return value
        elif kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
        elif kind is str:
            if isinstance(value, str) and (value or key != "cache_dir"):  # an empty one would be the current folder
                return value
        elif not isinstance(value, bool):
            number = kind(value)
            if 0 <= number <= most and number == float(value):
                return number
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    wanted = " | ".join(map(str, choices)) if choices else _WANTED.get(kind, f"{kind.__name__}, 0 - {most}")
    raise SettingsError(
        "bad_setting",
        f"The setting '{shown(key)}' cannot be '{shown(value)}'. It takes: {wanted}.",
        f"设置“{shown(key)}”不能取“{shown(value)}”。可用的值：{wanted}。",
    )
