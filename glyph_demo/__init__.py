"""Glyph Demo: questions about long documents, answered by a model that reads the pages as pixels."""

__version__ = "0.1.0"
