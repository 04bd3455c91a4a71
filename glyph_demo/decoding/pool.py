"""Several dialogues in memory under one byte budget; the one unused for longest gives its memory back first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

from glyph_demo.decoding.decoder import Decoder, Segment
from glyph_demo.decoding.dialogue import Dialogue, busy
from glyph_demo.errors import GlyphError


class PrefixPool:
    """Keeps the keys and values of all open dialogues within `budget` bytes.

    A dialogue that grows takes the memory of others, least recently used first and never one that is answering; what
    it took is computed again from the token ids when that dialogue is asked next. A dialogue too long for the whole
    budget raises GlyphError `context_full`; one that would need what another answer is using raises `memory_full`.
    One lock guards the budget; it is held while memory changes hands, not while computing."""

    def __init__(self, decoder: Decoder, budget: int) -> None:
        self.budget = budget
        self._decoder = decoder
        self._dialogues: list[Dialogue] = []
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values allocated, all dialogues together."""
        return sum(dialogue.nbytes for dialogue in self._dialogues)

    def open(self, prefix: Sequence[Segment], stop_ids: Set[int], answer_end: Sequence[int] = ()) -> Dialogue:
        """A new dialogue; it takes memory when it is prepared or asked."""
        arena = self._decoder.arena(self.budget // self._decoder.bytes_per_entry, self._growth)
        dialogue = Dialogue(self._decoder, arena, prefix, stop_ids, answer_end)
        with self._lock:
            self._dialogues.append(dialogue)
        return dialogue

    def close(self, dialogue: Dialogue) -> None:
        """Give the dialogue's memory back for good. Raises GlyphError `busy` while it is answering."""
        with self._lock:
            if not dialogue.release():
                raise busy()
            self._dialogues.remove(dialogue)

    def release(self, keep: Dialogue | None = None) -> None:
        """Give all memory back except that of `keep` and of a dialogue that is answering; each computes again what it
        needs."""
        with self._lock:
            for dialogue in self._dialogues:
                if dialogue is not keep:
                    dialogue.release()

    @contextmanager
    def _growth(self, extra: int) -> Iterator[None]:
        """Hold the budget while one dialogue grows by `extra` bytes. The growing one is answering, so it is safe."""
        with self._lock:
            for dialogue in sorted(self._dialogues, key=lambda d: d.last_use):
                if self.nbytes + extra <= self.budget:
                    break
                dialogue.release()
            if self.nbytes + extra > self.budget:
                raise GlyphError(
                    "memory_full",
                    "Another answer is using the memory this one needs. Wait for its end and ask again.",
                    "另一个回答正在使用所需的内存。请等待其完成后再提问。",
                )
            yield
