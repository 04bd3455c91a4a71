"""`python -m glyph_demo.rendering.prebake` writes the pictures of common characters at the sizes of the presets, so
that a fresh process need not bake them: a Latin page takes some 70 glyphs, a Chinese book two thousand."""

from __future__ import annotations

import os

from glyph_demo.rendering.atlas import Atlas
from glyph_demo.rendering.characters import codepoints
from glyph_demo.rendering.fonts import load_chain
from glyph_demo.rendering.style import DEJAVU, DEJAVU_AS_VERDANA, HALF_WIDTH, SOURCE_HAN, FontFile

_ASCII = "".join(map(chr, range(0x20, 0x7F)))
# Latin with accents, Greek, Cyrillic, and the punctuation and signs of running text
_EUROPEAN = _ASCII + "".join(
    map(chr, [*range(0xA0, 0x180), *range(0x386, 0x3CF), *range(0x400, 0x460), *range(0x2010, 0x2044), 0x20AC, 0x2122])
)
# the symbols and the 3,755 common characters of GB 2312
_CHINESE = "".join(
    bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xA1, 0xD8) for cell in range(0xA1, 0xFF)
)
CHARACTERS: dict[FontFile, str] = {
    DEJAVU: _EUROPEAN,
    DEJAVU_AS_VERDANA: _EUROPEAN,
    HALF_WIDTH: _ASCII,
    SOURCE_HAN: _CHINESE + _EUROPEAN,
}
SIZES = (9.0, 12.0)  # pixels an em: the presets at 72 dpi; `clear` and `pocket`


def main() -> None:
    for font, characters in CHARACTERS.items():
        for size in SIZES:
            atlas = Atlas(load_chain((font,)), size)
            path = atlas.saved(1)
            assert path is not None
            if os.path.exists(path):
                os.remove(path)  # or the old pictures would be loaded instead of baked
            atlas.slots(codepoints(characters))
            atlas.save(path, 1)


if __name__ == "__main__":
    main()
