"""Glyph pictures: the saved ones are those that would be baked, a fresh process gets along with them, and two threads
may share them."""

import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from glyph_demo.documents.model import Document
from glyph_demo.rendering import atlas as atlas_module
from glyph_demo.rendering import render
from glyph_demo.rendering.atlas import PHASES, Atlas, load_atlas
from glyph_demo.rendering.characters import codepoints
from glyph_demo.rendering.fonts import load_chain
from glyph_demo.rendering.prebake import CHARACTERS, SIZES
from glyph_demo.rendering.style import CHINESE, SOURCE_HAN, STYLES


def picture(atlas: Atlas, character: str, phase: int) -> tuple[np.ndarray, int]:
    index = PHASES * int(atlas.slots(codepoints(character))[0]) + phase
    columns = atlas.columns[atlas.first[index] : atlas.first[index] + atlas.width[index]]
    return columns.view(np.uint8).reshape(-1, atlas.height), int(atlas.left[index])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("font", list(CHARACTERS), ids=["latin", "latin as verdana", "half width", "chinese"])
def test_the_saved_pictures_are_those_that_would_be_baked(font, size, monkeypatch):
    saved = Atlas(load_chain((font,)), size)
    saved.restore(str(saved.saved(1)), 1)
    monkeypatch.setattr(Atlas, "saved", lambda atlas, face: None)
    fresh = Atlas(load_chain((font,)), size)
    characters = [c for c in CHARACTERS[font] if saved.chain.face[ord(c)]][:: 10 if font == SOURCE_HAN else 1]
    assert len(characters) >= 95
    assert (saved._slot[codepoints("".join(characters))] > 0).all()
    for character in characters:
        for phase in range(PHASES):
            (a, left), (b, saved_left) = picture(fresh, character, phase), picture(saved, character, phase)
            assert (left, a.shape) == (saved_left, b.shape)
            assert np.abs(a.astype(int) - b).max(initial=0) <= 8  # other versions of FreeType round otherwise


def test_pictures_saved_for_another_size_or_font_are_not_taken():
    nine, twelve = (Atlas(load_chain(CHINESE), size) for size in SIZES)
    twelve.restore(str(nine.saved(1)), 1)
    nine.restore(str(nine.saved(1)), 2)
    assert not twelve._slot[codepoints("a")].any()
    assert not nine._slot[codepoints("a")].any()


def test_saved_pictures_of_a_fallback_do_not_take_the_place_of_the_first_font():
    both, first = Atlas(load_chain(CHINESE), 9.0), Atlas(load_chain(CHINESE[:1]), 9.0)
    both.slots(codepoints("字"))
    assert np.array_equal(picture(both, "m", 0)[0], picture(first, "m", 0)[0])


FRESH_PROCESS = """
import os, sys
from glyph_demo.rendering import render
from glyph_demo.documents.model import Document
from glyph_demo.rendering.style import STYLES
for style in "glyph-en", "glyph-zh", "clear":
    for text in "Plain words — “quoted” for €5.", "é λόγος мир", "常用的文字，GPU。":
        assert len(list(render(Document("name", "txt", text, ""), STYLES[style]))) == 1
print({"PIL", "numpy.ma", "yaml", "ssl"} & sys.modules.keys() or len(os.listdir("/proc/self/task")))
"""


def test_a_fresh_process_draws_common_characters_without_pillow_and_without_threads():
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", FRESH_PROCESS]
    assert subprocess.check_output(command, env=environment, text=True).strip() == "1"


def test_a_glyph_keeps_its_ink_at_every_phase_and_moves_by_a_quarter_pixel():
    atlas = Atlas(load_chain(CHINESE), 9.0)
    centres = []
    for phase in range(PHASES):
        columns, left = picture(atlas, "字", phase)
        weight = columns.sum(axis=1).astype(float)
        centres.append(left + 0.5 + (weight * np.arange(len(weight))).sum() / weight.sum())
    assert np.diff(centres) == pytest.approx([0.25] * 3, abs=0.02)


def test_a_full_atlas_starts_afresh_and_draws_the_same(monkeypatch):
    document = Document("name", "txt", "一二三四五六七八九十\n" * 300, "")
    wanted = [page.digest for page in render(document, STYLES["glyph-zh"])]
    monkeypatch.setattr(atlas_module, "_MAX_BYTES", 0)
    load_atlas.cache_clear()
    assert [page.digest for page in render(document, STYLES["glyph-zh"])] == wanted


def test_two_threads_draw_what_one_draws():
    texts = [
        chr(0x5000 + 500 * i) * 20 + "".join(map(chr, range(0x5000 + 300 * i, 0x5300 + 300 * i))) for i in range(6)
    ]

    def digests(text: str) -> list[str]:
        return [page.digest for page in render(Document("name", "txt", text, ""), STYLES["clear"])]

    load_atlas.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(digests, texts))
    assert together == [digests(text) for text in texts]


def test_an_atlas_that_is_let_go_frees_its_fonts_at_once():
    """The garbage collector knows nothing of their size, and would come by for hundreds of them only."""
    gc.disable()
    try:
        atlas = Atlas(load_chain(CHINESE), 9.5)
        atlas.slots(codepoints("aé文"))
        baker = weakref.ref(atlas._baker)
        del atlas
        assert baker() is None
    finally:
        gc.enable()
