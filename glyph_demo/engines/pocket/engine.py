"""The embedded engine: OCR and retrieval. It is no vision-language model and compresses nothing: pages are read back
into text, and answers are sentences of the document with their place. A small language model that the settings name
adds a sentence to answers in English."""

from __future__ import annotations

import errno
import logging
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from glyph_demo.engines.base import Engine, FeatureSource
from glyph_demo.engines.pocket.document import PocketDocument
from glyph_demo.engines.pocket.vectors import SHA256, is_known, load_encoder
from glyph_demo.engines.registry import engine_kind
from glyph_demo.errors import EngineError, GlyphError, ran_out_of_memory, shown
from glyph_demo.models.base import LoadProgress, digest
from glyph_demo.rendering.page import Page
from glyph_demo.rendering.style import resolve_style
from glyph_demo.settings import Settings
from glyph_demo.store import PageFeatures

if TYPE_CHECKING:
    from glyph_demo.engines.pocket.phrasing import Phraser
    from glyph_demo.engines.pocket.reader import Reader

log = logging.getLogger(__name__)

READER_VERSION = 3  # raise it when the same page may be read differently: stored features are then ignored
RECOGNITION = "PP-OCRv6_rec_small.onnx"
DETECTION = "PP-OCRv6_det_small.onnx"
# How Python and the safetensors library report a full disk: ENOSPC, EFBIG, EDQUOT.
_FULL = re.compile(rf"\b(?:Errno |os error )(?:{errno.ENOSPC}|{errno.EFBIG}|{errno.EDQUOT})\b")


class PocketEngine(Engine):
    """The reader is loaded in the background, and so is a language model at the first `open_document` if the settings
    name one. Raises EngineError `reader_missing` without the reader's files."""

    name = "pocket"

    def __init__(self, settings: Settings, progress: LoadProgress | None = None) -> None:
        recognition, detection = reader_files()
        self._settings = settings
        by_meaning = is_known()
        vectors = f"-vectors-{SHA256[:16]}" if by_meaning else ""
        self._identity = (
            f"pocket-{READER_VERSION}-{recognition.stem}-{digest([recognition])[:16]}"
            f"-{detection.stem}-{digest([detection])[:16]}{vectors}-float32"
        )
        self._loader = ThreadPoolExecutor(1, "pocket-load")
        self._load = partial(_load_reader, recognition, detection, settings)
        self._reader = self._loader.submit(self._load)
        self._encoder = self._loader.submit(load_encoder) if by_meaning else None
        self._background = ThreadPoolExecutor(1, "pocket-vectors")
        self._phraser: Future[Phraser | None] | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def answers_partial_reading(self) -> bool:
        return True

    def encode(self, page: Page) -> PageFeatures:
        """Lines read from the page's pixels; arrays and texts as `Reader.read` says. A document adds those of
        `page_vectors`, see `PocketDocument.hint_text`."""
        reader = self._loaded_reader()
        with self._lock:
            return reader.read(page.pixels)

    def unknown_characters(self, text: str) -> dict[str, int]:
        return self._loaded_reader().unknown_characters(text)

    def _loaded_reader(self) -> Reader:
        try:
            return self._reader.result()
        except Exception:
            self._reader = self._loader.submit(self._load)  # for the next try
            raise

    def open_document(
        self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None
    ) -> PocketDocument:
        with self._lock:
            if self._phraser is None and self._settings.pocket.language_model not in ("auto", "none"):
                self._phraser = self._loader.submit(_load_phraser, self._settings, self._closed)
        return PocketDocument(features, self._phraser, self._encoder, self._background, source)

    def close(self) -> None:
        self._closed.set()
        self._background.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False, cancel_futures=True)


def reader_files() -> tuple[Path, Path]:
    """The recognition and detection networks inside the package rapidocr, found without importing it."""
    spec = find_spec("rapidocr")
    for place in (spec.submodule_search_locations if spec else None) or []:
        files = Path(place) / "models" / RECOGNITION, Path(place) / "models" / DETECTION
        if all(file.is_file() for file in files):
            return files
    raise EngineError(
        "reader_missing",
        "The page reader's files are not installed. Run: pip install rapidocr onnxruntime opencv-python-headless",
        "未安装页面识别所需的文件。请运行：pip install rapidocr onnxruntime opencv-python-headless",
    )


def _load_reader(recognition: Path, detection: Path, settings: Settings) -> Reader:
    from glyph_demo.engines.pocket.reader import Reader

    style = resolve_style(settings.rendering, "", engine_kind(PocketEngine.name).page_style)
    reader = Reader(recognition, detection, settings.pocket.threads, style)
    reader.prepare()
    return reader


def _load_phraser(settings: Settings, closed: threading.Event) -> Phraser | None:
    """The phraser; None if there is no language model, so that answers are quotes only. After `closed` errors say
    nothing about the model, because libraries get no more threads while a process exits."""
    from glyph_demo.engines.pocket.phrasing import Phraser
    from glyph_demo.models.language import load_language_model

    try:
        return Phraser(load_language_model(settings.pocket.language_model, settings.cache_path))
    except Exception as error:
        if closed.is_set():
            return None
        if _FULL.search(f"{error} {error.__cause__}"):
            error = _cache_full(settings)
        if not isinstance(error, GlyphError) and not ran_out_of_memory(error):
            raise
        log.warning("answers are quotes only: %s", error)
        return None


def _cache_full(settings: Settings) -> GlyphError:
    folder = shown(settings.cache_path)
    return GlyphError(
        "cache_full",
        f"The disk of the cache folder {folder} is full. Free some space, or set cache_dir to another one.",
        f"缓存目录 {folder} 所在的磁盘已满。请清理空间，或将 cache_dir 设为其他目录。",
    )
