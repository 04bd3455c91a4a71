"""Glyph Demo: questions about long documents, answered by a model that reads the pages as pixels."""

__version__ = "0.2.0"

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime keeps a number for this device in ~/.cache/Microsoft and sends events to its makers, unless this is set
# before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from glyph_demo.notebook import App


def launch(config: str | None = None, **settings: Any) -> "App":
    """Start the app from a notebook or a script, see `glyph_demo.notebook.launch`."""
    from glyph_demo.notebook import launch as start

    return start(config, **settings)
