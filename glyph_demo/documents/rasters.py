"""Pages of a PDF as pictures. pdfium draws them in the child process, with form fields as they are filled in; they
stream to the parent one by one, each as a header and its pixels."""

from __future__ import annotations

import json
import struct
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from glyph_demo.documents.problems import problem

if TYPE_CHECKING:
    import numpy as np
    import pypdfium2
    from numpy.typing import NDArray

DPI = 144
MAX_SIDE = 8192  # pixels; longer sides gain nothing and may not be read
_MAX_BOXES = 200  # a text that is found more often is not worth marking
_MAX_BOX_BYTES = 1 << 24
_HEADER = struct.Struct("<III")  # height, width, channels; height * width * channels bytes follow
_LENGTH = struct.Struct("<I")
# What reading adds between the words of a page, or takes away, beside white space.
_UNREAD = frozenset("-\u00ad\u2010\u2011\u0002\ufffe|^")

Box = tuple[float, float, float, float]  # left, top, right, bottom as fractions of the page, from its upper left corner


class Original(NamedTuple):
    """A page as people see it: `pixels` (H, W) or (H, W, 3) uint8, and for each of the texts asked for its `boxes`,
    one a line; none where the page does not have that text."""

    pixels: NDArray[np.uint8]
    boxes: list[list[Box]]


def write_rasters(path: Path, out: IO[bytes], before_page: Callable[[], None], numbers: Sequence[int]) -> None:
    """The pages of these numbers, counted from 0, in this order, at DPI, or at less so that no side passes MAX_SIDE.
    `before_page` is called before each."""
    with _opened(path) as document:
        for number in numbers:
            before_page()
            page = document[number]
            _write(_draw(page, DPI / 72), out)
            page.close()


def write_original(path: Path, out: IO[bytes], number: int, width: int, texts: Sequence[str]) -> None:
    """The page of this number, counted from 0, drawn `width` pixels wide, or less so that no side passes MAX_SIDE; and
    where these texts stand on it."""
    with _opened(path) as document:
        page = document[number]
        bitmap = _draw(page, (width - 0.5) / page.get_width())  # pdfium rounds up
        boxes = json.dumps(_boxes(page, bitmap, texts)).encode()
        _write(bitmap, out)
        out.write(_LENGTH.pack(len(boxes)) + boxes)
        out.flush()


def read_raster(stream: IO[bytes]) -> NDArray[np.uint8]:
    """The next page: (H, W) uint8 where it is all gray, else (H, W, 3) in RGB. Raises DocumentError where the stream
    breaks off."""
    import numpy as np

    height, width, channels = _HEADER.unpack(_exactly(stream, _HEADER.size))
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE and channels in (1, 3)):
        raise problem("too_complex")
    pixels = np.frombuffer(bytearray(_exactly(stream, height * width * channels)), np.uint8)
    return pixels.reshape((height, width) if channels == 1 else (height, width, 3))


def read_original(stream: IO[bytes]) -> Original:
    """What `write_original` wrote. Raises DocumentError where the stream breaks off."""
    pixels = read_raster(stream)
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > _MAX_BOX_BYTES:
        raise problem("too_complex")
    found = json.loads(_exactly(stream, length))
    return Original(pixels, [[(left, top, right, bottom) for left, top, right, bottom in boxes] for boxes in found])


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise problem("too_complex")
    return data


def _opened(path: Path) -> pypdfium2.PdfDocument:
    from glyph_demo.documents.pdf_open import opened

    return opened(path)[0]


def _draw(page: pypdfium2.PdfPage, scale: float) -> pypdfium2.PdfBitmap:
    scale = min(scale, (MAX_SIDE - 1) / max(*page.get_size(), 1))
    return page.render(scale=scale, rev_byteorder=True)


def _write(bitmap: pypdfium2.PdfBitmap, out: IO[bytes]) -> None:
    """The header and the pixels of an RGB bitmap, in gray where they are all gray. Closes the bitmap."""
    channels = 1 if all(row[::3] == row[1::3] == row[2::3] for row in _rows(bitmap)) else 3
    out.write(_HEADER.pack(bitmap.height, bitmap.width, channels))
    for row in _rows(bitmap):
        out.write(row if channels == 3 else row[::3])
    out.flush()
    bitmap.close()


def _rows(bitmap: pypdfium2.PdfBitmap) -> Iterator[bytes]:
    data = memoryview(bitmap.buffer).cast("B")
    for top in range(0, bitmap.height * bitmap.stride, bitmap.stride):
        yield bytes(data[top : top + 3 * bitmap.width])


def _boxes(page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap, texts: Sequence[str]) -> list[list[Box]]:
    """For each text the boxes of all places where the page has it. White space, hyphens, letter case and compatible
    forms of a character make no difference."""
    import pypdfium2.raw as pdfium

    text_page = page.get_textpage()
    letters: list[str] = []
    places: list[int] = []  # of each letter: the character of the text page that it comes from
    for place in range(text_page.count_chars()):
        folded = _folded(chr(min(pdfium.FPDFText_GetUnicode(text_page, place), 0x10FFFF)))
        letters.append(folded)
        places.extend([place] * len(folded))
    whole = "".join(letters)
    answer: list[list[Box]] = []
    for text in texts:
        wanted, boxes = _folded(text), list[Box]()
        start = whole.find(wanted) if wanted else -1
        while start >= 0 and len(boxes) < _MAX_BOXES:
            first, last = places[start], places[start + len(wanted) - 1]
            boxes += _lines(text_page, page, bitmap, first, last - first + 1)
            start = whole.find(wanted, start + len(wanted))
        answer.append(boxes[:_MAX_BOXES])
    return answer


def _folded(text: str) -> str:
    """`text` as it is compared."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if not letter.isspace() and letter not in _UNREAD)


def _lines(
    text_page: pypdfium2.PdfTextPage, page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap, first: int, count: int
) -> list[Box]:
    """The boxes of characters that follow each other. pdfium gives one for each change of font; those of a line that
    stand close together become one."""
    to_bitmap = bitmap.get_posconv(page).to_bitmap
    lines: list[Box] = []
    for number in range(text_page.count_rects(first, count)):
        left, bottom, right, top = text_page.get_rect(number)
        x, y = zip(to_bitmap(left, bottom), to_bitmap(right, top), strict=True)
        box = (min(x), min(y), max(x), max(y))
        if lines and _on_one_line(lines[-1], box):
            last = lines.pop()
            box = (min(last[0], box[0]), min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3]))
        lines.append(box)
    width, height = bitmap.width, bitmap.height
    return [(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in lines]


def _on_one_line(one: Box, other: Box) -> bool:
    """Whether half of the lower one's height is shared, and the gap between them is no wider than they are high."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    height = min(one[3] - one[1], other[3] - other[1])
    gap = max(one[0], other[0]) - min(one[2], other[2])
    return shared >= 0.5 * height and gap <= 2 * height
