"""The engine that all windows share: how far it is, changing it for another, and what was chosen at the last run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Progress
from glyph_demo.errors import GlyphError, Message
from glyph_demo.settings import Inference, Settings
from glyph_demo.windows.choice import EngineChoice, not_loaded

if TYPE_CHECKING:
    from glyph_demo.windows.window import Window


class EngineSwitch:
    """The engine of all windows. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        make: Callable[[Settings], Engine],
        rest: Callable[[], None],
        choice: EngineChoice,
        shared: Callable[[Inference], None],
        windows: Callable[[], list[Window]],
    ) -> None:
        """`windows` lists those that read and answer with the engine; for the others see Windows."""
        self.engine = engine
        self.settings = settings
        self._make = make
        self._rest = rest
        self._choice = choice
        self._shared = shared
        self._windows = windows
        self._changing = threading.Lock()
        self._settling = False

    @property
    def loading(self) -> Progress | None:
        """How far the engine is that is being loaded; None once it is there, or cannot be had."""
        changing = self._settling or self._changing.locked()
        return self.engine.loading or (Progress("load", 0) if changing else None)

    @property
    def failure(self) -> GlyphError | None:
        """Why the engine cannot be had."""
        try:
            self.engine.ready()
        except GlyphError as error:
            return error
        return None

    @property
    def notice(self) -> Message | None:
        """What every page should hear about the engine of this start."""
        return self._choice.notice

    def settle(self) -> None:
        """Wait for the engine of this start. A chosen one that cannot be had gives way to that of the settings."""
        self._settling, engine = True, self.engine
        try:
            _ = engine.identity
        except GlyphError as error:
            if engine is self.engine and self._choice.taken:
                self._choice.notice = not_loaded(error)
                for window in self._windows():
                    window.notice = (self._choice.notice, "hint")
                with contextlib.suppress(GlyphError):
                    self.change_engine(self._choice.settings)
        finally:
            self._choice.survived()
            self._settling = False

    def set_batching(self, inference: Inference) -> None:
        """Have the engine of all windows, and one that takes its place, run as many answers at once as these say."""
        most, wait = inference.max_batch_size, inference.max_wait_ms
        now = replace(self.settings.inference, max_batch_size=most, max_wait_ms=wait)
        self.settings = replace(self.settings, inference=now)
        self.engine.set_batching(most, wait / 1000)
        self._shared(inference)

    def choose_engine(self, settings: Settings) -> None:
        """`change_engine` for somebody who asked for it; the next start takes the same."""
        self.change_engine(settings)
        self._choice.keep(settings)

    def change_engine(self, settings: Settings) -> None:
        """Have all windows read and answer with the engine of these settings; the one before is closed first, because
        two may not fit. Where it cannot be had, the one before is made again and the EngineError raised."""
        with self._changing:
            before = self.settings
            for window in self._windows():
                window.rest()
            self._rest()
            self.engine.close()
            try:
                self._take_up(settings)
            except GlyphError:
                self._take_up(before)
                raise

    def _take_up(self, settings: Settings) -> None:
        self.engine, self.settings = self._make(settings), settings
        for window in self._windows():
            mine = window.session.settings
            inference = replace(mine.inference, precision=settings.inference.precision)
            settings = replace(mine, engine=settings.engine, model=settings.model, inference=inference)
            window.session.configure(settings, self.engine)
        _ = self.engine.identity  # waits until it is there, or raises
