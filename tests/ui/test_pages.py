import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from glyph_demo.conversation.drawing import PageView
from glyph_demo.engines.events import Heat, Region
from glyph_demo.ui.pages import HOTTEST, page_view
from glyph_demo.windows.focus import PageFocus


@pytest.fixture
def pages(tmp_path):
    file = tmp_path / "page.png"
    Image.new("L", (200, 400), 255).save(file)
    return [PageView(number, (0, 10), (200, 400), "digest", (), file) for number in (4, 5, 6)]


def region(page):
    return Region(page, 1, "words", ((20, 40, 120, 60),), 1.0)


def test_a_box_lies_where_the_line_is_whatever_size_the_page_is_shown_in(pages):
    html = page_view("key", pages, PageFocus(5, regions=(region(5), region(6))), "en")
    assert re.findall("left:.*?;height:[^']*", html) == ["left:10.000%;top:10.000%;width:50.000%;height:5.000%"]
    assert "chosen" not in html


def test_the_chosen_line_stands_out(pages):
    lines = (region(5), region(5))
    assert page_view("key", pages, PageFocus(5, 0, lines, lines[1]), "en").count("glyph-box chosen") == 1


def test_pages_are_turned_by_their_numbers_and_end_at_the_last(pages):
    html = page_view("key", pages, PageFocus(6), "zh")
    assert "第 6 页，共 6 页" in html
    assert "data-page='5'" in html
    assert "aria-label='下一页' disabled" in html
    assert "Page 4 of 6" in page_view("key", pages, PageFocus(7), "en")


def test_the_heat_map_has_a_pixel_a_cell_and_shows_through(pages):
    heat = Heat(5, 2, 3, (0.0, 0.5, 1.0, 0.25, 0.0, 0.0))
    html = page_view("key", pages, PageFocus(5, heat=(heat, Heat(6, 1, 1, (1.0,)))), "en")
    (image,) = re.findall("class='glyph-heat' alt='' src='data:image/png;base64,(.*?)'", html)
    alpha = np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))[..., 3]
    assert alpha.tolist() == [[round(v * HOTTEST) for v in row] for row in ((0.0, 0.5, 1.0), (0.25, 0.0, 0.0))]


def test_a_map_says_what_its_colours_mean_and_an_even_one_is_not_drawn(pages):
    uneven, even = Heat(5, 1, 2, (0.2, 1.0)), Heat(5, 1, 2, (1.0, 0.97))
    shown = page_view("key", pages, PageFocus(5, heat=(uneven,)), "en")
    assert re.search("data-heat='' aria-pressed='true'>Where the model looked<.*>less<.*>more<", shown)
    assert "glyph-heat" not in page_view("key", pages, PageFocus(5, heat=(even,)), "en")
    assert "glyph-legend" not in page_view("key", pages, PageFocus(4, heat=(uneven,)), "en"), "of another page"


def test_on_a_page_that_has_been_drawn_anew_neither_places_nor_maps_are_shown(pages):
    places = (replace(region(5), digest="digest"), replace(region(5), digest="before"))
    assert page_view("key", pages, PageFocus(5, regions=places), "en").count("glyph-box") == 1
    maps = [Heat(5, 1, 2, (0.2, 1.0), digest) for digest in ("digest", "before")]
    assert [page_view("key", pages, PageFocus(5, heat=(each,)), "en").count("glyph-heat") for each in maps] == [1, 0]
