"""The engine that asks an OpenAI-compatible server: pages are drawn here, read there."""

from glyph_demo.engines.remote.engine import RemoteEngine

__all__ = ["RemoteEngine"]
