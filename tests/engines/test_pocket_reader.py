"""The reader gives back what a page shows, whichever way it has to read it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from glyph_demo.engines.pocket.detector import Detector
from glyph_demo.engines.pocket.reading_order import reading_order
from glyph_demo.engines.pocket.recognizer import Recognizer
from glyph_demo.engines.pocket.rows import cut_rows
from glyph_demo.rendering.style import STYLES
from tests.engines.drawing import CHINESE, ENGLISH, accuracy, draw, written


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_clean_pages_are_cut_by_rows_and_read_right(reader, monkeypatch, text):
    monkeypatch.setattr(Detector, "find", None)  # the detector is not needed
    (page,) = draw(text, replace(STYLES["pocket"], font_size=12.5))  # not as this app draws
    features = reader.read(page.pixels)
    assert accuracy(features.texts, written(page)) >= 0.995
    assert len(features.texts) == len(written(page))
    boxes, scores = features.arrays["boxes"], features.arrays["scores"]
    assert boxes.dtype == np.int32
    assert scores.dtype == np.float32
    assert boxes.shape == (len(features.texts), 4)
    assert scores.shape == (len(features.texts),)
    for box, line in zip(boxes, page.lines, strict=True):
        assert abs((box[1] + box[3]) - (line.box[1] + line.box[3])) / 2 < 6, "a box stands where its line stands"


@pytest.mark.parametrize(("text", "style"), [(ENGLISH, "glyph-en"), (CHINESE, "glyph-zh")])
def test_tight_official_pages_are_read_by_the_detector(reader, text, style):
    (page,) = draw(text, style)
    assert cut_rows(page.pixels) is None
    assert accuracy(reader.read(page.pixels).texts, written(page)) >= 0.99


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_pages_of_this_app_are_read_exactly(reader, monkeypatch, text):
    monkeypatch.setattr(Recognizer, "read", None)  # no network is needed
    (page,) = draw(text)
    features = reader.read(page.pixels)
    assert list(features.texts) == written(page)
    assert set(features.arrays["scores"].tolist()) == {1.0}


def test_a_line_that_is_not_as_drawn_is_recognised(reader):
    (page,) = draw(ENGLISH)
    pixels = page.pixels.copy()
    left, top, *_ = page.lines[1].box
    pixels[top + 3, left + 2 : left + 6] = 90
    features = reader.read(pixels)
    assert accuracy(features.texts, written(page)) >= 0.99
    assert features.arrays["scores"].min() < 1.0
    assert sum(features.arrays["scores"] == 1.0) == len(written(page)) - 1


def test_a_skewed_noisy_scan_is_read(reader):
    (page,) = draw(ENGLISH)
    scan = cv2.resize(page.pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    middle = scan.shape[1] / 2, scan.shape[0] / 2
    scan = cv2.warpAffine(scan, cv2.getRotationMatrix2D(middle, 3, 0.9), scan.shape[::-1], borderValue=255)
    noise = np.random.default_rng(0).normal(0, 8, scan.shape)
    scan = np.clip(scan * 0.85 + 15 + noise, 0, 255).astype(np.uint8)
    assert cut_rows(scan) is None
    assert accuracy(reader.read(scan).texts, written(page)) >= 0.98


def test_white_on_dark_is_read(reader):
    (page,) = draw(CHINESE)
    assert accuracy(reader.read(255 - page.pixels).texts, written(page)) >= 0.98


def test_two_columns_are_read_one_after_the_other(reader):
    from dataclasses import replace

    from glyph_demo.rendering.style import STYLES

    narrow = replace(STYLES["pocket"], width=300.0, crop_right=False)
    left, right = draw(ENGLISH.split("\n")[0], narrow)[0], draw(ENGLISH.split("\n")[1], narrow)[0]
    height = max(left.size[1], right.size[1])
    columns = [np.pad(p.pixels, ((0, height - p.size[1]), (0, 0)), constant_values=255) for p in (left, right)]
    features = reader.read(np.concatenate(columns, axis=1))
    assert accuracy(features.texts, written(left) + written(right)) >= 0.98


def test_an_empty_page_has_no_lines(reader):
    for page in (np.full((100, 200), 255, np.uint8), np.full((100, 200, 3), 128, np.uint8)):
        features = reader.read(page)
        assert features.texts == ()
        assert features.arrays["boxes"].shape == (0, 4)


def test_the_cells_of_a_table_row_make_one_line():
    cells = [[x, y, x + 40, y + 12] for y in range(0, 160, 20) for x in (0, 150, 300)]
    assert reading_order(np.array(cells, float)) == [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(8)]


def test_a_heading_over_two_columns_comes_first():
    heading = [[0, 0, 400, 15]]
    left = [[0, y, 190, y + 12] for y in range(20, 120, 20)]
    right = [[210, y, 400, y + 12] for y in range(20, 120, 20)]
    order = [i for row in reading_order(np.array(right + heading + left, float)) for i in row]
    assert order == [5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4]
