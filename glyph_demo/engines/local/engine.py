"""LocalEngine: Glyph and its siblings on this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import torch

from glyph_demo.decoding.decoder import Decoder
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.engines.local.answer import memory_errors
from glyph_demo.engines.local.document import ROOM_FOR_TURNS, LocalDocument
from glyph_demo.errors import EngineError, Message
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.glm4v import VisionLanguageModel, load_glm4v, room
from glyph_demo.models.precision import Precision
from glyph_demo.models.transfer import to_arrays
from glyph_demo.rendering import resolve_style
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import PageFeatures

log = logging.getLogger(__name__)

KV_SHARE = {"cuda": 0.8, "cpu": 0.25}  # of what is free once the model is loaded; the rest is for activations
EMBEDS, GRID = "embeds", "grid"

IN_BFLOAT16 = Message(
    "Numbers overflowed in float16. The model now computes in bfloat16, and this turn was done again in it.",
    "float16 计算发生数值溢出。模型已改用 bfloat16，本轮已用它重新计算。",
)
NOISE = Message(
    "This model has random weights. Its answers mean nothing; only its speed and memory do.",
    "该模型的权重是随机的，回答没有意义，仅用于测量速度和显存。",
)


class LocalEngine:
    """Documents share the model and the memory for keys and values, `kv_bytes`; the one unused for longest is computed
    again from its features when it returns. `progress` counts bytes while the model is downloaded and loaded. Raises
    EngineError, see `load_glm4v`."""

    name = "local"

    def __init__(
        self,
        settings: Settings,
        progress: LoadProgress | None = None,
        precision: Precision | torch.dtype | None = None,
        kv_bytes: int | None = None,
    ) -> None:
        models = settings.cache_path / "models"
        precision = precision or settings.inference.precision
        self.model: VisionLanguageModel = load_glm4v(settings.model, models, progress, precision)
        self.label = f"{settings.model} (random weights)" if self.model.random else settings.model
        self.notices: list[Message] = [NOISE] if self.model.random else []
        self._settings = settings
        self._prepare_vision()
        self._kv_bytes = kv_bytes or _kv_budget(self.model.transfer.device)
        self._changing = threading.Lock()
        self._start()

    @property
    def identity(self) -> str:
        return self.model.identity

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values held now; never more than the budget."""
        return self.pool.nbytes

    def encode(self, page: Page) -> PageFeatures:
        """Embeddings (tokens, hidden) of one page in the model's precision, and its grid (rows, columns)."""
        precision = self.model.dtype
        with memory_errors():
            encoded = self.model.encode(page.pixels)
            if not torch.isfinite(encoded.embeds).all():
                self.fall_back(precision)
                encoded = self.model.encode(page.pixels)
        grid = torch.tensor([encoded.rows, encoded.columns]).numpy()
        return PageFeatures({**to_arrays(EMBEDS, encoded.embeds), GRID: grid})

    def open(self, features: Sequence[PageFeatures] = ()) -> LocalDocument:
        """A document of these pages; more may be appended. Raises EngineError `context_full`."""
        document = LocalDocument(self)
        for page in features:
            document.append(page)
        return document

    def open_text(self, text: str) -> LocalDocument:
        """The same model given the document's text as tokens instead of pages: what reading pixels is compared with.
        Raises EngineError `context_full`."""
        document = LocalDocument(self)
        document.append_text(text)
        return document

    def fall_back(self, precision: torch.dtype) -> None:
        """Compute in bfloat16 from now on, because `precision` gave numbers that are not finite. Documents in memory
        are computed again when they are next asked. Raises EngineError `model_broken` where that is no way out."""
        with self._changing:
            if self.model.dtype != precision:
                return  # somebody else has been here
            if precision != torch.float16:
                raise EngineError(
                    "model_broken",
                    "The model's numbers are not finite. Its weights may be damaged: download them again.",
                    "模型输出了非有限数值，权重可能已损坏。请重新下载。",
                )
            log.warning("not finite in float16; changing to bfloat16")
            self.pool.release()
            with self.decoder.lock:
                self.model.to_bfloat16()
            self._prepare_vision()
            self._start()
            self.notices.append(IN_BFLOAT16)

    def close(self) -> None:
        self.model.close()

    def _prepare_vision(self) -> None:
        """Have the vision runtime of the settings ready for a full page; pages of other sizes are read eagerly."""
        width, height = resolve_style(self._settings.rendering, "", self.name).page_pixels
        folder = self._settings.cache_path / "models"
        notice = self.model.prepare_vision(self._settings.inference.vision, height, width, folder)
        if notice is not None:
            self.notices.append(notice)

    def _start(self) -> None:
        inference = self._settings.inference
        self.decoder = Decoder(self.model.model)
        self.decoder.share(max(1, inference.max_batch_size), inference.max_wait_ms / 1000)
        notice = self.decoder.prepare(inference.decode)
        if notice is not None:
            self.notices.append(notice)
        self.pool = PrefixPool(self.decoder, self._kv_bytes)
        room_for_tokens = min(self.decoder.maximum, self._kv_bytes // self.decoder.bytes_per_entry)
        self.prefix_limit = room_for_tokens - min(ROOM_FOR_TURNS, room_for_tokens // 8)


def _kv_budget(device: torch.device) -> int:
    return int(room(device) * KV_SHARE[device.type])
