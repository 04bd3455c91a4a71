"""The most memory that reading and answering need for a moment, measured on the GPU before documents get the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.loop import prefill
from glyph_demo.errors import ran_out_of_memory
from glyph_demo.models.budget import EVIDENCE_WEIGHTS
from glyph_demo.models.vision_language import VisionLanguageModel
from glyph_demo.rendering.style import MAX_SIDE

log = logging.getLogger(__name__)


def most_held(model: VisionLanguageModel, decoder: Decoder, page: tuple[int, int]) -> int:
    """Bytes of the largest page that there is in the vision tower, and beside it of a prefill forward or of the search
    for evidence. Pages that go through the tower together take less, see `budget.TOWER_PATCHES`. Tower and forward are
    measured, the search is calculated. `page` is the height and width of a usual page, whose kernels are tuned on the
    way."""
    device = model.transfer.device
    tower = _taken(device, partial(_encode_blank, model, *page))  # by the runtime that reads such pages
    try:
        tower = max(tower, _taken(device, partial(_encode_blank, model, MAX_SIDE, MAX_SIDE)))
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        log.warning("no memory for a page of the largest size: for one, other documents will have to give theirs")
    arena = decoder.arena()
    forward = _taken(device, partial(_prefill_noise, decoder, arena)) - arena.nbytes
    arena.free()
    torch.cuda.empty_cache()
    return tower + max(forward, EVIDENCE_WEIGHTS * (model.dtype.itemsize + 8))


def _taken(device: torch.device, work: Callable[[], None]) -> int:
    """The most bytes that `work` holds on the GPU at a time, those that it leaves behind included."""
    torch.cuda.synchronize(device)  # weights were made on another stream than the one that encodes
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return int(torch.cuda.max_memory_allocated(device) - before)


def _encode_blank(model: VisionLanguageModel, height: int, width: int) -> None:
    blank = np.full((height, width), 255, np.uint8)
    ahead = model.preprocess_page(blank)  # as the next page is while one is encoded
    model.encode(blank)
    del ahead


def _prefill_noise(decoder: Decoder, arena: KVArena) -> None:
    prefill(decoder, arena, text([0] * min(decoder.chunk, arena.maximum - 1)))
    decoder.step(arena, [0])
