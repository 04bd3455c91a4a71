"""LocalEngine: Glyph and its siblings on this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from weakref import WeakSet

import numpy as np
import torch

from glyph_demo.decoding.batcher import Batcher
from glyph_demo.decoding.decoder import Decoder
from glyph_demo.decoding.decoder import text as text_segment
from glyph_demo.decoding.loop import prefill
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.decoding.prefix import CachedPrefix
from glyph_demo.engines.base import Engine, FeatureSource
from glyph_demo.engines.local.answer import memory_errors
from glyph_demo.engines.local.document import ROOM_FOR_TURNS, LocalDocument
from glyph_demo.engines.local.pages import features_of
from glyph_demo.engines.weights import models_folder
from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.loader import load_vision_language_model, room
from glyph_demo.models.memory import PAGE_TOKENS, chunk, held_bytes, work_bytes
from glyph_demo.models.precision import Precision
from glyph_demo.models.vision_language import PreprocessedPage, VisionLanguageModel
from glyph_demo.rendering import resolve_style
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, PageFeatures

log = logging.getLogger(__name__)

CPU_SHARE = 0.25  # of the free memory, for keys and values: a CPU shares its memory with other programs
LEAST_CHUNK = 128  # tokens in one prefill forward, the minimum when memory is short
SPARE = 0.05  # of what is left on a GPU, lost to fragmentation

IN_BFLOAT16 = Message(
    "Numbers overflowed in float16. The model now computes in bfloat16, and this turn was done again in it.",
    "float16 计算发生数值溢出。模型已改用 bfloat16，本轮已用它重新计算。",
)
NOISE = Message(
    "This model has random weights. Its answers mean nothing; only its speed and memory do.",
    "该模型的权重是随机的，回答没有意义，仅用于测量速度和显存。",
)


class LocalEngine(Engine):
    """Documents share the model and the `kv_bytes` for keys and values. The least recently used document loses its KV
    cache, and is prefilled again from its features when it is asked. `progress` counts bytes while the model is
    downloaded and loaded. Raises EngineError, see `load_vision_language_model`."""

    name = "local"

    def __init__(
        self,
        settings: Settings,
        progress: LoadProgress | None = None,
        precision: Precision | torch.dtype | None = None,
        kv_bytes: int | None = None,
    ) -> None:
        models = models_folder(settings)
        precision = precision or settings.inference.precision
        self._limit = int(settings.inference.memory_limit_gb * 1e9)
        self.model: VisionLanguageModel = load_vision_language_model(
            settings.model, models, progress, precision, self._limit, settings.model_source
        )
        self.label = f"{settings.model} (random weights)" if self.model.random else settings.model
        self.notices: list[Message] = [NOISE] if self.model.random else [*self.model.notices]
        self._settings = settings
        self._stores: WeakSet[FeatureStore] = WeakSet()
        self._prepare_vision()
        self._changing = threading.Lock()
        inference = settings.inference
        most, wait = max(1, inference.max_batch_size), inference.max_wait_ms / 1000
        self._encoding = Batcher(self.model.encode_together, most, wait)
        self._kv_bytes = kv_bytes or 0
        with memory_errors():
            self._start()

    @property
    def identity(self) -> str:
        return self.model.identity

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values in use; at most the budget."""
        return self.pool.nbytes

    def capacity(self) -> int:
        return self.prefix_limit // PAGE_TOKENS

    def attach_store(self, store: FeatureStore) -> None:
        """Empty the device tier of `store` when memory runs out, or when its features have become useless."""
        self._stores.add(store)

    def set_batching(self, most: int, wait: float) -> None:
        """Batch the encoding of up to `most` pages, and the decode steps of up to `most` answers; see `Batcher`."""
        self._encoding.most, self._encoding.wait = max(1, most), wait
        self.decoder.batch_steps(self._encoding.most, wait)

    def relieve(self, keep: CachedPrefix | None = None) -> None:
        """Free memory after it ran out: drop page features on the device and the KV cache of all idle documents but
        `keep`, which are prefilled again when they are asked, and halve the tokens of a prefill forward."""
        log.warning("out of memory; other documents give theirs back, and prefill takes smaller steps")
        self._empty_stores()
        self.pool.release(keep)
        self.decoder.chunk = max(LEAST_CHUNK, self.decoder.chunk // 2)
        if self.model.transfer.device.type == "cuda":
            torch.cuda.empty_cache()

    @memory_errors()
    def encode(self, page: Page) -> PageFeatures:
        """Embeddings (tokens, hidden) of one page in the model's precision, and its grid (rows, columns). Pages from
        other threads may be encoded in the same batch."""
        return self._read(page, self._prepared(page))

    @memory_errors()
    def begin_encode(self, page: Page) -> Callable[[], PageFeatures]:
        """Cut the page into patches and copy them to the device. Returns a function that encodes them."""
        return memory_errors()(partial(self._read, page, self._prepared(page)))

    def _prepared(self, page: Page) -> PreprocessedPage:
        try:
            return self.model.preprocess_page(page.pixels)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            self.relieve()
            return self.model.preprocess_page(page.pixels)

    def _read(self, page: Page, prepared: PreprocessedPage) -> PageFeatures:
        precision = self.model.dtype
        try:
            encoded = self._encoding(threading.get_ident(), prepared)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            self.relieve()
            encoded = self.model.encode(page.pixels)
        if not encoded.finite:
            self.fall_back(precision)
            encoded = self.model.encode(page.pixels)
        return features_of(encoded.embeds, (encoded.rows, encoded.columns), self.model.transfer)

    def open_document(
        self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None
    ) -> LocalDocument:
        document = LocalDocument(self, source)
        for page in features:
            document.append(page)
        return document

    def open_text(self, text: str) -> LocalDocument:
        document = LocalDocument(self)
        document.append_text(text)
        return document

    def fall_back(self, precision: torch.dtype) -> None:
        """Switch to bfloat16 because `precision` gave non-finite numbers. Documents are prefilled again when they are
        next asked. Raises EngineError `model_broken` if `precision` was not float16."""
        with self._changing:
            if self.model.dtype != precision:
                return  # another thread has switched already
            if precision != torch.float16:
                raise EngineError(
                    "model_broken",
                    "The model's numbers are not finite. Its weights may be damaged: download them again.",
                    "模型输出了非有限数值，权重可能已损坏。请重新下载。",
                )
            log.warning("not finite in float16; changing to bfloat16")
            self.pool.release()
            self._empty_stores()
            with self.decoder.lock:
                self.model.to_bfloat16()
            self._prepare_vision()
            self._start()
            self.notices.append(IN_BFLOAT16)

    def close(self) -> None:
        self._empty_stores()
        self.model.close()

    def _empty_stores(self) -> None:
        for store in list(self._stores):
            store.clear_device()

    def _prepare_vision(self) -> None:
        """Prepare the settings' vision runtime for a full page. Pages of other sizes are encoded eagerly."""
        width, height = resolve_style(self._settings.rendering, "").page_pixels
        folder = self._settings.cache_path / "models"
        notice = self.model.prepare_vision(self._settings.inference.vision, height, width, folder)
        if notice is not None:
            self.notices.append(notice)

    def _start(self) -> None:
        inference = self._settings.inference
        self.decoder = Decoder(self.model.model)
        self.decoder.batch_steps(self._encoding.most, self._encoding.wait)
        notice = self.decoder.prepare_step(inference.decode)
        if notice is not None:
            self.notices.append(notice)
        left = self._left()
        self.decoder.chunk = min(self.decoder.chunk, chunk(self.decoder.config.to_dict(), left))
        self._kv_bytes = self._kv_bytes or self._kv_budget(left)
        self.pool = PrefixPool(self.decoder, self._kv_bytes)
        room_for_tokens = min(self.decoder.maximum, self._kv_bytes // self.decoder.bytes_per_entry)
        self.prefix_limit = room_for_tokens - min(ROOM_FOR_TURNS, room_for_tokens // 8)

    def _left(self) -> int:
        """Bytes left after the weights and the device tier of the store."""
        free = room(self.model.transfer.device)
        held = sum(held_bytes(weight) for weight in self.model.model.parameters())
        kept = self._settings.store.device_mb * 2**20 if self.model.transfer.apart else 0
        return (min(free, self._limit - held) if self._limit else free) - kept

    def _kv_budget(self, left: int) -> int:
        """Bytes for keys and values: `left` minus the most that encoding and answering need at one time, which is
        measured on a GPU and calculated on a CPU."""
        device = self.model.transfer.device
        if device.type == "cuda":
            if self._limit:
                total = torch.cuda.get_device_properties(device).total_memory
                torch.cuda.set_per_process_memory_fraction(min(1.0, self._limit / total), device)
            budget = int((left - self._warm_up()) * (1 - SPARE))
        else:
            work = work_bytes(self.decoder.config.to_dict(), self.decoder.chunk)
            budget = min(left - work, int(room(device) * CPU_SHARE))
        least = PAGE_TOKENS * self.decoder.bytes_per_entry
        if budget < least:
            raise EngineError(
                "model_too_large",
                f"Beside the model {max(0, budget) / 1e9:.2f} GB are left for documents, and a page takes "
                f"{least / 1e9:.2f}. Close other programs, or use --precision int8 or --engine pocket.",
                f"除模型外只剩 {max(0, budget) / 1e9:.2f} GB 可用于文档，而一页需要 {least / 1e9:.2f} GB。"
                "请关闭其他程序，或使用 --precision int8 或 --engine pocket。",
            )
        return budget

    def _warm_up(self) -> int:
        """Encode an empty page, prefill and decode once. Returns the peak of temporary bytes."""
        device = self.model.transfer.device
        torch.cuda.synchronize(device)  # weights were made on another stream than the one that encodes
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        width, height = resolve_style(self._settings.rendering, "").page_pixels
        blank = np.full((height, width), 255, np.uint8)
        ahead = self.model.preprocess_page(blank)  # as the next page is while one is encoded
        self.model.encode(blank)
        del ahead
        arena = self.decoder.arena()
        prefill(self.decoder, arena, text_segment([0] * min(self.decoder.chunk, arena.maximum - 1)))
        self.decoder.step(arena, [0])
        taken = torch.cuda.max_memory_allocated(device) - before - arena.nbytes
        arena.free()
        torch.cuda.empty_cache()
        return int(taken)
