"""Keys and values between the arena and the disk. Copying off the device and writing happen on a thread of their own;
reading is done by who asks, since without it there is nothing to do but compute."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch

from glyph_demo.decoding.arena import KVArena, Mark, Watch
from glyph_demo.decoding.kept import Link, nbytes, slots
from glyph_demo.engines.local.rates import Rates
from glyph_demo.kv_files import KVFiles
from glyph_demo.models.transfer import Transfer

log = logging.getLogger(__name__)

FORMAT = 2  # of the files, and of how attention is computed: a change of either makes what was kept useless
LONGEST_CLOSE = 10.0  # seconds for writing what was read, when the engine closes


class DiskKeeper:
    """See `decoding.kept.Keeper`. A link that ends further than the budget into its chain is not kept: it would drive
    out the chain's own beginning, and without that it is of no use soon."""

    def __init__(self, root: str, label: str, files: KVFiles, transfer: Transfer) -> None:
        self.root = root
        self.rates = Rates(files.folder, root, label)
        self._files = files
        self._transfer = transfer
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keeper")
        self._last: Future[None] | None = None

    def has(self, link: Link) -> bool:
        """Whether `take` would give this."""
        return self.rates.pays and self._files.has(link.key)

    def take(self, link: Link, following: Link | None, arena: KVArena, mark: Mark) -> bool:
        if not self.has(link):
            return False
        began = time.perf_counter()
        if following is not None:
            self._files.expect(following.key)
        parts = arena.parts(mark.length, mark.length + link.tokens)
        pinned = self._transfer.device.type == "cuda"
        buffer = torch.empty(nbytes(parts), dtype=torch.uint8, pin_memory=pinned)
        if not self._files.read(link.key, link.facts, buffer.numpy().data):
            return False
        there = self._transfer.to_device(buffer)
        arena.rollback(mark)
        for part, kept in slots(there, parts):
            part.copy_(kept)
        self.rates.read.add(link.tokens, time.perf_counter() - began)
        return True

    def give(self, link: Link, arena: KVArena, start: int) -> None:
        watch = arena.watch(start + link.tokens)
        with contextlib.suppress(RuntimeError):  # the engine is closed
            self._last = self._writer.submit(self._write, link, arena, start, watch)

    def computed(self, tokens: int, seconds: Callable[[], float]) -> None:
        with contextlib.suppress(RuntimeError):
            self._last = self._writer.submit(lambda: self.rates.computed.add(tokens, seconds()))

    def flush(self, timeout: float | None = None) -> None:
        """Wait until what was given is kept, for `timeout` seconds at most."""
        wait([self._last] if self._last else [], timeout)

    def close(self) -> None:
        self.flush(LONGEST_CLOSE)
        self._writer.shutdown(wait=False, cancel_futures=True)
        self.rates.save()

    def _write(self, link: Link, arena: KVArena, start: int, watch: Watch) -> None:
        try:
            parts = arena.parts(start, start + link.tokens)
            far = link.end * nbytes(parts) > self._files.limit * link.tokens
            if not watch.whole or far or not self.rates.pays or self._files.has(link.key):
                return
            content = self._copied(parts)
            if watch.whole:
                self._files.write(link.key, link.facts, content.numpy().data)
                self.rates.save()
        except Exception:  # such as memory that runs out: what cannot be kept is computed again
            log.warning("keys and values are not kept", exc_info=True)

    def _copied(self, parts: list[torch.Tensor]) -> torch.Tensor:
        """All parts in host memory (nbytes,), uint8."""
        with self._transfer.behind():
            buffer = torch.zeros(nbytes(parts), dtype=torch.uint8, device=self._transfer.device)
            for part, slot in slots(buffer, parts):
                slot.copy_(self._transfer.used(part))
            return self._transfer.to_host(buffer)()
