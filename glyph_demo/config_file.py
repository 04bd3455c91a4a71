"""The settings file: YAML without what could cost memory or time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glyph_demo.errors import SettingsError, shown

DEFAULTS_FILE = Path(__file__).with_name("config.yaml")  # every setting explained, for people
_FILE_BYTES = 100_000  # 25 times the size of our own


def own_config() -> Path | None:
    """The settings file that is read where none is named: config.yaml of the project's folder, None for an installed
    package. Not that of the current directory: documents may come with a file of that name."""
    project = Path(__file__).parents[1]
    path = project / DEFAULTS_FILE.name
    return path if path.is_file() and (project / "launch.sh").is_file() else None


def read_config(path: Path) -> dict[str, Any]:
    """The tree of a settings file; empty for an empty file. Raises SettingsError `config_unreadable`."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            """Refuses aliases: with them a few lines can become gigabytes, or a value can hold itself."""
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

    try:
        content = Loader(_text(path)).get_single_data()
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # ValueError: a number or date that is none
        raise _unreadable(path, type(error).__name__) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            "config_unreadable",
            f"The settings file {shown(path)} must hold `key: value` lines. Compare it with {DEFAULTS_FILE}.",
            f"设置文件 {shown(path)} 应由“键：值”组成。请对照 {DEFAULTS_FILE} 修改。",
        )
    return content


def _text(path: Path) -> str:
    """Raises SettingsError, OSError, UnicodeDecodeError."""
    if path.exists() and not path.is_file():  # reading a pipe may never end
        raise _unreadable(path, "no regular file")
    with path.open("rb") as file:
        content = file.read(_FILE_BYTES + 1)
    if len(content) > _FILE_BYTES:
        raise _unreadable(path, "too large")
    return content.decode()


def _unreadable(path: Path, why: str) -> SettingsError:
    most = f"{_FILE_BYTES // 1000} kB"
    return SettingsError(
        "config_unreadable",
        f"The settings file {shown(path)} cannot be read ({why}). It must be YAML in UTF-8 without aliases, at most "
        f"{most}. Check the path and compare it with {DEFAULTS_FILE}.",
        f"无法读取设置文件 {shown(path)}（{why}）。它应是不含别名、不超过 {most} 的 UTF-8 YAML 文件。"
        f"请检查路径，并对照 {DEFAULTS_FILE} 修改。",
    )
