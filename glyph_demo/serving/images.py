"""Pictures that clients send: from untrusted bytes to a page's pixels, as the model's own processor decodes them."""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from glyph_demo.errors import DocumentError
from glyph_demo.serving.headers import size_in_header

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 36_000_000  # the limit of Glyph's published clients
MAX_SIDE = 8192  # pixels
MAX_RATIO = 100  # of the sides; the model's processor refuses more than 200
MAX_EXIF = 1 << 16  # bytes, as in a segment of a JPEG; Pillow's time grows faster than the length

_BLOCK = 1 << 20  # bytes of base64 decoded at a time
_ESCAPE = 6  # bytes of the longest JSON escape, \u002b
_MAX_HEAD = 1000  # bytes of a data URL before its data
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")  # from the other alphabet of RFC 4648
_WHITE = b" \t\r\n\f\v"


def decode_base64(sent: bytes | memoryview) -> bytes:
    """The bytes in a data URL or in plain base64, whose characters may be escaped as in JSON. Raises DocumentError
    `not_base64` or `no_network`."""
    start = bytes(sent[:_MAX_HEAD])
    if start.lstrip().lower().startswith((b"http:", b"https:")):
        raise DocumentError(
            "no_network",
            "This server fetches nothing from the network. Send the data itself, as a data URL in base64.",
            "本服务不会从网络下载内容。请以 base64 data URL 直接发送数据。",
        )
    head, comma, _ = start.partition(b",")
    if comma and not (head[:5].lower() == b"data:" and head[-7:].lower() == b";base64"):
        raise _not_base64()
    decoded, left, ended = io.BytesIO(), b"", False
    try:
        for block in _unescaped(sent[len(head) + 1 if comma else 0 :]):
            left += block.translate(_TO_STANDARD, _WHITE)
            if ended and left:
                raise _not_base64()
            whole = len(left) - len(left) % 4
            decoded.write(base64.b64decode(left[:whole], validate=True))
            ended = ended or left.endswith(b"=")
            left = left[whole:]
    except ValueError:  # of base64 or JSON
        raise _not_base64() from None
    if left or not decoded.tell():
        raise _not_base64()
    return decoded.getvalue()


def _unescaped(sent: bytes | memoryview) -> Iterator[bytes]:
    """The content of a JSON string, in blocks. Raises ValueError."""
    place = 0
    while place < len(sent):
        block = bytes(sent[place : place + _BLOCK])
        cut = block.rfind(b"\\", len(block) - _ESCAPE)  # an escape that the block may cut
        if cut > 0 and place + len(block) < len(sent):
            block = block[:cut]
        place += len(block)
        yield json.loads(f'"{block.decode("ascii")}"', strict=False).encode("ascii") if b"\\" in block else block


def check_image(data: bytes) -> None:
    """Check the header of a picture. Raises DocumentError if it is damaged, too large or too narrow."""
    try:
        size = size_in_header(data)
    except (ValueError, IndexError, struct.error):
        raise _damaged() from None
    _check_size(size)


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Pixels of a PNG, JPEG or WebP file: uint8, (H, W) if it has no colour, else (H, W, 3). As in transformers
    (`load_image`, `convert_to_rgb`), it is rotated by its EXIF data, and transparency becomes white. Raises
    DocumentError."""
    from PIL import Image, ImageOps

    check_image(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is lower
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(image.size)
        with image:
            image.load()  # EXIF data may follow the pixels
            for name in ("exif", "Raw profile type exif"):
                if len(image.info.get(name, "")) > MAX_EXIF:
                    del image.info[name]
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):  # Pillow would clip values to 255, which leaves white
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            if "A" in upright.getbands() or upright.info.get("transparency") is not None:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
            pixels = np.array(upright if upright.mode == "L" else upright.convert("RGB"))
    except DocumentError:
        raise
    except Exception as error:  # Pillow's decoders raise anything for damaged files
        raise _damaged() from error
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = np.ascontiguousarray(pixels[..., 0])
    return pixels


def _check_size(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    if not short:
        raise _damaged()
    if short * long > MAX_PIXELS or long > MAX_SIDE:
        raise _too_large()
    if long > MAX_RATIO * short:
        raise DocumentError(
            "image_too_narrow",
            f"A picture is more than {MAX_RATIO} times as long as wide. Cut it into pieces.",
            f"图片的长宽比超过 {MAX_RATIO}。请将其裁成几段。",
        )


def _not_base64() -> DocumentError:
    return DocumentError(
        "not_base64",
        "The data is not base64. Send base64, or a URL that begins with data:image/png;base64,",
        "数据不是有效的 base64。请发送 base64，或以“data:image/png;base64,”开头的 URL。",
    )


def _damaged() -> DocumentError:
    return DocumentError(
        "not_an_image",
        "A picture cannot be read. Send a whole PNG, JPEG or WebP file.",
        "无法读取图片。请发送完整的 PNG、JPEG 或 WebP 文件。",
    )


def _too_large() -> DocumentError:
    return DocumentError(
        "image_too_large",
        f"A picture is over {MAX_PIXELS:,} pixels or {MAX_SIDE} on a side. Send it smaller.",
        f"图片超过 {MAX_PIXELS:,} 像素，或边长超过 {MAX_SIDE}。请缩小后发送。",
    )
