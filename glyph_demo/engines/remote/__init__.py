"""The engine that draws pages here and has an OpenAI-compatible server read them."""

from glyph_demo.engines.remote.engine import RemoteEngine

__all__ = ["RemoteEngine"]
