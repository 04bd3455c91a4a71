"""What a model is, told before it is downloaded or loaded: its kind, its bytes and its shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from glyph_demo.models.base import unusable
from glyph_demo.models.budget import GLYPH, Shape, tokens_that_fit
from glyph_demo.models.checkpoint import check_kind
from glyph_demo.models.download import listed
from glyph_demo.models.families import FAMILIES
from glyph_demo.models.sources import ModelSource
from glyph_demo.models.weights import read_json, weight_files

_ITEMSIZE = 2  # of a weight whose dtype config.json does not name
_LABELS = ("num_labels", "id2label")  # of classifiers: transformers writes out as many names as they say


def on_hub(model: str, cache_dir: Path, source: ModelSource) -> tuple[int, Shape]:
    """The bytes of a hub id's files, and the shape that follows from them and config.json. Nothing else is downloaded.
    Raises EngineError: those of `listed`, `model_unsupported` and `model_unusable`."""
    files, config = listed(model, cache_dir, source)
    check_kind(config, model, frozenset(FAMILIES))
    weights = sum(file.size for file in files if file.name.endswith(".safetensors"))
    return sum(file.size for file in files), _shape(config, weights)


def in_folder(folder: Path) -> tuple[int, Shape]:
    """The bytes of the weights in a folder, and the shape that follows from them and config.json. No weights are read.
    Raises EngineError `model_incomplete`, `model_unsupported` and `model_unusable`, and OSError."""
    config = read_json(folder / "config.json")
    check_kind(config, folder.name, frozenset(FAMILIES))
    weights = sum(file.stat().st_size for file in weight_files(folder))
    return weights, _shape(config, weights)


def check_folder(folder: Path) -> None:
    """Raises EngineError `model_unsupported` or, without a config.json, `model_incomplete`."""
    check_kind(read_json(folder / "config.json"), folder.name, frozenset(FAMILIES))


def _shape(config: dict[str, Any], weights: int) -> Shape:
    """How large pages may be stands in another file: they are taken for Glyph's."""
    try:
        found = CONFIG_MAPPING[config["model_type"]].from_dict(_without_labels(config))
        itemsize = getattr(found.dtype, "itemsize", _ITEMSIZE)
        text, vision = found.get_text_config().to_dict(), found.vision_config.to_dict()
        shape = Shape(weights // itemsize, text, vision, GLYPH.patches)
        tokens_that_fit(shape.within(1), "int4", 0)  # with numbers that nothing follows from it ends here
    except Exception as error:  # whatever transformers raises for a config that is none
        raise unusable(type(error).__name__, type(error).__name__) from error
    return shape


def _without_labels(config: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_labels(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name not in _LABELS
    }
