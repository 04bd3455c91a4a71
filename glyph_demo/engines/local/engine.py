"""LocalEngine: Glyph and other vision-language models on this machine."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from weakref import WeakSet

import torch
import transformers

from glyph_demo.decoding.batcher import Batcher
from glyph_demo.decoding.decoder import Decoder
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.decoding.prefix import CachedPrefix
from glyph_demo.decoding.products import keep_halves, keeps_halves
from glyph_demo.engines.base import Engine, FeatureSource
from glyph_demo.engines.local.answer import memory_errors
from glyph_demo.engines.local.document import ROOM_FOR_TURNS, LocalDocument
from glyph_demo.engines.local.kept import FORMAT, DiskKeeper
from glyph_demo.engines.local.pages import features_of
from glyph_demo.engines.local.warm_up import most_held
from glyph_demo.engines.weights import model_name, models_folder
from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.gpu import short_name
from glyph_demo.kv_files import KVFiles
from glyph_demo.models.base import LoadProgress, untold
from glyph_demo.models.loader import load_vision_language_model, room
from glyph_demo.models.memory import QUANTISED, chunk, held_bytes, work_bytes
from glyph_demo.models.precision import Precision
from glyph_demo.models.vision_language import PreprocessedPage, VisionLanguageModel
from glyph_demo.process import keep_kernels
from glyph_demo.rendering import resolve_style
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Inference, Rendering, Settings
from glyph_demo.store import FeatureStore, PageFeatures

log = logging.getLogger(__name__)

CPU_SHARE = 0.25  # of the free memory, for keys and values: a CPU shares its memory with other programs
LEAST_CHUNK = 128  # tokens in one prefill forward, the minimum when memory is short
SPARE = 0.05  # of what is left on a GPU, lost to fragmentation

IN_BFLOAT16 = Message(
    "Numbers overflowed in float16. The model now computes in bfloat16, and this turn was done again in it.",
    "float16 计算发生数值溢出。模型已改用 bfloat16，本轮已用它重新计算。",
)
COMPILING = Message("compiling kernels, some minutes at the first start", "正在编译内核，首次启动需要几分钟")
BUILDING_VISION = Message(
    "building the vision graph, some minutes at the first start", "正在构建视觉图，首次启动需要几分钟"
)
STEPS = 2  # that COMPILING is told in
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
        models, inference = models_folder(settings), settings.inference
        keep_kernels(settings.cache_path / "kernels")
        self._report = progress or untold
        self._limit = int(inference.memory_limit_gb * 1e9)
        packs = keeps_halves() and inference.decode != "compiled"
        self.model: VisionLanguageModel = load_vision_language_model(
            *(settings.model, models, progress, precision or _asked(inference), self._limit),
            *(inference.image_size, settings.model_source, inference.kv == "int8", keep_halves if packs else None),
        )
        self.label, self.precision = model_name(settings.model), self.model.precision
        device = self.model.transfer.device
        if device.type == "cuda":
            self.device = short_name(torch.cuda.get_device_name(device))
        self.notices: list[Message] = [NOISE] if self.model.random else [*self.model.notices]
        self.fallen_back: list[Message] = []  # those of the notices that tell of a plainer runtime than was asked for
        if inference.precision == "auto" and self.model.precision in QUANTISED:
            self.notices.append(_chosen(self.model.precision))
        self._settings = settings
        self._stores: WeakSet[FeatureStore] = WeakSet()
        self._documents: WeakSet[LocalDocument] = WeakSet()
        self._prepare_vision()
        self._changing = threading.Lock()
        most, wait = max(1, inference.max_batch_size), inference.max_wait_ms / 1000
        self._encoding = Batcher(self.model.encode_together, most, wait)
        self._kv_bytes = kv_bytes or 0
        self._kv_files: KVFiles | None = None
        self.keeper: DiskKeeper | None = None
        self.pool: PrefixPool
        with memory_errors():
            self._start()

    @property
    def identity(self) -> str:
        return self.model.identity

    @property
    def page_style(self) -> str:
        return self.model.page_style

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values in use; at most the budget."""
        return self.pool.nbytes

    def capacity(self) -> int:
        return self.prefix_limit // self._page_tokens

    @property
    def runtimes(self) -> dict[str, str]:
        """What reads full pages, decodes and prefills; `plainer than` another where that could not be had."""
        vision = self.model.vision.runtime
        return {"vision": vision, "decode": self._decode_runtime, "prefill": self._prefill_runtime}

    @property
    def _page(self) -> tuple[int, int]:
        """Height and width in pixels of a full page in the settings' style."""
        width, height = resolve_style(self._settings.rendering, "", self.page_style).page_pixels
        return height, width

    @property
    def _page_tokens(self) -> int:
        """Tokens of a full page in the style that `auto` means, with its two markers."""
        width, height = resolve_style(Rendering(), "", self.page_style).page_pixels
        return self.model.preprocessing.page_tokens(height, width) + 2

    def grid(self, page: Page) -> tuple[int, int]:
        """Rows and columns of the embeddings that `encode` gives for a page."""
        preprocessing = self.model.preprocessing
        height, width = preprocessing.fitting_size(*page.pixels.shape[:2])
        side = preprocessing.patch * preprocessing.merge
        return height // side, width // side

    def attach_store(self, store: FeatureStore) -> None:
        """Empty the device tier of `store` when memory runs out, or when its features have become useless. Keys and
        values are kept in the first store that has a place for them."""
        self._stores.add(store)
        with self._changing:
            if self._kv_files is None and store.kv is not None:
                self._kv_files = store.kv
                self.keeper = self.pool.keeper = self._new_keeper()

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
        self._documents.add(document)
        for page in features:
            document.append(page)
        return document

    def open_text(self, text: str) -> LocalDocument:
        document = LocalDocument(self)
        self._documents.add(document)
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
        if self.keeper is not None:
            self.keeper.close()
        self.model.close()

    def _empty_stores(self) -> None:
        for store in list(self._stores):
            store.clear_device()

    def _prepare_vision(self) -> None:
        """Prepare the settings' vision runtime for a full page. Pages of other sizes are encoded eagerly."""
        height, width = self._page
        folder = self._settings.cache_path / "models"
        progress = partial(self._report, what=BUILDING_VISION)
        left = self._free() if self.model.transfer.device.type == "cuda" else None
        notice = self.model.prepare_vision(self._settings.inference.vision, height, width, folder, progress, left)
        if notice is not None:
            self._fell_back(notice)

    def _fell_back(self, notice: Message) -> None:
        self.notices.append(notice)
        self.fallen_back.append(notice)

    def _start(self) -> None:
        inference = self._settings.inference
        self.decoder = Decoder(self.model.model, inference.kv == "int8")
        if self._kv_bytes:
            self._open_pool()
        self.decoder.batch_steps(self._encoding.most, self._encoding.wait)
        cuda = self.model.transfer.device.type == "cuda"
        if cuda:
            self._report(0, STEPS, what=COMPILING)
        notice = self.decoder.prepare_step(inference.decode)
        wanted = ("compiled" if cuda else "eager") if inference.decode == "auto" else inference.decode
        self._decode_runtime = wanted if notice is None else f"plainer than {wanted}"
        if notice is not None:
            self._fell_back(notice)
        if cuda:
            torch.cuda.empty_cache()  # what tuning had is free, though torch keeps it
            self._report(1, STEPS, what=COMPILING)
        left = self._left()
        self.decoder.chunk = min(self.decoder.chunk, chunk(self.decoder.config.to_dict(), left))
        if not self._kv_bytes:
            self._kv_bytes = self._kv_budget(left)
            self._open_pool()
        # After memory was measured: pages with deep features go on through the model's own forward, which takes more.
        slower = self.decoder.prepare_prefill()
        self._prefill_runtime = "compiled" if self.decoder.prefills else "the model's own"
        if slower is not None:
            self.notices.append(slower)
        if cuda:
            self._report(STEPS, STEPS, what=COMPILING)
        room_for_tokens = min(self.decoder.maximum, self._kv_bytes // self.decoder.bytes_per_entry)
        self.prefix_limit = room_for_tokens - min(ROOM_FOR_TURNS, room_for_tokens // 8)

    def _open_pool(self) -> None:
        """Open a pool on the decoder of now. Idle documents let go of the one before, and with it of its decoder, which
        may hold gigabytes of joined weights."""
        self.keeper = self._new_keeper()
        self.pool = PrefixPool(self.decoder, self._kv_bytes, self.keeper)
        for document in list(self._documents):
            document.follow()

    def _new_keeper(self) -> DiskKeeper | None:
        """Who keeps keys and values as the model computes them now."""
        if self._kv_files is None:
            return None
        decoder = self.decoder
        facts = {
            "format": FORMAT,
            "model": self.identity,
            "precision": self.model.precision,
            "kv": "int8" if decoder.int8 else "16bit",
            "shape": [decoder.layers, *decoder.entry_shape],
            "device": self.device,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        return DiskKeeper(json.dumps(facts), self.label, self._kv_files, self.model.transfer)

    def _free(self) -> int:
        """Bytes that the weights leave."""
        free = room(self.model.transfer.device)
        held = sum(held_bytes(weight) for weight in self.model.model.parameters()) + self.decoder.kept_beside
        return min(free, self._limit - held) if self._limit else free

    def _left(self) -> int:
        """Bytes left after the weights and the device tier of the store."""
        kept = self._settings.store.device_mb * 2**20 if self.model.transfer.apart else 0
        return self._free() - kept

    def _kv_budget(self, left: int) -> int:
        """Bytes for keys and values: `left` minus the most that encoding and answering need at one time, which is
        measured on a GPU and calculated on a CPU."""
        device = self.model.transfer.device
        if device.type == "cuda":
            if self._limit:
                total = torch.cuda.get_device_properties(device).total_memory
                torch.cuda.set_per_process_memory_fraction(min(1.0, self._limit / total), device)
            budget = int((left - most_held(self.model, self.decoder, self._page)) * (1 - SPARE))
        else:
            work = work_bytes(self.decoder.config.to_dict(), self.decoder.chunk)
            budget = min(left - work, int(room(device) * CPU_SHARE))
        kept, read = self.decoder.bytes_per_entry, self.decoder.bytes_read_per_entry
        budget = budget * kept // (kept + read)
        least = self._page_tokens * kept
        if budget < least:
            raise EngineError(
                "model_too_large",
                f"Beside the model {max(0, budget) / 1e9:.2f} GB are left for documents, and a page takes "
                f"{least / 1e9:.2f}. Close other programs, or choose int8 under Settings → Precision or another "
                "model under Settings → Model (on the command line: --precision int8, --engine pocket).",
                f"除模型外只剩 {max(0, budget) / 1e9:.2f} GB 可用于文档，而一页需要 {least / 1e9:.2f} GB。"
                "请关闭其他程序，或在“设置 → 精度”中选择 int8，或在“设置 → 模型”中选择其他模型"
                "（命令行：--precision int8、--engine pocket）。",
            )
        return budget


def _asked(inference: Inference) -> Precision:
    """The precision that settings ask for: the vision runtime `mixed` is for float32."""
    return "fp32" if inference.precision == "auto" and inference.vision == "mixed" else inference.precision


def _chosen(precision: str) -> Message:
    return Message(
        f"The model runs in {precision}: in 16 bit this card would have no room for a long document. "
        "fp16, under Settings → Precision (on the command line: --precision fp16), is more exact and takes shorter "
        "ones.",
        f"模型以 {precision} 运行：若用 16 位，此显卡放不下长文档。“设置 → 精度”中的 fp16"
        "（命令行：--precision fp16）更精确，但可读文档较短。",
    )
