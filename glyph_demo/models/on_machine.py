"""Checkpoints that are on this machine already: what this app has downloaded, and the caches of other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from glyph_demo.models.sources import ON_MODELSCOPE
from glyph_demo.models.weights import is_whole

UNFINISHED = ".unfinished"  # a file in the folder of a download that has not come to its end


def own_folder(model: str, cache_dir: Path) -> Path:
    """Where this app puts the model with this hub id."""
    return cache_dir / model.replace("/", "--")


def find_on_machine(model: str, cache_dir: Path) -> Path | None:
    """A folder with the whole checkpoint of a hub id; None if there is none. Makes no request."""
    return next((folder for folder in _places(model, cache_dir) if is_whole(folder)), None)


def begun(model: str, cache_dir: Path) -> int:
    """Bytes of a download of the model that has not come to its end; 0 if there is none."""
    own = own_folder(model, cache_dir)
    try:
        return sum(path.stat().st_size for path in own.iterdir()) if (own / UNFINISHED).exists() else 0
    except OSError:  # it is just ending
        return 0


def _places(model: str, cache_dir: Path) -> Iterator[Path]:
    own = own_folder(model, cache_dir)
    if not (own / UNFINISHED).exists():
        yield own
    for cache in (cache_dir / "hub", _hub_cache()):
        yield from _snapshots(model, cache)
    yield from _modelscope_folders(ON_MODELSCOPE.get(model, model))


def _snapshots(model: str, cache: Path) -> Iterator[Path]:
    """The revisions of a model in a cache of the hub's client, that of `main` first. The layout:
    https://huggingface.co/docs/huggingface_hub/guides/manage-cache"""
    folder = cache / f"models--{model.replace('/', '--')}"
    try:
        main = (folder / "refs" / "main").read_text(encoding="ascii").strip()
        found = sorted((folder / "snapshots").iterdir(), key=lambda path: path.name != main)
    except (OSError, ValueError):
        return
    yield from found


def _hub_cache() -> Path:
    set_to = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "huggingface"
    return _expanded(set_to) if set_to else _expanded(home) / "hub"


def _modelscope_folders(model: str) -> Iterator[Path]:
    """Where ModelScope's clients keep a model: under `hub` unless MODELSCOPE_CACHE is set, older ones without `models`,
    and with `___` for dots in the name."""
    root = os.environ.get("MODELSCOPE_CACHE")
    base = _expanded(root) if root else _home() / ".cache" / "modelscope"
    owner, _, name = model.partition("/")
    for above in (base / "hub" / "models", base / "hub", base / "models", base):
        for spelt in dict.fromkeys((name.replace(".", "___"), name)):
            yield above / owner / spelt


def _home() -> Path:
    return _expanded("~")


def _expanded(path: str | Path) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(path)))
