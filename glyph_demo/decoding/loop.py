"""Prefill and decode: tokens into the arena in chunks, and out of it one at a time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Set
from typing import Literal

import torch

from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, Segment
from glyph_demo.decoding.draft import Drafter
from glyph_demo.decoding.sampling import NonFiniteLogits, Sampler

Reason = Literal["stop", "length", "stopped"]


def prefill(decoder: Decoder, arena: KVArena, segment: Segment) -> torch.Tensor:
    """Put the n >= 1 tokens of `segment` behind the arena's entries. Returns the last one's hidden state (hidden,).
    Raises GlyphError `context_full` before computing anything."""
    for _, hidden in prefilling(decoder, arena, segment):
        last = hidden[-1]
    return last


def prefilling(decoder: Decoder, arena: KVArena, segment: Segment) -> Iterator[tuple[int, torch.Tensor]]:
    """`prefill` in steps: after every forward how many tokens it took and their hidden states (n, hidden). Closing it
    stops between two. Where it is closed or a forward fails, what was computed before stays in the arena."""
    arena.reserve(arena.length + len(segment.ids))
    embeds, positions = decoder.embed(segment), decoder.positions(segment) + arena.position
    start = 0
    while start < len(segment.ids):
        end = min(start + decoder.forward_tokens(arena.length), len(segment.ids))
        yield end - start, decoder.extend(arena, embeds[start:end], positions[:, start:end])
        start = end


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

    Every token is appended to `answer`, which begins empty, before it is yielded. All answer tokens but the
    last have their keys and values in the arena; on CUDA, where the next step already runs while a token is read, the
    last may have them too. The next prompt contains `answer` again. A stop id is
    neither yielded nor appended. Closing the generator computes nothing more. It ends with `length` at `max_tokens` and
    where the arena is at its maximum. Raises NonFiniteLogits."""
    if max_tokens <= 0:
        return "length"
    logits = decoder.logits(hidden[None])
    try:
        if drafter is None:
            return (yield from _plain(decoder, arena, logits, sampler, stop_ids, max_tokens, answer))
        return (yield from _drafting(decoder, arena, logits, sampler, stop_ids, max_tokens, answer, drafter))
    finally:
        decoder.leave(arena)


def _plain(
    decoder: Decoder,
    arena: KVArena,
    logits: torch.Tensor,
    sampler: Sampler,
    stop_ids: Set[int],
    max_tokens: int,
    answer: list[int],
) -> Generator[int, None, Reason]:
    """One token a step. Where the decoder runs ahead, a token goes into the next step without the host having seen it:
    that it was a stop id is found one step late, and taken back. The first token waits for no step: that may be one
    that has yet to be captured."""
    while True:
        choice = sampler(logits[0])
        before = arena.mark()
        more = len(answer) + 1 < max_tokens and arena.length < arena.maximum
        ahead = decoder.ahead and bool(answer)
        if more and ahead:
            logits = decoder.step(arena, choice.token[None])
        token = choice.read()
        if token in stop_ids:
            arena.rollback(before)
            return "stop"
        answer.append(token)
        yield token
        if not more:
            return "length"
        if not ahead:
            logits = decoder.step(arena, [token])


def _drafting(
    decoder: Decoder,
    arena: KVArena,
    logits: torch.Tensor,
    sampler: Sampler,
    stop_ids: Set[int],
    max_tokens: int,
    answer: list[int],
    drafter: Drafter,
) -> Generator[int, None, Reason]:
    """What `drafter` drafts is run together with the last token. Each token is chosen from its own logits, exactly as
    without a draft; while it is the drafted one, the logits behind it hold. For a draft that names one token with
    certainty this is the rejection rule of speculative sampling (Leviathan et al. 2023, arXiv 2211.17192, section 2.3):
    a token drawn from p is the drafted one with its probability in p, and else is distributed as p without it."""
    draft: list[int] = []

    def run() -> torch.Tensor:
        nonlocal draft
        arena.reserve(arena.length + 1)
        # A draft takes no memory that the answer itself would not take.
        most = min(arena.capacity - arena.length, max_tokens - len(answer)) - 1
        draft = drafter.draft(most)
        began = time.perf_counter()
        logits = decoder.step(arena, _there(decoder, [answer[-1], *draft]))
        if not decoder.ahead:
            drafter.costs.took(len(draft), time.perf_counter() - began)
        return logits

    while True:
        for i, token in enumerate(sampler.together(logits)):
            if i:
                arena.advance(1, arena.position + 1)  # what was drafted here came true: its entry counts
            if token < 0:
                raise NonFiniteLogits
            if token in stop_ids:
                return "stop"
            answer.append(token)
            drafter.take(token)
            if i == len(draft) or token != draft[i]:
                sampler.keep(i + 1)
                break
            yield token
        more = len(answer) < max_tokens and arena.length < arena.maximum
        ahead = decoder.ahead and len(answer) > 1
        if more and ahead:
            logits = run()
        yield token
        if not more:
            return "length"
        if not ahead:
            logits = run()


def _there(decoder: Decoder, ids: list[int]) -> torch.Tensor | list[int]:
    """Token ids on their way to a CUDA device, through pinned memory, so that nothing waits."""
    if decoder.device.type != "cuda":
        return ids
    return torch.tensor(ids).pin_memory().to(decoder.device, non_blocking=True)
