"""Several prefixes in memory under one byte budget; the one unused for longest gives its memory back first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

from glyph_demo.decoding.decoder import Decoder, Segment
from glyph_demo.decoding.kept import Keeper
from glyph_demo.decoding.prefix import CachedPrefix, busy
from glyph_demo.errors import GlyphError


class PrefixPool:
    """Keeps the keys and values of all open prefixes, and of what is answered behind them, within `budget` bytes.

    A prefix that grows takes the memory of others, least recently used first and never one that is answering. What it
    took comes back from `keeper`, or is computed again, when that prefix is next completed. One too long for the whole
    budget raises GlyphError `context_full`; one that would need what another answer is using raises `memory_full`.
    One lock guards the budget; it is held while memory changes hands, not while computing."""

    def __init__(self, decoder: Decoder, budget: int, keeper: Keeper | None = None) -> None:
        self.budget = budget
        self.keeper = keeper
        self._decoder = decoder
        self._prefixes: list[CachedPrefix] = []
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values allocated, all prefixes together."""
        return sum(prefix.nbytes for prefix in self._prefixes)

    def open(self, segments: Sequence[Segment], stop_ids: Set[int]) -> CachedPrefix:
        """A new prefix; it takes memory when it is prefilled or completed."""
        arena = self._decoder.arena(self.budget // self._decoder.bytes_per_entry, self._growth)
        prefix = CachedPrefix(self._decoder, arena, segments, stop_ids, self.keeper)
        with self._lock:
            self._prefixes.append(prefix)
        return prefix

    def close(self, prefix: CachedPrefix) -> None:
        """Give the prefix's memory back for good. Raises GlyphError `busy` while it is answering."""
        with self._lock:
            if not prefix.release():
                raise busy()
            self._prefixes.remove(prefix)

    def release(self, keep: CachedPrefix | None = None) -> None:
        """Give all memory back except that of `keep` and of a prefix that is answering; each computes again what it
        needs."""
        with self._lock:
            for prefix in self._prefixes:
                if prefix is not keep:
                    prefix.release()

    @contextmanager
    def _growth(self, extra: int) -> Iterator[None]:
        """Hold the budget while one prefix grows by `extra` bytes. The growing one is busy, so it is not released."""
        with self._lock:
            for prefix in sorted(self._prefixes, key=lambda p: p.last_use):
                if self.nbytes + extra <= self.budget:
                    break
                prefix.release()
            if self.nbytes + extra > self.budget:
                raise GlyphError(
                    "memory_full",
                    "Another answer is using the memory this one needs. Wait for its end and ask again.",
                    "另一个回答正在使用所需的内存。请等待其完成后再提问。",
                )
            yield
