"""Presets, and how settings choose and change them."""

from pathlib import Path

import pytest

from glyph_demo.errors import SettingsError
from glyph_demo.rendering.style import DEJAVU, MAX_SIDE, SOURCE_HAN, STYLES, Style, resolve_style
from glyph_demo.settings import Rendering


@pytest.mark.parametrize(
    ("text", "default", "name"),
    [
        ("plain English", "", "glyph-en"),
        ("one 字 is enough", "", "glyph-zh"),
        ("かな only, no ideograph", "", "glyph-en"),
        ("plain English", "pocket", "pocket"),
        ("中文", "pocket", "pocket"),
    ],
)
def test_auto_takes_what_the_engine_reads_best(text, default, name):
    assert resolve_style(Rendering(), text, default).name == name


def test_glyph_presets_are_the_training_configuration():
    for name in ("glyph-zh", "glyph-en"):
        style = STYLES[name]
        assert (style.page_pixels, style.font_size, style.leading, style.margin) == ((595, 842), 9, 10, 10)
        assert style.rows == 81


def test_a_96_dpi_page_is_rounded_up_as_poppler_does():
    assert STYLES["clear"].page_pixels == (794, 1123)


def test_the_white_paper_is_one_tall_page_within_the_longest_side():
    assert STYLES["whitepaper"].page_pixels == (2048, MAX_SIDE)


def test_dpi_and_font_size_override_the_preset_and_leading_follows():
    style = resolve_style(Rendering(style="glyph-en", dpi=144, font_size=18), "")
    assert (style.dpi, style.font_size, style.leading, style.page_pixels) == (144, 18, 20, (1190, 1684))


def test_a_font_goes_before_the_style_s_own():
    style = resolve_style(Rendering(font=SOURCE_HAN.path), "text")
    assert style.fonts[0] == SOURCE_HAN
    assert DEJAVU.path in [font.path for font in style.fonts]


@pytest.mark.parametrize(
    ("rendering", "code"),
    [
        (Rendering(style="fancy"), "unknown_style"),
        (Rendering(dpi=1000), "page_too_large"),
        (Rendering(style="whitepaper", dpi=73), "page_too_large"),
        (Rendering(dpi=3), "bad_font_size"),
        (Rendering(font_size=400), "bad_font_size"),
        (Rendering(font="/no/such/font.ttf"), "font_unreadable"),
    ],
)
def test_what_cannot_be_set_says_what_to_do(rendering, code):
    with pytest.raises(SettingsError) as caught:
        resolve_style(rendering, "text")
    assert caught.value.code == code
    assert caught.value.message.zh
    assert caught.value.message.en.endswith(".")


def test_a_file_that_is_no_font_is_refused(tmp_path):
    real = Path(DEJAVU.path).read_bytes()
    broken = {"text.ttf": b"hello", "empty.ttf": b"", "cut.ttf": real[:3000], "zero.ttf": real[:12] + bytes(9000)}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SettingsError, match="font_unreadable"):
            resolve_style(Rendering(font=str(tmp_path / name)), "text")


def test_a_style_too_narrow_for_its_font_is_refused():
    with pytest.raises(SettingsError, match="bad_font_size"):
        Style("narrow", width=40)
