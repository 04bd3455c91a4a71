"""What a Hugging Face Space with ZeroGPU cannot do, and saying so."""

from __future__ import annotations

import os

from glyph_demo.errors import Message

# The card is lent for single calls, each in a worker of its own that ends with it: no tensor stays on it.
CANNOT_PERSIST = Message(
    "This Space lends its GPU for single calls only (ZeroGPU). Features, keys and values cannot stay on the card, so "
    "the engine pocket answers on the processor, and what it read is gone when the Space sleeps. For the full engine, "
    "duplicate the Space to hardware of its own.",
    "此 Space 的 GPU 仅按次借用(ZeroGPU)，特征与键值缓存无法留在显卡上，因此由 pocket 引擎在处理器上回答；"
    "Space 休眠后已读内容会丢失。如需完整引擎，请把 Space 复制到专用硬件。",
)


def limits() -> Message | None:
    """What to tell people who open the window; None where nothing is missing."""
    return CANNOT_PERSIST if os.environ.get("SPACES_ZERO_GPU") else None
