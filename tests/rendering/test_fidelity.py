"""Pixels against those of the original way, the same font in both, where it is installed."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import reference
from glyph_demo.bench.texts import chinese, question_answering
from glyph_demo.documents.model import Document
from glyph_demo.rendering import render
from glyph_demo.rendering.style import DEJAVU, STYLES, FontFile, has_cjk

_ENGLISH = question_answering(random.Random(1), 6_000)
_CHINESE = chinese(random.Random(2), 3_000, 400).replace("\n", "")
TEXTS = {
    "unbreakable spaces share what a full row gives up": _ENGLISH.replace(". ", ".  ").replace("? ", "?   "),
    "so do those of Chinese rows that a character hangs from": "\n".join([_CHINESE.replace("，", ",  ")] * 2),
    "the spaces at breaks of a single Chinese line go": _CHINESE.replace("，", ", "),
    "but not where the line has markup": _CHINESE.replace("，", ", ") + " & <end>",
    "and not with runs of spaces": _CHINESE.replace("，", ", ") + "  end",
    "a last line that begins a batch is a single line": "前\n" * 30 + _CHINESE.replace("，", ", "),
}


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_every_glyph_stands_where_the_original_puts_it(text, tmp_path):
    for package in ("reportlab", "pdf2image", "fontTools"):
        pytest.importorskip(package)
    if not shutil.which("pdftoppm"):
        pytest.skip("poppler is missing")
    font = Path(DEJAVU.path)
    if has_cjk(text):
        font = tmp_path / f"fidelity{hash(text)}.ttf"
        reference.truetype_font(text, font)
    style = replace(STYLES["glyph-en"], fonts=(FontFile(str(font)),))
    story = reference.paragraphs(text, font, style, reference.recorder({}, mend=True))
    theirs = reference.pages(reference.pdf(story, style), style)
    ours = list(render(Document("text", "txt", text, ""), style))
    assert len(ours) == len(theirs)
    for drawn, wanted in zip(ours, theirs, strict=True):
        height, width = np.minimum(drawn.pixels.shape, wanted.shape[:2])
        difference = drawn.pixels[:height, :width].astype(int) - wanted[:height, :width, 0]
        assert (np.abs(difference) > 32).mean() < 0.001
