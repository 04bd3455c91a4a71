"""The comparison with the original way: what it reports, and that its measure of likeness measures."""

import numpy as np
import pytest

from benchmarks.render import _measure, ssim, visual_tokens
from glyph_demo.bench.texts import texts
from glyph_demo.rendering.page import Page


def test_equal_pictures_are_alike_and_a_shift_is_seen():
    picture = np.random.default_rng(1).integers(0, 256, (60, 40), np.uint8)
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert ssim(picture, np.roll(picture, 1, axis=0)) < 0.3


def test_a_glyph_page_is_630_visual_tokens():
    assert visual_tokens(Page(0, np.zeros((842, 595), np.uint8))) == 630


def test_the_texts_are_the_same_in_every_run():
    assert texts() == texts()
    assert len(texts()["chinese prose"]) == 50_000


@pytest.mark.slow
def test_a_comparison_reports_equal_rows_and_pages(tmp_path):
    pytest.importorskip("reportlab")
    pytest.importorskip("pdf2image")
    result = _measure("story", texts()["short story"], tmp_path)
    if result["ratio"] is None:
        pytest.skip("poppler is missing")
    assert result["line_agreement"] == 1.0
    assert result["official_pages"] == result["pages"] == 2
    assert result["ssim"] > 0.995
    assert result["compression"] > 3
    cold = result["cold"]
    assert cold["ratio"] == result["cold_ratio"] == cold["official_cpu_seconds"] / cold["ours_cpu_seconds"] > 0
