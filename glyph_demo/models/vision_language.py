"""A vision-language model that is loaded: pages in, embeddings out, with what the language half needs beside them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glyph_demo.errors import Message
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.budget import DOCUMENT_TOKENS, Shape, tokens_beside
from glyph_demo.models.chat import Chat
from glyph_demo.models.families import FAMILIES
from glyph_demo.models.memory import held_bytes
from glyph_demo.models.preprocessing import Preprocessing
from glyph_demo.models.transfer import Transfer
from glyph_demo.models.vision import Runtime, Vision


class PreprocessedPage(NamedTuple):
    """A page on its way to the device, as `high` by `wide` patches (high * wide, values). Call `wait` before using
    them."""

    patches: torch.Tensor
    high: int
    wide: int
    wait: Callable[[], None]


class Encoded(NamedTuple):
    """A page as the language model takes it: embeddings (rows * columns, hidden) on the device, in rows, and whether
    they are all finite numbers. Where features of the tower's earlier layers belong to a page, they are beside its
    embeddings, (rows * columns, (1 + deep) * hidden), see `Segment`."""

    embeds: torch.Tensor
    rows: int
    columns: int
    finite: bool


class VisionLanguageModel:
    """A vision-language model of one of FAMILIES, its tokenizer and its chat template. `identity` names weights,
    settings and precision: with a page's digest it is the key of the page's features. `stop_ids` end an answer.
    `positions` and `page_style` are those of its family. `precision` is the one that `auto` stood for, set by who loads
    it. `random` says that the weights are noise. `notices` are to be told to people."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        preprocessing: Preprocessing,
        sha: str,
        *,
        random: bool = False,
        notices: Sequence[Message] = (),
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.random, self.notices = random, tuple(notices)
        self.precision = ""
        self.preprocessing = replace(preprocessing, table=preprocessing.table.to(model.device))
        self.image_id: int = model.config.image_token_id
        family = FAMILIES[model.config.model_type]
        self.positions, self.page_style = family.positions, family.page_style
        self.chat = Chat(tokenizer, self.image_id, family.thinks)
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

    @property
    def shape(self) -> Shape:
        """What its bytes follow from, for keys and values in 16 bit."""
        text, vision = self.model.config.get_text_config().to_dict(), self.model.config.vision_config.to_dict()
        parameters = sum(weight.numel() for weight in self.model.parameters())
        return Shape(parameters, text, vision, self.preprocessing.most_patches)

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Read one page, (H, W) or (H, W, 3)."""
        return self.encode_together([self.preprocess_page(pixels)])[0]

    def preprocess_page(self, pixels: NDArray[np.uint8]) -> PreprocessedPage:
        """Bring a page, (H, W) or (H, W, 3), to the device and cut it into patches there, beside what it does."""
        resized = self.preprocessing.resized(pixels)
        with torch.inference_mode(), self.transfer.beside() as wait:
            return PreprocessedPage(*self.preprocessing.patches(self.transfer.to_device(resized)), wait)

    def encode_together(self, pages: Sequence[PreprocessedPage]) -> list[Encoded]:
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
        self,
        runtime: Runtime,
        height: int,
        width: int,
        folder: Path,
        progress: LoadProgress | None = None,
        left: int | None = None,
    ) -> Message | None:
        """Have `runtime` read pages of `height` by `width` pixels from now on, see `Vision.prepare_runtime`. `left`
        are the bytes that the weights leave: where they have no room for those of the tower once more and a long
        document, `auto` takes none of the runtimes that hold them."""
        again = left is None or self._room_for_tower(left)
        high, wide = (side // self.preprocessing.patch for side in self.preprocessing.fitting_size(height, width))
        return self.vision.prepare_runtime(runtime, self.identity, high, wide, folder, progress, again)

    def _room_for_tower(self, left: int) -> bool:
        tower = sum(held_bytes(weight) for weight in self.model.model.visual.parameters())
        return tokens_beside(self.shape, self.precision, left - tower) >= DOCUMENT_TOKENS

    def to_bfloat16(self) -> None:
        """Change the precision for good. Weights of a bfloat16 checkpoint held in float16 come back exactly, except
        for those below 2**-17 in size."""
        self.vision.release()
        self.model.to(torch.bfloat16)
        self.precision = "bf16"

    def close(self) -> None:
        """Give the weights' memory back. Called again it changes nothing."""
        vars(self).pop("vision", None)  # it holds the tower and its graphs
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


def named_size(sha: str, image_size: int) -> str:
    """The name of what is read with no more pixels than a square of `image_size` has."""
    return f"{sha}-{image_size}px" if image_size else sha


def _stop_ids(model: Any) -> frozenset[int]:
    """Every id that the checkpoint's own configuration calls an end."""
    config = model.config
    ends = [c.eos_token_id for c in (config, config.text_config, model.generation_config) if hasattr(c, "eos_token_id")]
    return frozenset(i for end in ends for i in (end if isinstance(end, list) else [end]) if i is not None)
