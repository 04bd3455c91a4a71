"""Features that can be known again by their key, for processes that write and are killed."""

from __future__ import annotations

import numpy as np

from glyph_demo.store import PageFeatures

MEGABYTE = 1 << 20
KEYS = [f"{number:02x}key" for number in range(16)]


def features(key: str, size: int = 20_000) -> PageFeatures:
    numbers = np.random.default_rng(int(key[:2], 16)).random(size, dtype=np.float32)
    return PageFeatures({"numbers": numbers}, (key, "第一行"))


def same(found: PageFeatures, key: str) -> bool:
    expected = features(key)
    return found.texts == expected.texts and np.array_equal(found.arrays["numbers"], expected.arrays["numbers"])
