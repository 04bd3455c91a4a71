"""What tokens in the arena attended to, found again from the keys that are there: the forward that decoding ran keeps
no attention weights, and keeping them would slow every step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from glyph_demo.decoding.arena import KVArena, Mark

if TYPE_CHECKING:
    from glyph_demo.decoding.decoder import Decoder

BLOCK = 64  # tokens a forward: the caller can stop between two
WEIGHTS = 1 << 25  # attention weights in memory at a time, 128 MB in float32

Observer = Callable[[int, torch.Tensor, torch.Tensor, float], None]
"""Takes a layer's index, its queries (1, heads, n, head_dim), keys (1, kv_heads, entries, head_dim) and scale."""


class Seen(Exception):
    """Raised by an observer that needs no later layer."""


def attention(
    decoder: Decoder, arena: KVArena, start: Mark, ids: Sequence[int], layers: Collection[int], entries: int
) -> Iterator[torch.Tensor]:
    """The mean attention (entries,), float32, that the text tokens `ids`, whose entries are in the arena from `start`
    on, pay to its first `entries` entries: over tokens, heads and `layers`. It comes in parts to be added up, one a
    block of tokens. Nothing is written to the arena, and no layer behind the last of `layers` is computed."""
    last = max(layers)
    for begin in range(0, len(ids), BLOCK):
        part = torch.zeros(entries, device=decoder.device)
        block = ids[begin : begin + BLOCK]

        def observe(layer: int, query: torch.Tensor, keys: torch.Tensor, scale: float, part: Any = part) -> None:
            if layer in layers:
                part += attention_sums(query[0], keys[0], scale, entries) / query.shape[1]
            if layer == last:
                raise Seen

        decoder.observe(arena, Mark(start.length + begin, start.position + begin), block, observe)
        yield part / (len(ids) * len(layers))


def attention_sums(query: torch.Tensor, keys: torch.Tensor, scale: float, entries: int) -> torch.Tensor:
    """Attention weights summed over heads and queries (entries,), float32. The n queries (heads, n, head_dim) are those
    of the last n keys (kv_heads, total, head_dim); each sees the keys up to its own."""
    heads, n, _ = query.shape
    total, group = keys.shape[1], heads // keys.shape[0]
    own = torch.arange(total - n, total, device=keys.device)[:, None]
    ahead = torch.arange(total, device=keys.device) > own
    sums = torch.zeros(entries, device=keys.device)
    step = max(1, WEIGHTS // (group * total))
    for kv, rows in enumerate(query.split(group)):
        for first in range(0, n, step):
            scores = (rows[:, first : first + step] @ keys[kv].T).float() * scale
            weights = scores.masked_fill_(ahead[first : first + step], -torch.inf).softmax(-1)
            sums += weights[..., :entries].sum((0, 1))
    return sums


class ReadOnlyCache(Cache):
    """The arena's entries, as the cache of `count` tokens that are already in it from entry `start` on: nothing is
    written."""

    def __init__(self, arena: KVArena, start: int, count: int) -> None:
        super().__init__(layers=[_ReadOnlyLayer(layer, start, count) for layer in arena.layers])


class _ReadOnlyLayer(CacheLayerMixin):
    is_compileable = False
    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, layer: Any, start: int, count: int) -> None:
        super().__init__()
        self._start, self._end = start, start + count
        self._layer = layer
        self.is_initialized = True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing: the entries are there."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        kept: tuple[torch.Tensor, torch.Tensor] = self._layer.upto(self._end)
        return kept

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._end, 0

    def get_seq_length(self) -> int:
        return self._start

    def get_max_length(self) -> int:
        return self._end
