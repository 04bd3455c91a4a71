"""One layer's keys and values in an arena: as the model computes them, or in 8 bits.

In 8 bits a value is a whole number times the scale of its token and head. Keys have large channels, most of all where
their projection has a bias, so a key's channels are first divided by what they reach in its block of BLOCK entries
(channels of keys, tokens of values: KIVI, Liu et al. 2024, arXiv 2402.02750). A block's reach comes from the tokens of
the forward that begins it, or, where they are few as in a step, from the block before: rotary embeddings turn large
channels into others as the text goes on. It never changes, so later entries make nobody quantise anew. The scale of its
token keeps a key within range that reaches farther than those did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import CacheLayerMixin

from glyph_demo.decoding.draft import DRAFTED

if TYPE_CHECKING:
    from glyph_demo.decoding.arena import KVArena

BLOCK = 64  # entries whose keys' channels share a reach: as many as a kernel reads at a time
MOST = 127  # of 8 bits
TINY = 1e-30  # a scale that zeros can be divided by
_FEW = DRAFTED + 2  # tokens, more than a step has; fewer are too few to tell what channels reach
_PART = 8192  # entries at a time in float32, on the way from 8 bits

Pair = tuple[torch.Tensor, torch.Tensor]


class ArenaLayer(CacheLayerMixin):
    """Keys and values, written in place behind the arena's length; at first of no entries."""

    is_compileable = False
    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, arena: KVArena, heads: int, dim: int, dtype: torch.dtype, device: torch.device | str) -> None:
        super().__init__()
        self._arena = arena
        self.is_initialized = True
        self.keys = self.values = torch.empty((1, heads, 0, dim), dtype=dtype, device=device)

    @staticmethod
    def nbytes_of(capacity: int, heads: int, dim: int, itemsize: int) -> int:
        """Bytes of so many entries where a number that the model computes with takes `itemsize`."""
        return 2 * capacity * heads * dim * itemsize

    def resize(self, capacity: int, length: int) -> None:
        """Have room for `capacity` entries, and keep `length` of them."""
        self.keys = _resized(self.keys, capacity, length)
        self.values = _resized(self.values, capacity, length)

    def put(self, at: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Write the keys and values (1, kv_heads, n, head_dim) of a step to the entries `at` (n,), int64, on the
        device, which follow those that there are."""
        self.keys.index_copy_(2, at, key)
        self.values.index_copy_(2, at, value)

    def upto(self, end: int) -> Pair:
        """Keys and values (1, kv_heads, end, head_dim) of the first `end` entries, as the model computes with them."""
        return self.keys[:, :, :end], self.values[:, :, :end]

    def parts(self, start: int, end: int) -> list[torch.Tensor]:
        """All that is kept of the entries from `start` to `end`, as views (1, kv_heads, n, ...)."""
        return [self.keys[:, :, start:end], self.values[:, :, start:end]]

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing: the arena allocates."""

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Pair:
        """Write (1, kv_heads, n, head_dim) keys and values; return those of all entries including them."""
        start, end = self._arena.length, self._arena.length + key_states.shape[2]
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        return self.upto(end)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._arena.length + query_length, 0

    def get_seq_length(self) -> int:
        return self._arena.length

    def get_max_length(self) -> int:
        return self._arena.maximum


class Int8Layer(ArenaLayer):
    """`keys` and `values` in 8 bits, with `key_scales` and `value_scales` (1, kv_heads, capacity), float32, and
    `reaches` (1, kv_heads, blocks, head_dim) in the model's dtype. What is not finite stays so."""

    def __init__(self, arena: KVArena, heads: int, dim: int, dtype: torch.dtype, device: torch.device | str) -> None:
        super().__init__(arena, heads, dim, torch.int8, device)
        self.key_scales = self.value_scales = torch.empty((1, heads, 0), dtype=torch.float32, device=device)
        self.reaches = torch.empty((1, heads, 0, dim), dtype=dtype, device=device)

    @staticmethod
    def nbytes_of(capacity: int, heads: int, dim: int, itemsize: int) -> int:
        return heads * (2 * capacity * (dim + 4) + blocks(capacity) * dim * itemsize)

    def resize(self, capacity: int, length: int) -> None:
        self.reaches = _resized(self.reaches, blocks(capacity), blocks(length), fill=1.0)
        self.key_scales = _resized(self.key_scales, capacity, length)
        self.value_scales = _resized(self.value_scales, capacity, length)
        super().resize(capacity, length)

    def put(self, at: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        # A step does not know in host memory where it writes, nor whether it begins a block.
        last, block = (at[:1] - 1).clamp(min=0) // BLOCK, at[-1:] // BLOCK
        reach = torch.where(block > last, self._reached(last, at[:1]), self.reaches.index_select(2, last))
        self.reaches.index_copy_(2, block, reach)
        self._write(at, key, value)

    def upto(self, end: int) -> Pair:
        keys, values = (
            torch.empty((1, codes.shape[1], end, codes.shape[3]), dtype=self.reaches.dtype, device=codes.device)
            for codes in (self.keys, self.values)
        )
        for start in range(0, end, _PART):
            part = slice(start, min(start + _PART, end))
            reaches = self.reaches[:, :, start // BLOCK : blocks(part.stop)].repeat_interleave(BLOCK, dim=2)
            scaled = self.keys[:, :, part].float().mul_(self.key_scales[:, :, part, None])
            keys[:, :, part] = scaled.mul_(reaches[:, :, : part.stop - start])
            values[:, :, part] = self.values[:, :, part].float().mul_(self.value_scales[:, :, part, None])
        return keys, values

    def parts(self, start: int, end: int) -> list[torch.Tensor]:
        """A block's reach goes with the entry that begins it: that of the block of `start` may be with those before."""
        scales = [self.key_scales[:, :, start:end], self.value_scales[:, :, start:end]]
        return [*super().parts(start, end), *scales, self.reaches[:, :, blocks(start) : blocks(end)]]

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Pair:
        """Write keys and values; return those of all entries, as they will be read from now on."""
        start, end = self._arena.length, self._arena.length + key_states.shape[2]
        at = torch.arange(start, end, device=key_states.device)
        last = end % BLOCK if blocks(end) > max(1, blocks(start)) else 0  # tokens in a block that this begins
        parts = [len(at) - last, last] if last < _FEW else [len(at), 0]
        (key, few_keys), (value, few_values) = (part.split(parts, dim=2) for part in (key_states, value_states))
        self._reach(key, start)
        self._write(at[: parts[0]], key, value)
        if parts[1]:
            self.put(at[parts[0] :], few_keys, few_values)
        return self.upto(end)

    def _reach(self, key: torch.Tensor, start: int) -> None:
        """Set the reaches of the blocks that keys (1, kv_heads, n, head_dim), from entry `start` on, begin."""
        first = blocks(start)
        begun = key[:, :, first * BLOCK - start :].abs()
        count = begun.shape[2]
        if not count:
            return
        last = begun[:, :, -1:].expand(-1, -1, -count % BLOCK, -1)  # changes no largest number
        reach = torch.cat([begun, last], dim=2).unflatten(2, (-1, BLOCK)).amax(3)
        # Numbers that happen to be small are not the channel's; only large channels are set apart.
        reach = torch.maximum(reach, reach.median(-1, keepdim=True).values).clamp_(min=torch.finfo(reach.dtype).tiny)
        self.reaches[:, :, first : first + reach.shape[2]] = reach

    def _reached(self, block: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        """What the entries of a `block` (1,) before `length` (1,) reach (1, kv_heads, 1, head_dim)."""
        at = (block * BLOCK + torch.arange(BLOCK, device=block.device)).clamp_(max=self.keys.shape[2] - 1)
        scales = self.key_scales.index_select(2, at).masked_fill(at >= length, 0.0)
        most = (self.keys.index_select(2, at).abs() * scales[..., None]).amax(2, keepdim=True)
        reach = (most * self.reaches.index_select(2, block)).to(self.reaches.dtype)
        return reach.clamp_(min=torch.finfo(reach.dtype).tiny)

    def _write(self, at: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        reaches = self.reaches.index_select(2, at // BLOCK)
        parts = ((self.keys, self.key_scales, key / reaches.float()), (self.values, self.value_scales, value.float()))
        for codes, scales, numbers in parts:
            scale = numbers.abs().amax(-1).clamp_(min=TINY) / MOST
            codes.index_copy_(2, at, (numbers / scale[..., None] + 0.5).floor_().to(torch.int8))
            scales.index_copy_(2, at, scale)


def blocks(entries: int) -> int:
    """Blocks that so many entries begin."""
    return -(-entries // BLOCK)


def _resized(old: torch.Tensor, size: int, kept: int, fill: float = 0.0) -> torch.Tensor:
    new = old.new_empty((*old.shape[:2], size, *old.shape[3:]))
    new[:, :, :kept] = old[:, :, :kept]
    new[:, :, kept:] = fill  # static attention weighs these with 0, and 0 times a number that is not finite is none
    return new
