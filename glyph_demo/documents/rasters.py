"""Pages of a PDF as pictures: pdfium draws them in the child process, and they stream to the parent one by one, each
as a header and its pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from glyph_demo.documents.problems import problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DPI = 144
MAX_SIDE = 8192  # pixels; longer sides gain nothing and may not be read
_HEADER = struct.Struct("<II")  # height, width; height * width bytes of gray follow


def write_rasters(path: Path, out: IO[bytes], before_page: Callable[[], None], numbers: Sequence[int]) -> None:
    """The pages of these numbers, from 1, in gray at DPI, or at less so that no side passes MAX_SIDE. `before_page` is
    called before each."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        for number in numbers:
            before_page()
            page = document[number - 1]
            scale = min(DPI / 72, (MAX_SIDE - 1) / max(*page.get_size(), 1))
            bitmap = page.render(scale=scale, grayscale=True)
            out.write(_HEADER.pack(bitmap.height, bitmap.width))
            rows = memoryview(bitmap.buffer).cast("B")
            for top in range(0, bitmap.height * bitmap.stride, bitmap.stride):
                out.write(rows[top : top + bitmap.width])
            out.flush()
            bitmap.close()
            page.close()


def read_raster(stream: IO[bytes]) -> NDArray[np.uint8]:
    """The next page, (H, W) uint8. Raises DocumentError where the stream breaks off."""
    import numpy as np

    header = stream.read(_HEADER.size)
    if len(header) == _HEADER.size:
        height, width = _HEADER.unpack(header)
        if 0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE:
            pixels = stream.read(height * width)
            if len(pixels) == height * width:
                return np.frombuffer(bytearray(pixels), np.uint8).reshape(height, width)
    raise problem("too_complex")
