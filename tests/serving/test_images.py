import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from glyph_demo.errors import DocumentError
from glyph_demo.serving.images import MAX_RATIO, MAX_SIDE, check_image, decode_base64, decode_image
from tests.serving.pictures import encoded, noise


def transformers_pixels(data):
    """What transformers' processor makes of a picture file."""
    from PIL import ImageOps
    from transformers.image_transforms import convert_to_rgb

    return convert_to_rgb(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), return_numpy=True)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(noise(1), "JPEG", exif=exif)


def see_through(mode):
    image = noise(2).convert("RGBA")
    image.putalpha(noise(3, channels=1))
    return encoded(image.convert(mode))


def palette_with_a_hole():
    return encoded(noise(4).convert("P"), transparency=7)


KINDS = {
    "colour": encoded(noise(5)),
    "gray": encoded(noise(6, channels=1)),
    "black and white": encoded(noise(7, channels=1).convert("1")),
    "palette": encoded(noise(8).convert("P")),
    "palette with a hole": palette_with_a_hole(),
    "alpha": see_through("RGBA"),
    "gray and alpha": see_through("LA"),
    "jpeg": encoded(noise(9), "JPEG"),
    "cmyk jpeg": encoded(noise(10).convert("CMYK"), "JPEG"),
    "webp": encoded(noise(12), "WEBP"),
    "lying jpeg": turned(6),
    "mirrored jpeg": turned(2),
    "one pixel": encoded(noise(11, 1, 1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_those_that_transformers_gives_the_model(kind):
    pixels = decode_image(KINDS[kind])
    assert pixels.dtype == np.uint8
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    np.testing.assert_array_equal(rgb, transformers_pixels(KINDS[kind]))


def test_a_page_without_colour_is_gray_however_it_came():
    gray = noise(1, channels=1)
    assert decode_image(encoded(gray)).ndim == 2
    np.testing.assert_array_equal(decode_image(encoded(gray.convert("RGB"))), np.asarray(gray))


def png_header(width, height):
    """A PNG that says how large it is and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_an_image"),
        (b"certainly no picture", "not_an_image"),
        (encoded(noise(1), "GIF"), "not_an_image"),
        (png_header(100_000, 100_000), "image_too_large"),
        (png_header(7000, 7000), "image_too_large"),
        (png_header(MAX_SIDE + 1, 100), "image_too_large"),
        (png_header(MAX_RATIO + 1, 1), "image_too_narrow"),
    ],
)
def test_what_is_no_readable_picture_is_refused_by_its_header(data, code):
    with pytest.raises(DocumentError, match=code):
        check_image(data)


@pytest.mark.parametrize("kind", ["colour", "jpeg"])
def test_a_damaged_picture_is_an_error_and_nothing_else(kind):
    whole = KINDS[kind]
    random = np.random.default_rng(0)
    for _ in range(60):
        cut = bytearray(whole[: random.integers(20, len(whole))])
        for place in random.integers(0, len(cut), 3):
            cut[place] = random.integers(0, 256)
        try:
            assert decode_image(bytes(cut)).dtype == np.uint8
        except DocumentError as error:
            assert error.code in ("not_an_image", "image_too_large", "image_too_narrow")  # noqa: PT017


def test_sixteen_bits_a_pixel_keep_their_upper_eight():
    levels = np.arange(0, 60_000, 100, dtype=np.uint16).reshape(20, 30)
    np.testing.assert_array_equal(decode_image(encoded(Image.fromarray(levels))), levels // 256)


def test_base64_may_be_of_the_alphabet_for_urls():
    data = bytes(range(256))
    assert decode_base64(base64.urlsafe_b64encode(data)) == data


@pytest.mark.parametrize("text", ["aGVsbG8=", "DATA:text/plain;Base64,aGVsbG8=", "aGVs\nbG8=\n"])
def test_base64_may_be_plain_or_a_data_url(text):
    assert decode_base64(text.encode()) == b"hello"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_base64"),
        ("ü", "not_base64"),
        ("abc", "not_base64"),
        ("data:text/plain,hello", "not_base64"),
        ("data:text/plain;base64,", "not_base64"),
        ("file:///etc/passwd", "not_base64"),
        ("HTTPS://example.com/page.png", "no_network"),
    ],
)
def test_other_addresses_are_refused(text, code):
    with pytest.raises(DocumentError, match=code):
        decode_base64(text.encode())
