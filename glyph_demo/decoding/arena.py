"""The KV arena: keys and values of one sequence in preallocated tensors that a transformers model writes into in place.

The arena knows neither token ids nor what its entries mean. It counts entries (`length`) and the position that the
next text token takes (`position`), which differ where M-RoPE gives an image fewer positions than tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from weakref import WeakSet

import torch
from transformers.cache_utils import Cache

from glyph_demo.decoding.layers import ArenaLayer, Int8Layer
from glyph_demo.errors import GlyphError

BLOCK = 256  # entries; capacities are multiples of it
STEPS = 4  # capacities from one power of two to the next: at most a fifth of the arena is empty

Growth = Callable[[int], AbstractContextManager[None]]


def unbudgeted(extra: int) -> AbstractContextManager[None]:
    """Growth that nobody counts."""
    return nullcontext()


class Mark(NamedTuple):
    """A place in the arena to roll back to: entries before it, and the next position there."""

    length: int
    position: int


START = Mark(0, 0)


class Watch:
    """Whether the entries of an arena before `end` are still those that they were: `whole` is False from before any of
    them is forgotten. Who copies them on another thread looks afterwards whether the copy is of any use."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.whole = True


def bucket(entries: int) -> int:
    """The capacity for so many entries: few different ones, and none far over what is needed, because a CUDA graph is
    of one capacity and reads all of it for every token."""
    step = max(BLOCK, (1 << (entries - 1).bit_length()) // 2 // STEPS)
    return -(-entries // step) * step


def context_full(needed: int, maximum: int) -> GlyphError:
    return GlyphError(
        "context_full",
        f"The conversation needs {needed} tokens and there is room for {maximum}. Undo some turns or use less text.",
        f"对话需要 {needed} 个词元，但最多只能容纳 {maximum} 个。请撤销几轮对话或缩短文本。",
    )


class KVArena:
    """Keys and values of `layers` layers, batch 1, each tensor (1, kv_heads, capacity, head_dim), in `dtype` or, with
    `int8`, in 8 bits.

    `cache` is what a transformers model takes as its cache. A forward writes its n entries behind `length` and
    leaves `length` alone; `advance` makes them count, so a forward that fails has changed nothing. Capacity grows in
    `reserve` only, up to `maximum` entries, inside the context that `growth` gives for the bytes about to be added; a
    memory budget makes room there, or raises."""

    def __init__(
        self,
        layers: int,
        kv_heads: int,
        head_dim: int,
        maximum: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        growth: Growth = unbudgeted,
        int8: bool = False,
    ) -> None:
        self.maximum = maximum
        self.length = 0
        self.position = 0
        self._growth = growth
        kind = Int8Layer if int8 else ArenaLayer
        self.layers = [kind(self, kv_heads, head_dim, dtype, device) for _ in range(layers)]
        self._shape = (kv_heads, head_dim, dtype.itemsize)
        self.graphs: dict[int, Any] = {}  # a decoder's CUDA graphs by width; invalid after a resize
        self.cache = Cache(layers=list(self.layers))
        self._watches: WeakSet[Watch] = WeakSet()

    @property
    def capacity(self) -> int:
        # Memory may have run out while the layers grew, the last one's values last.
        return self.layers[-1].values.shape[2]

    @property
    def nbytes(self) -> int:
        """Bytes allocated for keys and values, used or not."""
        return self._nbytes_of(self.capacity)

    def mark(self) -> Mark:
        return Mark(self.length, self.position)

    def rollback(self, mark: Mark) -> None:
        """Forget every entry from `mark` on: the only way the arena shrinks. Raises ValueError for a mark ahead."""
        if not 0 <= mark.length <= self.length:
            raise ValueError(f"cannot roll back from {self.length} entries to {mark.length}")
        for watch in self._watches:
            watch.whole = watch.whole and watch.end <= mark.length
        self.length, self.position = mark

    def watch(self, end: int) -> Watch:
        """Watch the entries before `end`. To be called, as all that changes the arena, by one thread at a time."""
        watch = Watch(end)
        self._watches.add(watch)
        return watch

    def parts(self, start: int, end: int) -> list[torch.Tensor]:
        """All that is kept of the entries from `start` to `end`, layer by layer, as views on the device."""
        return [part for layer in self.layers for part in layer.parts(start, end)]

    def advance(self, count: int, position: int) -> None:
        """Make the `count` entries just written count; `position` is what the next text token gets."""
        if self.length + count > self.capacity:
            raise ValueError(f"{count} entries do not fit behind {self.length} of {self.capacity}")
        self.length += count
        self.position = position

    def reserve(self, length: int) -> None:
        """Make room for `length` entries in all. Raises GlyphError `context_full` when that is over the maximum."""
        if length > self.maximum:
            raise context_full(length, self.maximum)
        if length <= self.capacity:
            return
        capacity = min(bucket(length), self.maximum)
        with self._growth(self._nbytes_of(capacity) - self.nbytes):
            self._resize(capacity)

    def free(self) -> None:
        """Forget all entries and give their memory back."""
        self.rollback(START)
        self._resize(0)

    def _nbytes_of(self, capacity: int) -> int:
        return len(self.layers) * self.layers[0].nbytes_of(capacity, *self._shape)

    def _resize(self, capacity: int) -> None:
        self.graphs.clear()
        for layer in self.layers:
            layer.resize(capacity, self.length)
