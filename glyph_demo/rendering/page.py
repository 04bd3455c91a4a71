"""A rendered page: its pixels, its part of the text, and where each line is."""

from __future__ import annotations

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
    `span` is the part of the Document's text drawn here. `picture` is the number of the file's page that this is a
    picture of, 0 for a page that we drew; a picture has no lines, and its span is what the file has as its text.
    `edges` (characters of the span, 2) uint16: left and right edge of each character in pixels."""

    index: int
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    span: tuple[int, int] = (0, 0)
    lines: tuple[Line, ...] = ()
    edges: NDArray[np.uint16] | None = field(default=None, repr=False, compare=False)
    picture: int = 0

    def boxes(self, start: int, end: int) -> tuple[tuple[int, int, int, int], ...]:
        """The boxes, as `Line.box`, of the characters `start` to `end` of the Document's text: one a line."""
        found = []
        for line in self.lines:
            first, last = max(start, line.start), min(end, line.end)
            if first < last and self.edges is not None:
                edges = self.edges[first - self.span[0] : last - self.span[0]]
                found.append((int(edges[:, 0].min()), line.box[1], int(edges[:, 1].max()), line.box[3]))
        return tuple(found)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shape and pixels, in hex: equal for equal pictures, whatever document they are in."""
        import hashlib  # here, because it loads OpenSSL, which drawing does not need

        header = f"{self.pixels.shape}".encode()
        return hashlib.sha256(header + np.ascontiguousarray(self.pixels).tobytes()).hexdigest()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])
