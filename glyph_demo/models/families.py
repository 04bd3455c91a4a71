"""The families of vision-language models that the engine `local` runs. A new one is a file like `glm4v.py` and a line
here."""

from __future__ import annotations

from glyph_demo.models.family import Family
from glyph_demo.models.glm4v import GLM4V
from glyph_demo.models.glmga import GLMGA
from glyph_demo.models.glmocr import GLM_OCR
from glyph_demo.models.qwen3vl import QWEN3VL

FAMILIES: dict[str, Family] = {
    "glm4v": GLM4V,
    "glm46v": GLM4V,
    "glmga": GLMGA,
    "glm_ocr": GLM_OCR,
    "qwen3_vl": QWEN3VL,
}
