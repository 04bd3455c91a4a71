"""From a page's pixels to the patches that a vision tower takes, without transformers' detours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

_LARGE = 8192  # pixels, the longest side of a page


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a page becomes patches, from the checkpoint's preprocessor settings. `table` (256, 3), float32, gives the
    normalised value of every pixel value and channel. `patch` is the side of a patch in pixels, `merge` the side of the
    square of patches that become one visual token, `temporal` how often a still page is repeated. `fitting_size` gives
    the nearest (height, width) in pixels that divides into merged patches, within the model's limits."""

    table: torch.Tensor
    patch: int
    merge: int
    temporal: int
    resample: int
    fitting_size: Callable[[int, int], tuple[int, int]]

    @classmethod
    def of(cls, processor: Any, fitting_size: Callable[[int, int], tuple[int, int]]) -> Preprocessing:
        """That of one of transformers' image processors for patches, such as `Glm4vImageProcessorPil`."""
        # The processor's own arithmetic, once for each of the 256 values there are: equal to it to the last bit.
        values = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=0)
        scaled = processor.rescale(values, processor.rescale_factor) if processor.do_rescale else values
        if processor.do_normalize:
            scaled = processor.normalize(scaled, processor.image_mean, processor.image_std)
        table = torch.from_numpy(np.ascontiguousarray(scaled[:, :, 0].T, dtype=np.float32))
        merge, temporal = processor.merge_size, processor.temporal_patch_size
        return cls(table, processor.patch_size, merge, temporal, int(processor.resample), fitting_size)

    def within(self, side: int) -> Preprocessing:
        """The same for pages that are read with no more pixels than a square of `side` pixels has, in their own
        proportions: what goes on through the model is then no more than for such a square. 0 changes nothing."""

        def fitting_size(height: int, width: int) -> tuple[int, int]:
            scale = min(1.0, side / (height * width) ** 0.5)
            return self.fitting_size(max(1, round(height * scale)), max(1, round(width * scale)))

        return replace(self, fitting_size=fitting_size) if side else self

    @property
    def most_patches(self) -> int:
        """Patches of the largest page that there is."""
        height, width = self.fitting_size(_LARGE, _LARGE)
        return height * width // self.patch**2

    def page_tokens(self, height: int, width: int) -> int:
        """Visual tokens of a page of so many pixels."""
        height, width = self.fitting_size(height, width)
        return height * width // (self.patch * self.merge) ** 2

    def resized(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The page (H, W) or (H, W, 3), uint8, in its fitting size."""
        height, width = self.fitting_size(*pixels.shape[:2])
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
