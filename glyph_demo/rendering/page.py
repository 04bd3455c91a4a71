"""A rendered page: pixels, where its text came from, and where each line of it stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. `start` and `end` are offsets in the Document's text; `box` is (left, top, right, bottom)
    in pixels of the page, right and bottom exclusive."""

    text: str
    start: int
    end: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Page:
    """`index` counts from 0. `pixels` is uint8, (H, W) for black on white or (H, W, 3) where there is colour.
    `span` is the part of the Document's text drawn here. A page that came as a picture has no lines and an
    empty span."""

    index: int
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    span: tuple[int, int] = (0, 0)
    lines: tuple[Line, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shape and pixels, in hex: equal for equal pictures, whatever document they stand in."""
        header = f"{self.pixels.shape}".encode()
        return hashlib.sha256(header + np.ascontiguousarray(self.pixels).tobytes()).hexdigest()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])
