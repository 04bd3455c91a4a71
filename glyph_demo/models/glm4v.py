"""Glyph and its siblings (GLM-4.1V-9B-Thinking, GLM-4.6V-Flash): from a checkpoint to a model that reads pages."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil, smart_resize

from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.models import memory
from glyph_demo.models.base import LoadProgress, untold
from glyph_demo.models.chat import Chat, load_tokenizer
from glyph_demo.models.checkpoint import BUFFERS, Checkpoint, find_checkpoint, identity
from glyph_demo.models.memory import QUANTISED
from glyph_demo.models.precision import Precision, activations, adapt, resolve
from glyph_demo.models.transfer import Transfer
from glyph_demo.models.vision import Runtime, Vision

AUTO = "zai-org/Glyph"
CLASSES = {"glm4v": "Glm4vForConditionalGeneration", "glm46v": "Glm46VForConditionalGeneration"}
_ROPE_DEFAULTS = {"mrope_section": [8, 12, 12], "partial_rotary_factor": 1.0}
# Precisions to name where the one wanted does not fit. A CPU quantises from 16 bit, which must fit then.
_SMALLER = {"cuda": ("fp16", *QUANTISED), "cpu": ("bf16",)}
_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


class Prepared(NamedTuple):
    """A page on its way to the device, as `high` by `wide` patches (high * wide, values). `wait` comes before use."""

    patches: torch.Tensor
    high: int
    wide: int
    wait: Callable[[], None]


class Encoded(NamedTuple):
    """A page as the language model takes it: embeddings (rows * columns, hidden) on the device, in rows, and whether
    they are all finite numbers."""

    embeds: torch.Tensor
    rows: int
    columns: int
    finite: bool


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a page becomes patches, from the checkpoint's preprocessor settings. `table` (256, 3), float32, gives the
    normalised value of every pixel value and channel."""

    table: torch.Tensor
    patch: int
    merge: int
    temporal: int
    min_pixels: int
    max_pixels: int
    resample: int

    @classmethod
    def of(cls, processor: Glm4vImageProcessorPil) -> Preprocessing:
        # The processor's own arithmetic, once for each of the 256 values there are: equal to it to the last bit.
        values = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=0)
        scaled = processor.rescale(values, processor.rescale_factor) if processor.do_rescale else values
        if processor.do_normalize:
            scaled = processor.normalize(scaled, processor.image_mean, processor.image_std)
        table = torch.from_numpy(np.ascontiguousarray(scaled[:, :, 0].T, dtype=np.float32))
        low, high = (int(processor.size[edge]) for edge in ("shortest_edge", "longest_edge"))
        merge, temporal = processor.merge_size, processor.temporal_patch_size
        return cls(table, processor.patch_size, merge, temporal, low, high, int(processor.resample))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The nearest height and width that divide into merged patches, within the limits."""
        size: tuple[int, int] = smart_resize(
            num_frames=self.temporal,
            height=height,
            width=width,
            temporal_factor=self.temporal,
            factor=self.patch * self.merge,
            min_pixels=self.min_pixels,
            max_pixels=self.max_pixels,
        )
        return size

    def resized(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The page (H, W) or (H, W, 3) in that size."""
        height, width = self.size(*pixels.shape[:2])
        if (height, width) == pixels.shape[:2]:
            return np.ascontiguousarray(pixels)
        return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling(self.resample)))

    def patches(self, pixels: torch.Tensor) -> tuple[torch.Tensor, int, int]:
        """Patches (n, 3 * temporal * patch * patch), float32, of a resized page (H, W) or (H, W, 3), uint8, on the
        page's device, merged ones side by side; and how many patches make a column and a row of the page."""
        table = self.table.to(pixels.device)
        if pixels.ndim == 2:
            values = table[pixels.long()]
        else:
            values = torch.stack([table[:, channel][pixels[:, :, channel].long()] for channel in range(3)], dim=-1)
        high, wide = pixels.shape[0] // self.patch, pixels.shape[1] // self.patch
        merge, patch = self.merge, self.patch
        blocks = values.view(high // merge, merge, patch, wide // merge, merge, patch, 3)
        blocks = blocks.permute(0, 3, 1, 4, 6, 2, 5)[:, :, :, :, :, None]
        blocks = blocks.expand(*blocks.shape[:5], self.temporal, patch, patch)
        return blocks.reshape(high * wide, -1), high, wide


class VisionLanguageModel:
    """A model, its tokenizer and its chat template. `identity` names weights, settings and precision: with a page's
    digest it is the key of the page's features. `stop_ids` end an answer. `random` says that the weights are noise."""

    def __init__(
        self, model: Any, tokenizer: Any, processor: Glm4vImageProcessorPil, sha: str, *, random: bool = False
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.random = random
        preprocessing = Preprocessing.of(processor)
        self.preprocessing = replace(preprocessing, table=preprocessing.table.to(model.device))
        config = model.config
        self.image_id: int = config.image_token_id
        self.chat = Chat(tokenizer, self.image_id)
        self.stop_ids = _stop_ids(model)
        self.transfer = Transfer(model.device)
        self.vision = Vision(model.model.visual)
        self._sha = sha
        # Reading a page runs beside the prefill of the page before it.
        self._stream = torch.cuda.Stream(model.device) if model.device.type == "cuda" else None

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def identity(self) -> str:
        products = "-mixed" if self.vision.mixed else ""
        return f"{self._sha}-{str(self.dtype).removeprefix('torch.')}{products}"

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Read one page, (H, W) or (H, W, 3)."""
        return self.encode_together([self.prepare(pixels)])[0]

    def prepare(self, pixels: NDArray[np.uint8]) -> Prepared:
        """Bring a page, (H, W) or (H, W, 3), to the device and cut it into patches there, beside what it does."""
        resized = self.preprocessing.resized(pixels)
        with torch.inference_mode(), self.transfer.beside() as wait:
            return Prepared(*self.preprocessing.patches(self.transfer.to_device(resized)), wait)

    def encode_together(self, pages: Sequence[Prepared]) -> list[Encoded]:
        """What `encode` gives for each of several pages, in one call of the tower where its runtime allows."""
        merge, encoded = self.preprocessing.merge, []
        with torch.inference_mode(), self._beside():
            for page in pages:
                page.wait()
                self.transfer.used(page.patches)
            for page, embeds in zip(pages, self.vision.read([page[:3] for page in pages]), strict=True):
                own = embeds.clone() if len(pages) > 1 else embeds  # else each page would hold the memory of all
                finite = bool(torch.isfinite(own).all())  # waits for the tower
                encoded.append(Encoded(own, page.high // merge, page.wide // merge, finite))
        return encoded

    def prepare_vision(
        self, runtime: Runtime, height: int, width: int, folder: Path, progress: LoadProgress | None = None
    ) -> Message | None:
        """Have `runtime` read pages of `height` by `width` pixels from now on, see `Vision.prepare`."""
        high, wide = (side // self.preprocessing.patch for side in self.preprocessing.size(height, width))
        return self.vision.prepare(runtime, self.identity, high, wide, folder, progress)

    def positions(self, rows: int, columns: int, before: int = 1, after: int = 1) -> torch.Tensor:
        """M-RoPE positions (3, before + rows * columns + after), int64, of a page between so many text tokens, counted
        from the first: time stands still, row and column count (arXiv 2409.12191, section 2.1)."""
        axes = torch.meshgrid(torch.arange(1), torch.arange(rows), torch.arange(columns), indexing="ij")
        inside = before + torch.stack([axis.flatten() for axis in axes])
        around = torch.arange(before + after).expand(3, -1)
        return torch.cat([around[:, :before], inside, around[:, before:] + max(rows, columns)], dim=1)

    def to_bfloat16(self) -> None:
        """Change the precision for good. Weights of a bfloat16 checkpoint held in float16 come back exactly, except
        for those below 2**-17 in size."""
        self.vision.release()
        self.model.to(torch.bfloat16)

    def close(self) -> None:
        """Give the weights' memory back."""
        del self.vision  # it holds the tower and its graphs
        self.model = None
        if self.transfer.device.type == "cuda":
            with contextlib.suppress(RuntimeError):  # a card that is lost: another engine must still be had
                torch.cuda.empty_cache()

    @contextlib.contextmanager
    def _beside(self) -> Iterator[None]:
        if self._stream is None:
            yield
        else:
            with torch.cuda.stream(self._stream):
                yield


def default_device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def load_glm4v(
    source: str,
    cache_dir: Path,
    progress: LoadProgress | None = None,
    precision: Precision | torch.dtype | None = None,
    limit: int = 0,
) -> VisionLanguageModel:
    """The model that `source` names: `auto`, a folder, a hub id, `random:glyph` or `random:mid`. `cache_dir` keeps what
    is downloaded. `progress` counts bytes, of the download and then of loading. `precision` is `auto` where it is not
    given; a dtype is taken as it is, without what keeps float16 safe. `limit` are the bytes that the model
    may take with all it works with, 0 for what is free. Raises EngineError: those of `find_checkpoint`,
    `precision_unavailable`, `model_too_large` and `model_unusable`."""
    report = progress or untold
    device = default_device()
    plain = precision if isinstance(precision, torch.dtype) else None
    name = resolve(precision if isinstance(precision, str) else "auto", device)
    dtype = plain or activations(name)
    called = _NAMES[plain] if plain else name
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if source.startswith("random:"):
        from glyph_demo.models.random import random_glm4v, random_size

        _check_room(*random_size(source), called, device, limit)
        noise = random_glm4v(source, device, dtype)
        if plain is None:
            adapt(noise.model, name, device)
        return noise
    checkpoint = find_checkpoint(AUTO if source == "auto" else source, frozenset(CLASSES), cache_dir, report)
    quantised = plain is None and name in QUANTISED
    # It comes in 16 bit, which the card need not have room for.
    first = torch.device("cpu") if quantised else device
    try:
        found = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        text = found.get_text_config().to_dict()
        if quantised:
            _check_room(checkpoint.parameters, text, "bf16", first, 0)
        _check_room(checkpoint.parameters, text, called, device, limit)
        sha = identity(checkpoint, cache_dir)
        tokenizer = load_tokenizer(checkpoint.folder)
        processor = Glm4vImageProcessorPil.from_pretrained(checkpoint.folder, local_files_only=True)
        with _reporting(checkpoint, report):
            model = _load(checkpoint, first, dtype)
        check_rope(model.config.text_config)
        _check_patches(model.config.vision_config, processor)
        if plain is None:
            adapt(model, name, device)
        return VisionLanguageModel(model, tokenizer, processor, sha)
    except EngineError:
        raise
    except Exception as error:  # whatever transformers raises for files that are no such model
        if ran_out_of_memory(error):
            free = room(device)
            raise memory.too_large(memory.plan(checkpoint.parameters, text, called, free), free) from error
        raise _unusable(f"{type(error).__name__}", type(error).__name__) from error


def check_rope(config: Any) -> None:
    """Two facts decide how positions are written into keys: the share of each head that is rotated, and how time, row
    and column divide it. Where a config lacks one, transformers takes a default (`Glm4vTextRotaryEmbedding`), and Glyph
    would answer nonsense with it: the two must fit each other. Writes the defaults taken into the config. Raises
    EngineError `model_unusable`."""
    rope = config.rope_parameters = {**_ROPE_DEFAULTS, **(config.rope_parameters or {})}
    head = config.hidden_size // config.num_attention_heads  # as Glm4vTextAttention has it
    if (getattr(config, "head_dim", None) or head) != head:
        raise _unusable(
            "the head_dim in its config.json is not hidden_size / num_attention_heads",
            "config.json 中的 head_dim 不等于 hidden_size / num_attention_heads",
        )
    sections, share = rope["mrope_section"], rope["partial_rotary_factor"]
    if len(sections) != 3 or 2 * sum(sections) != int(head * share):
        raise _unusable(
            "its config.json lacks a fitting mrope_section or partial_rotary_factor",
            "config.json 缺少匹配的 mrope_section 或 partial_rotary_factor",
        )


def _check_patches(vision: Any, processor: Glm4vImageProcessorPil) -> None:
    cut = (processor.patch_size, processor.merge_size, processor.temporal_patch_size)
    if cut != (vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size):
        raise _unusable(
            "preprocessor_config.json cuts pages into other patches than config.json",
            "preprocessor_config.json 与 config.json 的图像分块方式不一致",
        )


def room(device: torch.device) -> int:
    """Free bytes on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def _load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> Any:
    model, info = getattr(transformers, CLASSES[checkpoint.config["model_type"]]).from_pretrained(
        checkpoint.folder,
        dtype=dtype,
        device_map={"": device} if device.type == "cuda" else None,  # straight to the card, not through host memory
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are told here, by name
    )
    _check_tensors(info)
    return model


def _check_tensors(info: dict[str, Any]) -> None:
    """Raises EngineError `model_unusable` unless every tensor that the config asks for was there, in its shape, and no
    other: layers that were left out, for instance, would not be missed otherwise, and the answers be nonsense."""
    for name, stored, wanted in sorted(info["mismatched_keys"]):
        found, asked = tuple(stored), tuple(wanted)
        raise _unusable(
            f"its tensor {name} is {found}, and config.json asks for {asked}",
            f"张量 {name} 的形状为 {found}，而 config.json 要求 {asked}",
        )
    for name in sorted(info["missing_keys"]):
        raise _unusable(f"it has no tensor {name}", f"缺少张量 {name}")
    for name in sorted(info["unexpected_keys"]):
        if not BUFFERS.search(name):
            raise _unusable(
                f"its tensor {name} has no place in the model that config.json describes",
                f"张量 {name} 不属于 config.json 所描述的模型",
            )


@contextlib.contextmanager
def _reporting(checkpoint: Checkpoint, report: LoadProgress) -> Iterator[None]:
    """Tell `report` how far transformers is, instead of letting it draw a bar in somebody's terminal."""
    logging = transformers.utils.logging
    total, files = checkpoint.nbytes, len(checkpoint.weights)
    done, left = 0, Counter(tensor.file for tensor in checkpoint.tensors.values())

    def bar(factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def told(items: list[Any]) -> Iterator[Any]:
            nonlocal done
            for item in items:
                yield item
                # Names that transformers has changed are not found, and told with the last report.
                stored = checkpoint.tensors.get(item[0] if isinstance(item, tuple) else item)
                if stored is not None:
                    done += stored.nbytes
                    left[stored.file] -= 1  # tensors of all files come mixed: told is how many files are done with
                    report(done, total, min(files, list(left.values()).count(0) + 1), files)

        return told(list(args[0])) if args else logging.EmptyTqdm(*args, **kwargs)

    report(0, total, 1, files)
    previous = logging.set_tqdm_hook(bar)
    try:
        yield
    finally:
        logging.set_tqdm_hook(previous)
    report(total, total, files, files)


def _stop_ids(model: Any) -> frozenset[int]:
    """Every id that the checkpoint's own configuration calls an end."""
    config = model.config
    ends = [c.eos_token_id for c in (config, config.text_config, model.generation_config) if hasattr(c, "eos_token_id")]
    return frozenset(i for end in ends for i in (end if isinstance(end, list) else [end]) if i is not None)


def _check_room(parameters: int, text: dict[str, Any], precision: str, device: torch.device, limit: int) -> None:
    free = room(device)
    others = [name for name in _SMALLER[device.type] if name != precision]
    memory.check(parameters, text, precision, min(free, limit or free), others)


def _unusable(en: str, zh: str) -> EngineError:
    return EngineError(
        "model_unusable",
        f"The model cannot be used ({en}). Download it again or choose another.",
        f"无法使用该模型({zh})。请重新下载，或选择其他模型。",
    )
