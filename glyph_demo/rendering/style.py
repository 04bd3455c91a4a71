"""The numbers of a page: one frozen Style and the table of presets.

Lengths are in points (1/72 inch) unless a name says pixels. The values of the two `glyph-` presets are those of the
official Glyph configuration, which the model was post-trained on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from glyph_demo.errors import SettingsError, shown

if TYPE_CHECKING:
    from glyph_demo.settings import Rendering

# a string: pathlib would be a twentieth of a cold rendering
FONT_FOLDER = os.path.normpath(os.path.join(os.path.abspath(__file__), "../../assets/fonts"))
MAX_SIDE = 8192  # pixels; vision towers are not trained on longer sides
FRAME_PADDING = 6.0  # points between margin and text: the frame padding of the original engine

_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font and, where its own spacing is not wanted, a table of advances (JSON: units_per_em, advance by code
    point in hex)."""

    path: str
    advances: str = ""


def _ours(name: str) -> str:
    return os.path.join(FONT_FOLDER, name)


SOURCE_HAN = FontFile(_ours("SourceHanSansSC-Regular.otf"))
HALF_WIDTH = FontFile(_ours("GlyphDemoHalfWidth-Regular.otf"))
DEJAVU = FontFile(_ours("DejaVuSans.ttf"))
DEJAVU_AS_VERDANA = FontFile(_ours("DejaVuSans.ttf"), _ours("verdana-advances.json"))

# Files of pictures in FONT_FOLDER (see prebake.py). The fonts' own names are not for them: "Source" is reserved.
PICTURES = {SOURCE_HAN: "han", HALF_WIDTH: "half-width", DEJAVU: "latin", DEJAVU_AS_VERDANA: "latin-verdana"}

CHINESE = (HALF_WIDTH, SOURCE_HAN, DEJAVU)
ENGLISH = (DEJAVU_AS_VERDANA, SOURCE_HAN)


@dataclass(frozen=True, slots=True)
class Style:
    """`fonts` is the fallback chain, first match wins; empty means by the text's language. `newline` says whether a
    line end of the text breaks the line or is drawn in it as a red `\\n`. `crop_right` cuts every page after its last
    inked column, `crop_bottom` the last page after its last inked row, both plus `margin` pixels. `width_bucket`
    rounds cropped widths up to a multiple of so many pixels (0: no rounding)."""

    name: str
    fonts: tuple[FontFile, ...] = ()
    width: float = 595.0
    height: float = 842.0
    dpi: int = 72
    margin: float = 10.0
    font_size: float = 9.0
    leading: float = 10.0
    newline: Literal["break", "mark"] = "break"
    crop_right: bool = True
    crop_bottom: bool = True
    width_bucket: int = 0

    def __post_init__(self) -> None:
        if max(self.page_pixels) > MAX_SIDE:
            raise SettingsError(
                "page_too_large",
                f"A page of {self.page_pixels[0]}x{self.page_pixels[1]} pixels is over {MAX_SIDE} on a side. "
                "Lower the dpi.",
                f"页面 {self.page_pixels[0]}x{self.page_pixels[1]} 像素，单边超过 {MAX_SIDE}。请降低 dpi。",
            )
        if self.rows < 1 or self.text_width < 2 * self.font_size or not 4 <= self.pixel_size <= 256:
            raise SettingsError(
                "bad_font_size",
                f"Text of {self.font_size:g} points at {self.dpi} dpi cannot be set on this page. "
                "Choose another font size or dpi.",
                f"此页面无法以 {self.dpi} dpi 排 {self.font_size:g} 磅的文字。请改用其他字号或 dpi。",
            )

    @property
    def scale(self) -> float:
        """Pixels per point."""
        return self.dpi / 72

    @property
    def pixel_size(self) -> float:
        return self.font_size * self.scale

    @property
    def page_pixels(self) -> tuple[int, int]:
        """(width, height) before cropping; a part of a pixel counts as one, as in pdftoppm."""
        return -int(-self.width * self.scale // 1), -int(-self.height * self.scale // 1)

    @property
    def inset(self) -> float:
        """Points from the page's edge to the text."""
        return self.margin + FRAME_PADDING

    @property
    def text_width(self) -> float:
        return self.width - 2 * self.inset

    @property
    def rows(self) -> int:
        """Rows of text a page takes."""
        return int((self.height - 2 * self.inset) / self.leading)

    def chain(self, cjk: bool) -> tuple[FontFile, ...]:
        """The fallback chain for a text with or without CJK ideographs."""
        return self.fonts or (CHINESE if cjk else ENGLISH)


# Every page style by its name. A new one is a line here.
STYLES = {
    style.name: style
    for style in (
        Style("glyph-zh", fonts=CHINESE),
        Style("glyph-en", fonts=ENGLISH),
        Style("clear", dpi=96),
        Style("compact", newline="mark"),
        Style("pocket", font_size=12.0, leading=16.8),
        # 50,000 Chinese characters of prose on one page, the test case of the speed-up article
        Style("whitepaper", width=2048.0, height=8192.0, font_size=16.0, leading=18.0),
    )
}


def has_cjk(text: str) -> bool:
    """True when the text holds a CJK unified ideograph (U+4E00-9FFF): the rule by which the original engine takes
    CJK line breaking for the whole text."""
    return _IDEOGRAPH.search(text) is not None


def style_names() -> str:
    """What the setting `rendering.style` takes, for people."""
    return ", ".join(("auto", *STYLES))


def resolve_style(settings: Rendering, text: str, default: str = "") -> Style:
    """The Style that settings ask for. `auto` is `default`, the style that an engine reads best; without one it is
    `glyph-zh` for a text with CJK ideographs and `glyph-en` for others. A font size changes the leading in proportion.
    Raises SettingsError for an unknown name, a page over MAX_SIDE, a size that cannot be set, a font that is not
    there."""
    name = settings.style
    if name == "auto":
        name = default or ("glyph-zh" if has_cjk(text) else "glyph-en")
    if name not in STYLES:
        raise SettingsError(
            "unknown_style",
            f"There is no style '{shown(name)}'. Choose one of: {style_names()}.",
            f"没有名为“{shown(name)}”的样式。可选：{style_names()}。",
        )
    style = STYLES[name]
    if settings.dpi:
        style = replace(style, dpi=settings.dpi)
    if settings.font_size:
        leading = style.leading * settings.font_size / style.font_size
        style = replace(style, font_size=settings.font_size, leading=leading)
    if settings.font:
        from glyph_demo.rendering.fonts import check_font

        path = os.path.expanduser(settings.font)
        check_font(path)
        style = replace(style, fonts=(FontFile(path), *style.chain(has_cjk(text))))
    return style
