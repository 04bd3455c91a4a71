"""GLM-OCR: GLM-4's layers with heads of a width of their own, for reading documents out."""

from __future__ import annotations

from typing import Any

from glyph_demo.models.family import Family
from glyph_demo.models.glm4v import check_sections, load_preprocessing


def check_rope(config: Any) -> None:
    """See `check_sections`. Raises EngineError `model_unusable`."""
    check_sections(config, getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


GLM_OCR = Family(load_preprocessing, check_config=check_rope, thinks=False, page_style="clear")
