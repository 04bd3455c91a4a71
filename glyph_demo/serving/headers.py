"""The size of a picture from the header of its file, without decoding it. Files are untrusted, and Pillow takes long
over headers of a million chunks. A malformed file raises ValueError, IndexError or struct.error."""

from __future__ import annotations

import re
from struct import unpack_from

# Chunks or segments that a file may have: so many, and one more for each so many bytes.
_PIECES, _BYTES_A_PIECE = 100, 512
_MAX_SCANS = 64  # of a progressive JPEG; each is a pass over the whole picture
_MAX_EXIF_SEGMENTS = 16  # of a JPEG; Pillow joins them one by one
_BLOCK = 1 << 20  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))  # without a segment
_FILL, _END, _SCAN, _APP1 = 0xFF, 0xD9, 0xDA, 0xE1
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the others occur in a scan's data


def size_in_header(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a PNG, JPEG or WebP file."""
    most = _PIECES + len(data) // _BYTES_A_PIECE
    if data.startswith(_PNG):
        return _png(data, most)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data, most)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data, most)
    raise ValueError("no picture of a known kind")


def _png(data: bytes, most: int) -> tuple[int, int]:
    start, name = len(_PNG), b""
    while name != b"IEND" and start < len(data):
        most = _one_less(most)
        length, name = unpack_from(">I4s", data, start)
        start += 12 + length
    head, width, height = unpack_from(">4sII", data, len(_PNG) + 4)
    if head != b"IHDR":
        raise ValueError("no header")
    return width, height


def _webp(data: bytes, most: int) -> tuple[int, int]:
    start = 12
    while start + 8 <= len(data):
        most = _one_less(most)
        (length,) = unpack_from("<I", data, start + 4)
        start += 8 + length + length % 2
    kind = data[12:16]
    if kind == b"VP8X":
        width, _, height, _ = unpack_from("<HBHB", data, 24)
        return 1 + width + (data[26] << 16), 1 + height + (data[29] << 16)
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind != b"VP8 ":
        raise ValueError("no header")
    width, height = unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(data: bytes, most: int) -> tuple[int, int]:
    size, scans, exifs, place = (0, 0), 0, 0, 2
    while scans <= _MAX_SCANS and exifs <= _MAX_EXIF_SEGMENTS:
        most = _one_less(most)
        if scans:
            place = _after_scan(data, place)
        marker = data[place + 1]
        if data[place] != _FILL or marker == _FILL:  # junk, or one too many
            place += 1
            continue
        if marker == _END:
            return size
        if marker in _BARE:
            place += 2
            continue
        if marker in _FRAMES:
            height, width = unpack_from(">HH", data, place + 5)
            size = (width, height)
        scans += marker == _SCAN
        exifs += marker == _APP1 and data[place + 4 : place + 8] == b"Exif"
        place += 2 + unpack_from(">H", data, place + 2)[0]
    raise ValueError("too many scans")


def _after_scan(data: bytes, place: int) -> int:
    """The offset of the next marker. Searched in blocks, because each search blocks all other threads."""
    for start in range(place, len(data), _BLOCK):
        found = _MARKER.search(data, start, start + _BLOCK + 1)
        if found is not None:
            return found.start()
    raise ValueError("cut off")


def _one_less(most: int) -> int:
    if not most:
        raise ValueError("too many pieces")
    return most - 1
