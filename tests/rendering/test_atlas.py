"""Glyph pictures: the saved ones are those that would be baked, and two threads may share them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from glyph_demo.documents.model import Document
from glyph_demo.rendering import atlas as atlas_module
from glyph_demo.rendering import render
from glyph_demo.rendering.atlas import PHASES, Atlas, load_atlas
from glyph_demo.rendering.characters import codepoints
from glyph_demo.rendering.fonts import load_chain
from glyph_demo.rendering.style import CHINESE, STYLES

TEXT = "图像阅读，a b?“”①"


def picture(atlas: Atlas, character: str, phase: int) -> tuple[np.ndarray, int]:
    index = PHASES * int(atlas.slots(codepoints(character))[0]) + phase
    columns = atlas.columns[atlas.first[index] : atlas.first[index] + atlas.width[index]]
    return columns.view(np.uint8).reshape(-1, atlas.height), int(atlas.left[index])


def test_the_saved_pictures_are_those_that_would_be_baked() -> None:
    fresh, saved = Atlas(load_chain(CHINESE), 9.0), Atlas(load_chain(CHINESE), 9.0)
    saved.restore(atlas_module.PREBAKED)
    assert (saved._slot[codepoints(TEXT)] >= 0).all()
    for character in TEXT:
        for phase in range(PHASES):
            (a, left), (b, saved_left) = picture(fresh, character, phase), picture(saved, character, phase)
            assert (left, a.shape) == (saved_left, b.shape)
            assert np.abs(a.astype(int) - b).max(initial=0) <= 8  # other versions of FreeType round otherwise


def test_pictures_saved_for_another_size_are_not_taken() -> None:
    other = Atlas(load_chain(CHINESE), 12.0)
    other.restore(atlas_module.PREBAKED)
    assert (other._slot < 0).all()


def test_a_glyph_keeps_its_ink_at_every_phase_and_moves_by_a_quarter_pixel() -> None:
    atlas = Atlas(load_chain(CHINESE), 9.0)
    centres = []
    for phase in range(PHASES):
        columns, left = picture(atlas, "字", phase)
        weight = columns.sum(axis=1).astype(float)
        centres.append(left + 0.5 + (weight * np.arange(len(weight))).sum() / weight.sum())
    assert np.diff(centres) == pytest.approx([0.25] * 3, abs=0.02)


def test_a_full_atlas_starts_afresh_and_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document("name", "txt", "一二三四五六七八九十\n" * 300, "")
    wanted = [page.digest for page in render(document, STYLES["glyph-zh"])]
    monkeypatch.setattr(atlas_module, "_MAX_BYTES", 0)
    load_atlas.cache_clear()
    assert [page.digest for page in render(document, STYLES["glyph-zh"])] == wanted


def test_two_threads_draw_what_one_draws() -> None:
    texts = [
        chr(0x5000 + 500 * i) * 20 + "".join(map(chr, range(0x5000 + 300 * i, 0x5300 + 300 * i))) for i in range(6)
    ]

    def digests(text: str) -> list[str]:
        return [page.digest for page in render(Document("name", "txt", text, ""), STYLES["clear"])]

    load_atlas.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(digests, texts))
    assert together == [digests(text) for text in texts]
