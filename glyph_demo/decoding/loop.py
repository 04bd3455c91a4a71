"""Prefill and decode: tokens into the arena in chunks, and out of it one at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Set
from typing import Literal

import torch

from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, Segment, text
from glyph_demo.decoding.sampling import Sampler

CHUNK = 512  # tokens a forward: large enough to keep matrix products efficient, small enough to stop between two

Reason = Literal["stop", "length", "stopped"]


def prefill(
    decoder: Decoder, arena: KVArena, segment: Segment, progress: Callable[[int], None] | None = None
) -> torch.Tensor:
    """Put the n >= 1 tokens of `segment` behind the arena's entries. Returns the last one's hidden state (hidden,).

    `progress` is called with the tokens done after every chunk; it may raise to stop there, and what was computed by
    then stays in the arena. Raises GlyphError `context_full` before computing anything."""
    arena.reserve(arena.length + len(segment.ids))
    embeds, positions = decoder.embed(segment), decoder.positions(segment) + arena.position
    for start in range(0, len(segment.ids), CHUNK):
        hidden = decoder.extend(arena, embeds[start : start + CHUNK], positions[:, start : start + CHUNK])
        if progress is not None:
            progress(min(start + CHUNK, len(segment.ids)))
    return hidden


def decode(
    decoder: Decoder,
    arena: KVArena,
    hidden: torch.Tensor,
    sampler: Sampler,
    stop_ids: Set[int],
    max_tokens: int,
    answer: list[int],
) -> Generator[int, None, Reason]:
    """Yield the tokens that follow `hidden`, the hidden state of the arena's last entry, and return why they ended.

    Every token is appended to `answer` before it is yielded. It enters the arena at the beginning of the next step, so
    the last token of an answer is in `answer` and not in the arena: whoever owns `answer` hands it in again with the
    next prompt. A stop id is neither yielded nor appended. Closing the generator computes nothing more. It ends with
    `length` at `max_tokens` and where the arena is at its maximum."""
    for step in range(max_tokens):
        if step:
            if arena.length == arena.maximum:
                break
            hidden = prefill(decoder, arena, text(answer[-1:]))
        token = sampler(decoder.logits(hidden), answer)
        if token in stop_ids:
            return "stop"
        answer.append(token)
        yield token
    return "length"
