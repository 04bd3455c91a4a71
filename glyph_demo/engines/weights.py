"""The weights of the engine local: whether they are on this machine, and having them downloaded."""

from __future__ import annotations

from pathlib import Path

from glyph_demo.errors import EngineError
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.budget import Shape
from glyph_demo.models.download import AUTO_BYTES, HUB_PATTERN, fetched, hub_id, missing
from glyph_demo.models.on_machine import begun, find_on_machine
from glyph_demo.models.sources import likely
from glyph_demo.settings import Settings

AUTO_SIZE = int(AUTO_BYTES)  # of the model `auto`, in bytes


def models_folder(settings: Settings) -> Path:
    """Where models that are downloaded are kept."""
    return settings.cache_path / "models"


def weights_here(settings: Settings) -> Path | None:
    """The folder with the whole model that `settings.model` names; None if it is not on this machine. Makes no
    request."""
    model = hub_id(settings.model)
    try:
        folder = Path(model).expanduser()
        return folder if folder.is_dir() else find_on_machine(model, models_folder(settings))
    except (OSError, RuntimeError, ValueError):  # too long a name, no home folder, a null byte
        return None


def model_name(model: str) -> str:
    """What the setting `model` is called among people: a hub id, or the name of a folder."""
    folder = Path(hub_id(model)).expanduser()
    return folder.name if folder.is_dir() else hub_id(model)


def bytes_here(settings: Settings) -> int:
    """Bytes of a download of the model that was begun and has not come to its end."""
    return begun(hub_id(settings.model), models_folder(settings))


def still_to_come(size: int, settings: Settings) -> int:
    """Bytes that a download of the model, which is of this `size`, has still to fetch."""
    return max(1, size - bytes_here(settings))


def download_weights(settings: Settings, progress: LoadProgress) -> Path:
    """Have the model on this machine. Raises EngineError, see `fetched`, and what `progress` raises."""
    return fetched(_named(settings), models_folder(settings), progress, settings.model_source)


def look_up(settings: Settings) -> tuple[int, Shape]:
    """The bytes of a download of the model, and its shape. Raises EngineError, see `models.ahead.on_hub`."""
    from glyph_demo.models import ahead  # imports torch

    return ahead.on_hub(_named(settings), models_folder(settings), settings.model_source)


def look_in(folder: Path) -> tuple[int, Shape] | None:
    """The bytes of the weights in a folder, and the model's shape; None where it holds no model that can be used."""
    try:
        if not (folder / "config.json").is_file():
            return None
        from glyph_demo.models import ahead  # imports torch

        return ahead.in_folder(folder)
    except (EngineError, OSError):
        return None


def _named(settings: Settings) -> str:
    """The model's hub id. Raises EngineError `model_missing` if its name cannot be one."""
    model = hub_id(settings.model)
    if not HUB_PATTERN.fullmatch(model):
        raise missing(model)
    return model


def check_folder(folder: Path) -> None:
    """Raises EngineError where the model in a folder is of a kind that the engine does not run."""
    from glyph_demo.models import ahead  # imports torch

    ahead.check_folder(folder)


def is_on_hub(model: str) -> bool:
    """Whether the setting `model` has the form of a hub id and is no folder here."""
    return bool(HUB_PATTERN.fullmatch(hub_id(model))) and not Path(hub_id(model)).expanduser().exists()


def download_hosts(settings: Settings) -> list[str]:
    """Names of the servers that a download would try, as far as that is known without asking them."""
    return [source.host for source in likely(settings.model_source, hub_id(settings.model), models_folder(settings))]
