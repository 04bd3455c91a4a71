"""One engine at a time, kept for whoever asks for the same next: on a GPU loading takes longer than most of what is
measured."""

from __future__ import annotations

import time

from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.settings import Settings


class Engines:
    """`load` are the seconds of wall time that the engine of now took to load."""

    def __init__(self) -> None:
        self._engine: LocalEngine | None = None
        self._settings: Settings | None = None
        self.load = 0.0

    def of(self, settings: Settings) -> LocalEngine:
        """The engine of these settings; another one is closed. Raises EngineError."""
        if self._engine is None or settings != self._settings:
            self.close()
            began = time.perf_counter()
            self._engine, self._settings = LocalEngine(settings), settings
            self.load = time.perf_counter() - began
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = None
