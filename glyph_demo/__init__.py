"""Glyph Demo: questions about long documents, answered by a model that reads the pages as pixels."""

__version__ = "0.2.0"

from typing import TYPE_CHECKING, Any

from glyph_demo.process import forbid_telemetry

forbid_telemetry()

if TYPE_CHECKING:
    from glyph_demo.notebook import App


def launch(config: str | None = None, **settings: Any) -> "App":
    """Start the app from a notebook or a script, see `glyph_demo.notebook.launch`."""
    from glyph_demo.notebook import launch as start

    return start(config, **settings)
