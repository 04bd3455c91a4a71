"""What distinguishes one family of vision-language models from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from glyph_demo.models.preprocessing import Preprocessing


def mrope_positions(rows: int, columns: int, before: int = 1, after: int = 1) -> torch.Tensor:
    """M-RoPE positions (3, before + rows * columns + after), int64, of a page between so many text tokens, counted from
    the first: time is the same for all visual tokens, row and column count (arXiv 2409.12191, section 2.1)."""
    axes = torch.meshgrid(torch.arange(1), torch.arange(rows), torch.arange(columns), indexing="ij")
    inside = before + torch.stack([axis.flatten() for axis in axes])
    around = torch.arange(before + after).expand(3, -1)
    return torch.cat([around[:, :before], inside, around[:, before:] + max(rows, columns)], dim=1)


def accept(config: Any) -> None:
    """A check of a config that refuses none."""


@dataclass(frozen=True, slots=True)
class Family:
    """What models with one `model_type` in their config.json have of their own. The rest is read from the checkpoint:
    the image token from its config, markers and turns from its chat template, how layers decode from its weights.

    `load_preprocessing` reads the preprocessor settings in a checkpoint's folder. `positions` gives the positions of a
    page's visual tokens and markers, see `mrope_positions`. `check_config` raises EngineError `model_unusable` for a
    config that transformers would load and run wrongly; it may write what is missing into it. `thinks` says whether
    models think though their template begins no thought. `page_style` is the style that `auto` means for them; with ""
    the text decides. docs/models.md has the reason for each."""

    load_preprocessing: Callable[[Path], Preprocessing]
    positions: Callable[[int, int, int, int], torch.Tensor] = mrope_positions
    check_config: Callable[[Any], None] = accept
    thinks: bool = True
    page_style: str = ""
