"""One small picture a preset. A failure saves what was expected beside what came.

`PYTHONPATH=. python tests/rendering/test_golden.py` draws the pictures anew after a change that is meant."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glyph_demo.documents.model import Document
from glyph_demo.rendering import encode_png, render
from glyph_demo.rendering.style import STYLES

GOLDEN = Path(__file__).parent / "golden"
TEXT = (
    "Pages, not tokens: 1,234 words.\n  Two spaces.\n文字变成图像，模型再读。“引号” GPU 2024\nÀÉÎ žluťoučký λόγος мир"
)
CASES = {style.name: replace(style, width=min(style.width, 300.0)) for style in STYLES.values()}
CASES["bucket"] = replace(CASES["glyph-en"], name="bucket", width_bucket=28)


def draw(name: str) -> np.ndarray:
    (page,) = render(Document("golden", "txt", TEXT, ""), CASES[name])
    return page.pixels


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return 255.0 if a.shape != b.shape else float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("name", list(CASES))
def test_the_preset_looks_as_it_did(name, artifacts):
    wanted, drawn = np.asarray(Image.open(GOLDEN / f"{name}.png")), draw(name)
    if difference(wanted, drawn) <= 0.5:  # other versions of FreeType round otherwise
        return
    left, right = (Image.fromarray(picture).convert("RGB") for picture in (wanted, drawn))
    sheet = Image.new("RGB", (left.width + right.width + 8, max(left.height, right.height)), "red")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + 8, 0))
    sheet.save(artifacts / f"golden-{name}.png")
    pytest.fail(f"the picture changed: expected left, drawn right in {artifacts / f'golden-{name}.png'}")


def test_a_row_moved_by_one_pixel_is_noticed():
    picture = draw("glyph-zh")
    assert difference(picture, np.roll(picture, 1, axis=0)) > 0.5


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case in CASES:
        (GOLDEN / f"{case}.png").write_bytes(encode_png(draw(case)))
