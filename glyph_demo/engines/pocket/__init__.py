"""The embedded engine `pocket`: OCR, retrieval and a small language model."""

from glyph_demo.engines.pocket.engine import PocketEngine

__all__ = ["PocketEngine"]
