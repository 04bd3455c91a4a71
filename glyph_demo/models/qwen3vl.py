"""Qwen3-VL: features of several of the tower's layers, interleaved M-RoPE, patches of 16 pixels."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from glyph_demo.models.base import unusable
from glyph_demo.models.budget import QWEN_PIXELS
from glyph_demo.models.family import Family
from glyph_demo.models.preprocessing import Preprocessing

_SECTIONS = [24, 20, 20]  # what `Qwen3VLTextRotaryEmbedding` takes where a config says nothing


def load_preprocessing(folder: Path) -> Preprocessing:
    """The preprocessing of a checkpoint. Raises what transformers raises for settings that are none."""
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    fitting_size = partial(
        smart_resize,
        factor=processor.patch_size * processor.merge_size,
        min_pixels=int(processor.size["shortest_edge"]),
        max_pixels=min(QWEN_PIXELS, int(processor.size["longest_edge"])),
    )
    return Preprocessing.of(processor, fitting_size)


def check_rope(config: Any) -> None:
    """The sections say how many of a head's frequencies turn by time, row and column. transformers deals them out in
    turn whatever `mrope_interleaved` says, over the whole head. Writes its default into a config without them. Raises
    EngineError `model_unusable`."""
    rope = config.rope_parameters = {"mrope_section": _SECTIONS, **(config.rope_parameters or {})}
    sections = rope["mrope_section"]
    if len(sections) != 3 or 2 * sum(sections) != config.head_dim or not rope.get("mrope_interleaved", True):
        raise unusable(
            "its config.json lacks a fitting mrope_section, or has one that is not interleaved",
            "config.json 缺少匹配的 mrope_section，或其排列不是交错的",
        )


# The template of the Thinking editions begins the thought; the Instruct editions have none.
QWEN3VL = Family(load_preprocessing, check_config=check_rope, thinks=False, page_style="clear")
