"""One engine at a time, kept for whoever asks for the same next: on a GPU loading takes longer than most of what is
measured."""

from __future__ import annotations

import time

from glyph_demo.bench.measure import forget_peak, peak_memory
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.models.loader import default_device
from glyph_demo.settings import Settings


class Engines:
    """Of the engine of now, `load` are the seconds of wall time that it took to load, and `peak` is `peak_memory` after
    that."""

    def __init__(self) -> None:
        self._engine: LocalEngine | None = None
        self._settings: Settings | None = None
        self.load = 0.0
        self.peak = 0

    def of(self, settings: Settings) -> LocalEngine:
        """The engine of these settings; another one is closed. Raises EngineError."""
        if self._engine is None or settings != self._settings:
            self.close()
            began, device = time.perf_counter(), default_device()
            forget_peak(device)  # and the memory of the one before
            self._engine, self._settings = LocalEngine(settings), settings
            self.load, self.peak = time.perf_counter() - began, peak_memory(device)
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = None
