"""What processes write that are killed while they do, and how to tell it from half of it: page features that are known
by their key, a table of answers, a window's history."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glyph_demo.conversation import table as many
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.store import FeatureStore, PageFeatures
from glyph_demo.windows.history import History, SavedDocument, SavedWindow

MEGABYTE = 1 << 20
KEYS = [f"{number:02x}key" for number in range(16)]


def features(key: str, size: int = 20_000) -> PageFeatures:
    numbers = np.random.default_rng(int(key[:2], 16)).random(size, dtype=np.float32)
    return PageFeatures({"numbers": numbers}, (key, "第一行"))


def same(found: PageFeatures, key: str) -> bool:
    expected = features(key)
    return found.texts == expected.texts and np.array_equal(found.arrays["numbers"], expected.arrays["numbers"])


def write_features(folder: Path) -> Iterator[None]:
    """Yields after every file that it has written, without end; so do the others."""
    store = FeatureStore(folder, 0, MEGABYTE)
    while True:
        for key in KEYS:
            store.put(key, features(key))
            yield


WINDOW = "0123456789abcdef" * 2
LONG = "a word of an answer " * 20_000


def write_table(folder: Path) -> Iterator[None]:
    for number in itertools.count():
        many.save([many.Row(f"{number}.txt", "d", "e", "q?", LONG[:-number] + str(number))], folder / "table.json")
        yield


def write_history(folder: Path) -> Iterator[None]:
    history = History(folder)
    for number in itertools.count():
        exchanges = [Exchange(f"{number}?", LONG[:-number] + str(number))]
        history.save(WINDOW, SavedWindow(documents=[SavedDocument("a.txt", f"{number:032x}", exchanges=exchanges)]))
        yield


WRITERS = {"features": write_features, "table": write_table, "history": write_history}
