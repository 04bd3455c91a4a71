"""Glyph and its siblings: GLM-4.1V-9B-Thinking, GLM-4.6V-Flash."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil, smart_resize

from glyph_demo.models.base import unusable
from glyph_demo.models.family import Family
from glyph_demo.models.preprocessing import Preprocessing

_ROPE_DEFAULTS = {"mrope_section": [8, 12, 12], "partial_rotary_factor": 1.0}


def preprocessing_of(processor: Any, expand: int = 1) -> Preprocessing:
    """The preprocessing that a processor of transformers does, `Glm4vImageProcessorPil` or one like it; sides of pages
    are multiples of `expand` merged patches."""
    fitting_size = partial(
        smart_resize,
        processor.temporal_patch_size,
        temporal_factor=processor.temporal_patch_size,
        factor=processor.patch_size * processor.merge_size * expand,
        min_pixels=int(processor.size["shortest_edge"]),
        max_pixels=int(processor.size["longest_edge"]),
    )
    return Preprocessing.of(processor, fitting_size)


def load_preprocessing(folder: Path) -> Preprocessing:
    """The preprocessing of a checkpoint. Raises what transformers raises for settings that are none."""
    return preprocessing_of(Glm4vImageProcessorPil.from_pretrained(folder, local_files_only=True))


def check_rope(config: Any) -> None:
    """`check_sections` where the model computes the width of a head, as Glm4vTextAttention does, and would not take
    another. Raises EngineError `model_unusable`."""
    head = config.hidden_size // config.num_attention_heads
    if (getattr(config, "head_dim", None) or head) != head:
        raise unusable(
            "the head_dim in its config.json is not hidden_size / num_attention_heads",
            "config.json 中的 head_dim 不等于 hidden_size / num_attention_heads",
        )
    check_sections(config, head)


def check_sections(config: Any, head: int) -> None:
    """Two facts decide how positions are written into keys: the share of each head that is rotated, and how time, row
    and column divide it. Where a config lacks one, transformers takes a default (`Glm4vTextRotaryEmbedding`), and Glyph
    would answer nonsense with it: the two must fit each other, and heads of width `head`. Writes the defaults taken
    into the config. Raises EngineError `model_unusable`."""
    rope = config.rope_parameters = {**_ROPE_DEFAULTS, **(config.rope_parameters or {})}
    sections, share = rope["mrope_section"], rope["partial_rotary_factor"]
    if len(sections) != 3 or 2 * sum(sections) != int(head * share):
        raise unusable(
            "its config.json lacks a fitting mrope_section or partial_rotary_factor",
            "config.json 缺少匹配的 mrope_section 或 partial_rotary_factor",
        )


GLM4V = Family(load_preprocessing, check_config=check_rope)
