"""All windows by id. To make room, the least recently used one is closed, but none that is busy."""

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
from glyph_demo.windows.model_download import ModelDownload
from glyph_demo.windows.uploads import Uploads
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window

MAX_WINDOWS = 4  # a single user's tabs and devices; each holds up to `store.open_documents` documents
MOST_WINDOWS = 16  # while more than MAX_WINDOWS are busy


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
        """`make` makes another engine when people choose one. Before the present engine is closed, `rest` has its other
        users let go of it. `choice` keeps what people choose. `shared` is called with how many answers may run at
        once."""
        self.switch = EngineSwitch(engine, settings, make, rest, choice or EngineChoice(settings), shared, self._all)
        self.download = ModelDownload(self.switch)
        self.store = store or open_store(settings)
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
        with self._lock:  # waits for a window that is being made, which may have taken the engine before this one
            return list(self._windows.values())

    def knows(self, identifier: str) -> bool:
        """Whether a window with this id is open or was saved."""
        return identifier in self._windows or self._history.load(identifier) is not None

    def get(self, page: str | Visit, values: Mapping[str, Any] | None = None) -> Window:
        """The window with this id, or of this page, waiting for one that is still loading. A window that is not open is
        made, with what was saved of it; `values` are its settings by dotted name. Raises LookupError, see Visit, and
        GlyphError `too_many_windows`."""
        identifier = page.wait() if isinstance(page, Visit) else page
        if isinstance(page, Visit):
            values = page.values
        closed: list[Window] = []
        with self._lock:
            window = self._windows.get(identifier)
            if window is None:
                closed = self._make_room()
                session = DocumentSession(self.switch.engine, usable(self.settings, values or {}), self.store)
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
        """Take windows out to make room for another one; the caller closes them. Raises GlyphError
        `too_many_windows`."""
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
        """Note that a page has gone. With its last page a window is closed, and comes back from what was saved."""
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
        """Remove saved windows and uploads that have not been used for a day."""
        self._history.sweep()
        self.uploads.sweep()

    def picture(self, visitor: str, document: str, name: str) -> Path | None:
        """The image file of a page, if a window of this visitor has the document open; `document` is Reading.key, and
        `name` the digest of a page that the model saw, or `original_` and the number of a page of the file."""
        for window in self._all():
            for reading in window.session.documents.values():
                if window.visitor == visitor and reading.key == document:
                    images = [page.image for page in reading.pages if page.digest == name]
                    images += originals.images(name) if (originals := reading.originals) else []
                    return next(iter(images), None)
        return None

    def close_all(self) -> None:
        self.download.cancel()
        for identifier in list(self._windows):
            self.close(identifier)
        self.uploads.close()
