"""GLM-GA: GLM-4.6V's model, and pages whose sides are multiples of several merged patches."""

from __future__ import annotations

from pathlib import Path

from transformers.models.glmga.image_processing_pil_glmga import GlmgaImageProcessorPil

from glyph_demo.models.family import Family
from glyph_demo.models.glm4v import check_rope, preprocessing_of
from glyph_demo.models.preprocessing import Preprocessing


def load_preprocessing(folder: Path) -> Preprocessing:
    """The preprocessing of a checkpoint. Raises what transformers raises for settings that are none."""
    processor = GlmgaImageProcessorPil.from_pretrained(folder, local_files_only=True)
    # As `GlmgaImageProcessor` does; this one, in transformers 5.24, leaves the factor out.
    return preprocessing_of(processor, processor.patch_expand_factor)


GLMGA = Family(load_preprocessing, check_config=check_rope)
