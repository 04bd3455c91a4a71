"""Pictures as clients send them."""

import base64
import io

import numpy as np
from PIL import Image


def encoded(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(seed, height=60, width=90, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def base64_png(seed, **size):
    return base64.b64encode(encoded(noise(seed, **size))).decode()


def image_part(seed, **size):
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64_png(seed, **size)}"}}
