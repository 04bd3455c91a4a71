"""What to tell people about a Hugging Face Space with ZeroGPU, which cannot keep anything on its GPU."""

from __future__ import annotations

import os

from glyph_demo.errors import Message

# ZeroGPU runs each call in a worker process that ends with it, so no tensor stays on the GPU.
CANNOT_PERSIST = Message(
    "This Space lends its GPU for single calls only (ZeroGPU). Features, keys and values cannot stay on the card, so "
    "the engine pocket answers on the processor, and what it read is gone when the Space sleeps. For the full engine, "
    "duplicate the Space to hardware of its own.",
    "此 Space 的 GPU 仅按次借用（ZeroGPU），特征与键值缓存无法留在显卡上，因此由 pocket 引擎在处理器上回答；"
    "Space 休眠后已读内容会丢失。如需完整引擎，请把 Space 复制到专用硬件。",
)


def limits() -> Message | None:
    """What to tell people who open the window; None outside of ZeroGPU."""
    return CANNOT_PERSIST if os.environ.get("SPACES_ZERO_GPU") else None
