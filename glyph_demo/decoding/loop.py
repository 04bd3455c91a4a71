"""Prefill and decode: tokens into the arena in chunks, and out of it one at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Set
from typing import Literal

import torch

from glyph_demo.decoding.arena import KVArena, Mark
from glyph_demo.decoding.decoder import Decoder, Segment, text
from glyph_demo.decoding.draft import Drafter
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
    return hidden[-1]


def decode(
    decoder: Decoder,
    arena: KVArena,
    hidden: torch.Tensor,
    sampler: Sampler,
    stop_ids: Set[int],
    max_tokens: int,
    answer: list[int],
    drafter: Drafter | None = None,
) -> Generator[int, None, Reason]:
    """Yield the tokens that follow `hidden`, the hidden state of the arena's last entry, and return why they ended.

    Every token is appended to `answer`, which begins empty, before it is yielded. Its entry counts in the arena once
    the token after it is asked for, so the last token of an answer is in `answer` and not in the arena: whoever owns
    `answer` hands it in again with the next prompt. A stop id is neither yielded nor appended. Closing the generator
    computes nothing more. It ends with `length` at `max_tokens` and where the arena is at its maximum.

    What `drafter` drafts is run together with the last token. Each token is chosen from its own logits, exactly as
    without a draft; while it is the drafted one, the logits behind it hold. For a draft that names one token with
    certainty this is the rejection rule of speculative sampling (Leviathan et al. 2023, arXiv 2211.17192, section 2.3):
    a token drawn from p is the drafted one with its probability in p, and else is distributed as p without it."""
    rows = hidden[None]
    draft: list[int] = []
    while len(answer) < max_tokens:
        logits = decoder.logits(rows)
        for i in range(len(rows)):
            if i:
                arena.advance(1, arena.position + 1)  # what was drafted here came true: its entry counts
            token = sampler(logits[i], answer)
            if token in stop_ids:
                return "stop"
            answer.append(token)
            if drafter is not None:
                drafter.take(token)
            yield token
            if i < len(draft) and token != draft[i]:
                break
        if len(answer) == max_tokens or arena.length == arena.maximum:
            break
        arena.reserve(arena.length + 1)
        # A draft takes no memory that the answer itself would not take.
        most = min(arena.capacity - arena.length, max_tokens - len(answer)) - 1
        draft = [] if drafter is None else drafter.draft(most)
        rows = _run(decoder, arena, [answer[-1], *draft])
    return "length"


def _run(decoder: Decoder, arena: KVArena, ids: list[int]) -> torch.Tensor:
    """Hidden states (n, hidden) of n consecutive tokens behind the arena's entries. Only the first one counts in the
    arena: the others are drafts, whose keys and values stand ready behind its length."""
    before, segment = arena.mark(), text(ids)
    rows = decoder.extend(arena, decoder.embed(segment), decoder.positions(segment) + arena.position)
    arena.rollback(Mark(before.length + 1, before.position + 1))
    return rows
