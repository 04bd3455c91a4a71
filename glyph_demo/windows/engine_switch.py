"""The engine that all windows share: whether it is loaded, and changing it for another."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from glyph_demo.engines import choose_engine as pick_engine
from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Progress
from glyph_demo.engines.loading import engine_closed, load_stopped
from glyph_demo.errors import EngineError, GlyphError, Message
from glyph_demo.process import give_memory_back
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
        """`windows` lists the windows that use the engine; for the other arguments see Windows."""
        self.engine = engine
        self.settings = settings
        self._make = make
        self._rest = rest
        self._choice = choice
        self._shared = shared
        self._windows = windows
        self._changing = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0  # changes that wait for their turn
        self._left: Settings | None = None  # of the engine to go back to, which nobody has done yet
        self._going_back = False
        self._settling = self._over = False
        self._stopped: threading.Event | None = None  # of the load that may be stopped now

    @property
    def loading(self) -> Progress | None:
        """How much of the engine is loaded; None once it is, or cannot be."""
        changing = self._settling or self._waiting or self._changing.locked()  # in this order: see _turn
        return self.engine.loading or (Progress("load", 0) if changing else None)

    @property
    def failure(self) -> GlyphError | None:
        """Why the engine cannot be loaded."""
        try:
            self.engine.ready()
        except GlyphError as error:
            return error
        return None

    @property
    def configured(self) -> Settings:
        """The settings of this start, before anything was chosen in a window."""
        return self._choice.settings

    @property
    def notice(self) -> Message | None:
        """What to tell every page about the engine of this start."""
        return self._choice.notice

    def settle(self) -> None:
        """Wait for the engine of this start. If it was chosen in the window and cannot be loaded, change to that of the
        settings."""
        self._settling, engine = True, self.engine
        try:
            _ = engine.identity
        except GlyphError as error:
            # One that was closed was closed for another that was chosen, or at the end of the app.
            if engine is self.engine and self._choice.taken and error.code != "engine_closed":
                self._choice.notice = not_loaded(error)
                for window in self._windows():
                    window.notice = (self._choice.notice, "hint")
                with contextlib.suppress(GlyphError):
                    self.change_engine(self._choice.settings)
        finally:
            self._choice.survived()
            self._settling = False

    def set_batching(self, inference: Inference) -> None:
        """Set how many answers the engine of all windows, and any that replaces it, runs at once."""
        most, wait = inference.max_batch_size, inference.max_wait_ms
        now = replace(self.settings.inference, max_batch_size=most, max_wait_ms=wait)
        self.settings = replace(self.settings, inference=now)
        self.engine.set_batching(most, wait / 1000)
        self._shared(inference)

    def choose_engine(self, settings: Settings, stopped: threading.Event | None = None) -> None:
        """`change_engine` on a user's request, which the next start uses too. Raises EngineError."""
        self.change_engine(settings, stopped)
        self._choice.keep(settings)

    def stop_loading(self, stopped: threading.Event) -> None:
        """End the change that was given this event, as soon as that can be, whether its load has begun or not."""
        stopped.set()
        engine = self.engine  # before the look: the next may be there after it
        if self._stopped is stopped:
            engine.stop_loading()

    def close(self) -> None:
        """Close the engine, and take up none any more: a change that this ends does not go back to the one before."""
        self._over = True
        self.engine.close()

    def change_engine(self, settings: Settings, stopped: threading.Event | None = None) -> None:
        """Have all windows use the engine of these settings. The engine before is closed first, because the memory may
        not hold two. Raises EngineError if the new one cannot be loaded, `load_stopped` where that was `stopped`, after
        making the engine before again unless another change comes next, and SettingsError `unknown_engine` at once."""
        pick_engine(settings)
        with self._turn():
            if stopped is not None and stopped.is_set():
                self._go_back()
                raise self._load_stopped()
            if self._over:
                raise engine_closed()
            before = self._left or self.settings
            for window in self._windows():
                window.rest()
            self._rest()
            self.engine.close()
            try:
                self._take_up(settings, stopped)
                self._left = None
            except GlyphError as error:
                self._left = before
                self._go_back()
                raise (self._load_stopped() if error.code == "load_stopped" else error) from None
            finally:
                gc.collect()  # a model is full of cycles, and the next full collection may be hours away
                give_memory_back()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """The turn to change the engine. Who waits for it stops the way back to an engine that it would close again."""
        with self._counting:
            self._waiting += 1
            if self._going_back:
                self.engine.stop_loading()
        with self._changing:
            with self._counting:
                self._waiting -= 1
            yield

    def _go_back(self) -> None:
        """Take up the engine that was left for one that could not be loaded, unless another change waits, which may
        find one that can. Raises EngineError if it cannot be loaded any more."""
        with self._counting:
            if self._left is None or self._waiting:
                return
            before, self._left, self._going_back = self._left, None, True
        try:
            self._take_up(before)
        except GlyphError:
            if not self._waiting:
                raise
            self._left = before
        finally:
            self._going_back = False

    def _take_up(self, settings: Settings, stopped: threading.Event | None = None) -> None:
        if self._over:
            raise engine_closed()
        self.engine, self.settings = self._make(settings), settings
        if self._over:  # since then
            self.engine.close()
        if self._going_back and self._waiting:
            self.engine.stop_loading()
        self._stopped = stopped
        if stopped is not None and stopped.is_set():
            self.engine.stop_loading()
        for window in self._windows():
            mine = window.session.settings
            inference = replace(mine.inference, precision=settings.inference.precision)
            changed = replace(mine, engine=settings.engine, model=settings.model, inference=inference)
            window.session.configure(replace(changed, remote=settings.remote), self.engine)
        try:
            _ = self.engine.identity  # waits until it is loaded, or raises
        finally:
            self._stopped = None

    def _load_stopped(self) -> EngineError:
        if self._left is not None:  # nobody went back, because another is loaded next
            return load_stopped()
        return EngineError(
            "load_stopped",
            "Loading was stopped. The engine before is in use again.",
            "已停止加载，恢复使用之前的引擎。",
        )
