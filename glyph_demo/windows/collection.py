"""All windows by id. The one not used for longest is closed first, and none that has something to do."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from glyph_demo.conversation.session import DocumentSession, open_store
from glyph_demo.engines import create_engine
from glyph_demo.engines.base import Engine
from glyph_demo.settings import Inference, Settings, usable
from glyph_demo.store import FeatureStore
from glyph_demo.windows.choice import EngineChoice
from glyph_demo.windows.engine_switch import EngineSwitch
from glyph_demo.windows.errors import too_many_windows
from glyph_demo.windows.history import History
from glyph_demo.windows.uploads import Uploads
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window

MAX_WINDOWS = 4  # a single user's tabs and devices; each holds up to `store.open_documents` documents
MOST_WINDOWS = 16  # while more than MAX_WINDOWS have something to do


class Windows:
    """All windows by id, sharing one engine and one store. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        make: Callable[[Settings], Engine] = create_engine,
        store: FeatureStore | None = None,
        rest: Callable[[], None] = lambda: None,
        choice: EngineChoice | None = None,
        shared: Callable[[Inference], None] = lambda inference: None,
    ) -> None:
        """`make` makes another engine when one is asked for; before the one of now is closed, `rest` has whoever else
        uses it let go. `choice` keeps what people choose. `shared` hears how many answers may run at once."""
        self.switch = EngineSwitch(engine, settings, make, rest, choice or EngineChoice(settings), shared, self._all)
        self._store = store or open_store(settings)
        self.uploads = Uploads(settings.documents.max_file_mb)
        self._history = History(settings.cache_path / "windows")
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        return self.switch.settings

    def __len__(self) -> int:
        return len(self._windows)

    def _all(self) -> list[Window]:
        return list(self._windows.values())

    def knows(self, identifier: str) -> bool:
        """Whether a window of this id is open or kept."""
        return identifier in self._windows or self._history.load(identifier) is not None

    def get(self, page: str | Visit, values: Mapping[str, Any] | None = None) -> Window:
        """The window of this id or page; a new one if it is unknown or was closed to make room, which none is that has
        something to do. Waits for a page that is just loading. `values` are settings of a new one, by dotted name.
        Raises LookupError, see Visit, and GlyphError `too_many_windows`."""
        identifier = page.wait() if isinstance(page, Visit) else page
        if isinstance(page, Visit):
            values = page.values
        closed: list[Window] = []
        with self._lock:
            window = self._windows.get(identifier)
            if window is None:
                closed = self._make_room()
                session = DocumentSession(self.switch.engine, usable(self.settings, values or {}), self._store)
                if "inference.max_batch_size" in (values or {}):
                    self.switch.set_batching(session.settings.inference)
                window = self._windows[identifier] = Window(session, identifier, self._history)
                if (saved := self._history.load(identifier)) is not None:
                    window.restore(saved)
            self._windows.move_to_end(identifier)
        for old in closed:
            old.close()
        return window

    def _make_room(self) -> list[Window]:
        """Take windows out for another one to come; the caller closes them."""
        idle = [identifier for identifier, window in self._windows.items() if not window.busy]
        closed = [self._windows.pop(identifier) for identifier in idle[: max(0, len(self._windows) - MAX_WINDOWS + 1)]]
        if len(self._windows) >= MOST_WINDOWS:
            raise too_many_windows(MOST_WINDOWS)
        return closed

    def arrive(self, identifier: str, values: Mapping[str, Any] | None = None, visitor: str = "") -> Window:
        """The window of a page that `visitor` has just opened; `values` as in `get`."""
        self.sweep()
        window = self.get(identifier, values)
        window.visitor = visitor
        window.pages_open += 1
        return window

    def leave(self, page: Visit) -> None:
        """A page has gone. The last page of a window frees its memory; what is kept of it brings it back."""
        window = self._windows.get(page.window_id or "")
        if window is not None:
            window.pages_open -= 1
            if window.pages_open <= 0:
                self.close(window.identifier)

    def close(self, identifier: str) -> None:
        with self._lock:
            window = self._windows.pop(identifier, None)
        if window is not None:
            window.close()

    def sweep(self) -> None:
        """Remove what is kept of windows and has not been used for a day."""
        self._history.sweep()
        self.uploads.sweep()

    def picture(self, visitor: str, document: str, digest: str) -> Path | None:
        """The file with the picture of a page, for the browser whose window shows it; documents go by Reading.key."""
        for window in self._all():
            for reading in window.session.documents.values():
                if window.visitor == visitor and reading.key == document:
                    return next((page.image for page in reading.pages if page.digest == digest), None)
        return None

    def close_all(self) -> None:
        for identifier in list(self._windows):
            self.close(identifier)
        self.uploads.close()
