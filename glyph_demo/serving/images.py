"""Pictures that clients send: from untrusted bytes to the pixels of a page, as the model's own processor sees them."""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glyph_demo.errors import DocumentError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 36_000_000  # what Glyph's published clients keep their pages within
MAX_SIDE = 8192  # longer sides gain nothing and may not be read
MAX_RATIO = 100  # of the sides; the model's processor refuses 200


def decode_base64(text: str) -> bytes:
    """The bytes of a data URL, or of plain base64. Raises DocumentError."""
    if text[:8].lower().startswith(("http://", "https://")):
        raise DocumentError(
            "no_network",
            "This server fetches nothing from the network. Send the data itself, as a data URL in base64.",
            "本服务不会从网络下载内容。请以 base64 data URL 直接发送数据。",
        )
    head, comma, data = text.partition(",")
    head = head.lower() if comma else ""
    if comma and not (head.startswith("data:") and head.endswith(";base64")):
        raise _not_base64()
    # Both alphabets of RFC 4648.
    plain = "".join((data if comma else text).split()).replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise _not_base64() from None
    if not decoded:
        raise _not_base64()
    return decoded


def check_image(data: bytes) -> None:
    """Raise DocumentError for what is no picture of a size that is read. Looks at the header only."""
    _open(data).close()


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Pixels of a PNG, JPEG or WebP file: (H, W) where it has no colour, else (H, W, 3). It is turned as its EXIF data
    says and laid on white where it is transparent, as transformers does (`load_image`, `convert_to_rgb`). Raises
    DocumentError."""
    from PIL import Image, ImageOps

    with _open(data) as image:
        try:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):  # Pillow cuts what is over 255 off, which leaves white
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            if "A" in upright.getbands() or upright.info.get("transparency") is not None:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
            pixels = np.array(upright if upright.mode == "L" else upright.convert("RGB"))
        except Exception as error:  # Pillow's decoders raise what they like for damaged files
            raise _damaged() from error
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = np.ascontiguousarray(pixels[..., 0])
    return pixels


def _open(data: bytes) -> Image.Image:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is lower
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Exception as error:
        raise _damaged() from error
    short, long = sorted(image.size)
    if short * long > MAX_PIXELS or long > MAX_SIDE:
        raise _too_large()
    if long > MAX_RATIO * short:
        raise DocumentError(
            "image_too_narrow",
            f"A picture is more than {MAX_RATIO} times as long as wide. Cut it into pieces.",
            f"图片的长宽比超过 {MAX_RATIO}。请将其裁成几段。",
        )
    return image


def _not_base64() -> DocumentError:
    return DocumentError(
        "not_base64",
        "The data is not base64. Send base64, or a URL that begins with data:image/png;base64,",
        "数据不是有效的 base64。请发送 base64，或以 data:image/png;base64, 开头的 URL。",
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
