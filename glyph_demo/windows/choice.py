"""The engine that was chosen in the window. It is kept for the next start."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from glyph_demo.engines.registry import ENGINES
from glyph_demo.errors import GlyphError, Message
from glyph_demo.scratch import write_whole
from glyph_demo.settings import Settings, usable
from glyph_demo.windows.preferences import setting

log = logging.getLogger(__name__)

# The key of a server is not among them: it stays in the memory of this run.
ENGINE_NAMES = frozenset({"engine", "model", "inference.precision", "remote.urls"})
NOT_SURVIVED = Message(
    "The app ended last time before the model chosen in the window was loaded, so the configured one is used. Choose "
    "again under Settings → Model.",
    "上次应用退出时，窗口中选择的模型尚未加载完成，因此使用配置的模型。请在“设置 → 模型”中重新选择。",
)


def not_loaded(error: GlyphError) -> Message:
    return Message(
        f"The engine chosen in the window could not be loaded, so the one of the settings is used. {error.message.en}",
        f"窗口中选择的引擎无法加载，因此使用设置中的引擎。{error.message.zh}",
    )


@dataclass(frozen=True, slots=True)
class _KeptChoice:
    """The file's content. `chosen` and `over` are the engine settings chosen and those that they replaced, by dotted
    name; `over` is None if flags or the environment gave those. `loading` is true from a start until the engine is
    loaded, so that one that crashes the app is not tried again."""

    chosen: dict[str, str]
    over: dict[str, str] | None = None
    loading: bool = False


class EngineChoice:
    """Which engine to start with: the one chosen in the window, unless the settings have changed since, or else that of
    the settings. `given` is whether flags or the environment name the engine of this start, which then wins."""

    def __init__(self, settings: Settings, given: bool = False) -> None:
        self.settings = settings
        self.notice: Message | None = None  # why the choice is not used
        self._given = given
        self._file = settings.cache_path / "engine.json"
        self._starting: _KeptChoice | None = None

    def start(self) -> Settings:
        """The settings to start with."""
        kept = self._read()
        if (
            kept is None
            or kept.chosen.get("engine") not in ("auto", *ENGINES)
            or self._given
            or not (kept.over or {}).items() <= _named(self.settings).items()
        ):
            return self.settings
        if kept.loading:
            self._file.unlink(missing_ok=True)
            self.notice = NOT_SURVIVED
            return self.settings
        self._starting = kept
        self._write(replace(kept, loading=True))
        return usable(self.settings, {name: value for name, value in kept.chosen.items() if name in ENGINE_NAMES})

    @property
    def taken(self) -> bool:
        """Whether this start uses the choice and its engine is not loaded yet."""
        return self._starting is not None

    def survived(self) -> None:
        """Note that the engine of this start has not crashed the app: it is loaded, it was refused, or the app ends."""
        if self._starting is not None:
            self._write(self._starting)
            self._starting = None

    def keep(self, settings: Settings) -> None:
        """Keep the engine of `settings`, which was chosen and is loaded, for the next start."""
        self._starting = self.notice = None
        if _named(settings) == _named(self.settings) and not self._given:
            self._file.unlink(missing_ok=True)
        else:
            self._write(_KeptChoice(_named(settings), None if self._given else _named(self.settings)))

    def _read(self) -> _KeptChoice | None:
        try:
            return TypeAdapter(_KeptChoice).validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return None

    def _write(self, kept: _KeptChoice) -> None:
        content = {"chosen": kept.chosen, "over": kept.over, "loading": kept.loading}
        try:
            write_whole(self._file, json.dumps(content).encode())
        except OSError:
            log.warning("the engine chosen is not kept for the next start: the cache folder cannot be written")


def _named(settings: Settings) -> dict[str, str]:
    return {name: setting(settings, name) for name in sorted(ENGINE_NAMES)}
