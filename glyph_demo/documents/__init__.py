"""Uploads to Documents: `extract`."""

from glyph_demo.documents.extraction import extract

__all__ = ["extract"]
