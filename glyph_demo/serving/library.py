"""The documents of requests, found by their content: a later request with the same pages, or the same file, reuses what
the engine kept of the last one."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyph_demo.conversation.reading import Reading
from glyph_demo.documents.extraction import extract, shown_name
from glyph_demo.documents.model import Document, PageImages
from glyph_demo.engines.base import Engine
from glyph_demo.errors import Message
from glyph_demo.rendering import render, resolve_style
from glyph_demo.scratch import folder_in
from glyph_demo.serving.files import StoredFile
from glyph_demo.serving.images import check_image, decode_image
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a client sent it: the bytes of a PNG, JPEG or WebP file."""

    data: bytes = field(repr=False)

    @property
    def key(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def picture(data: bytes) -> Picture:
    """A checked Picture. Raises DocumentError, see `check_image`."""
    check_image(data)
    return Picture(data)


@dataclass(frozen=True, slots=True)
class ShelfFile:
    """A file that was uploaded to the FileShelf, to be drawn as pages."""

    file: StoredFile

    @property
    def key(self) -> str:
        return f"{self.file.digest} {self.file.name}"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within the request itself."""

    data: bytes = field(repr=False)
    name: str

    @property
    def key(self) -> str:
        return f"{hashlib.sha256(self.data).hexdigest()} {shown_name(self.name)}"


DocumentPart = Picture | ShelfFile | Attachment


@dataclass(eq=False)
class _Entry:
    """A document, the number of requests that use or await it, and the lock that one of them holds."""

    reading: Reading | None = None
    users: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)


class Library:
    """Open documents: at most `settings.store.open_documents`, not counting those in use. The least recently used is
    closed first. Thread-safe: a document answers one question at a time, different documents at the same time."""

    def __init__(self, engine: Engine, settings: Settings, store: FeatureStore, folder: Path) -> None:
        self._settings = settings
        self._store = store
        self._folder = folder
        self._entries: OrderedDict[tuple[str, ...], _Entry] = OrderedDict()  # least recently used first
        self._lock = threading.Lock()
        self.use(engine)

    def __len__(self) -> int:
        return len(self._entries)

    def use(self, engine: Engine) -> None:
        """Read with this engine from now on, several documents at a time if it can."""
        self._engine = engine
        readers = max(1, self._settings.inference.max_batch_size) if engine.kind.parallel_documents else 1
        self._reader = ThreadPoolExecutor(readers, thread_name_prefix="api-reader")

    @contextlib.contextmanager
    def using(
        self, parts: tuple[DocumentPart, ...], placed: bool = False, owner: str = ""
    ) -> Iterator[tuple[Reading, bool]]:
        """The document made of `parts` in this order, locked for the caller, and whether `owner` had it open before. A
        new one is being read in the background when this returns. `placed` is whether the pages have places in the
        texts."""
        key = (owner, *(part.key for part in parts), *["placed"] * placed)
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            entry.users += 1
            self._make_room()
        try:
            with entry.turn:
                known = entry.reading is not None and entry.reading.state == "ready"
                if not known:
                    entry.reading = self._start(parts, placed)
                assert entry.reading is not None
                yield entry.reading, known
        finally:
            with self._lock:
                entry.users -= 1
                self._make_room()

    def close(self) -> None:
        """Close all documents, none of which may be in use."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        for entry in self._entries.values():
            if entry.reading is not None:
                entry.reading.cancel()
        self._reader.shutdown(wait=True)
        self._entries.clear()

    def _make_room(self) -> None:
        idle = [key for key, entry in self._entries.items() if not entry.users]
        lost = [key for key in idle if (reading := self._entries[key].reading) is None or reading.state != "ready"]
        surplus = len(self._entries) - max(1, self._settings.store.open_documents)
        for key in dict.fromkeys([*lost, *idle[: max(0, surplus)]]):
            reading = self._entries.pop(key).reading
            if reading is not None:
                reading.cancel()

    def _start(self, parts: tuple[DocumentPart, ...], placed: bool) -> Reading:
        folder = folder_in(self._folder)
        if len(parts) == 1 and not isinstance(parts[0], Picture):
            path, name = _file(parts[0], folder)
            reading = Reading(name, path, self._settings, self._engine, self._store, folder)
        else:
            warnings: list[Message] = []
            images = PageImages((), lambda: self._pages(parts, folder, warnings))
            document = Document("pages", "pdf", "", "", images=images)
            reading = Reading("pages", folder, self._settings, self._engine, self._store, folder, document=document)
            reading.warnings, reading.held = warnings, placed
        if parts:
            self._reader.submit(reading.run)
        else:  # a conversation without a document
            reading.handle, reading.state = self._engine.open_document(), "ready"
        return reading

    def _pages(
        self, parts: tuple[DocumentPart, ...], folder: Path, warnings: list[Message]
    ) -> Iterator[NDArray[np.uint8]]:
        for part in parts:
            if isinstance(part, Picture):
                yield decode_image(part.data)
                continue
            document = extract(*_file(part, folder), self._settings.documents)
            warnings.extend(document.warnings)
            style = resolve_style(self._settings.rendering, document.text, self._engine.page_style)
            for page in render(document, style):
                yield page.pixels


def _file(part: ShelfFile | Attachment, folder: Path) -> tuple[Path, str]:
    """The path of a part's file, and its name. An Attachment is written into `folder`."""
    if isinstance(part, ShelfFile):
        return part.file.path, part.file.name
    path = folder / hashlib.sha256(part.data).hexdigest()
    path.write_bytes(part.data)
    return path, shown_name(part.name)
