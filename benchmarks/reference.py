"""The original way from text to page images, as a reference: reportlab paragraphs, a PDF, poppler, a crop, PNG files.
Written from its documented settings. Needs the test extras reportlab, pdf2image and fonttools, and poppler's
pdftoppm."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from glyph_demo.rendering.layout import BATCH
from glyph_demo.rendering.style import HALF_WIDTH, SOURCE_HAN, Style, has_cjk

_MARKS = {"break": "<br/>", "mark": '<font color="#FF0000"> \\n </font>'}
_INK = 5


def truetype_font(text: str, path: Path) -> None:
    """Write Source Han Sans with the half-width Latin as a TrueType font of the characters of `text`, because reportlab
    does not read CFF outlines. Curves are approximated within 1/1000 em."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    glyphs: dict[str, Any] = {".notdef": TTGlyphPen(None).glyph()}
    metrics, cmap = {".notdef": (1000, 0)}, {}
    for font in (TTFont(HALF_WIDTH.path), TTFont(SOURCE_HAN.path)):
        names, outlines = font.getBestCmap(), font.getGlyphSet()
        for code in {ord(c) for c in text} | {0x20, 0x5C, 0x6E}:
            if code in names and code not in cmap:
                name = f"u{code:05X}"
                pen = TTGlyphPen(None)
                outlines[names[code]].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
                glyphs[name], cmap[code] = pen.glyph(), name
                metrics[name] = (outlines[names[code]].width, 0)
    cmap[0xA0] = cmap[0x20]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(cmap)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(
        {
            name: (width, glyphs[name].xMin if glyphs[name].numberOfContours else 0)
            for name, (width, _) in metrics.items()
        }
    )
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular", "psName": f"{path.stem}-Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


def official(text: str, style: Style, font: Path, folder: Path) -> list[NDArray[np.uint8]]:
    """The pages of a text, RGB uint8 (H, W, 3); also saved in `folder`."""
    from reportlab.platypus import Paragraph

    return pages(pdf(paragraphs(text, font, style, Paragraph), style), style, folder)


def paragraphs(text: str, font: Path, style: Style, paragraph: type[Any]) -> list[Any]:
    from reportlab.lib.enums import TA_LEFT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(font.stem, str(font)))
    look = ParagraphStyle(
        "Reference",
        fontName=font.stem,
        fontSize=style.font_size,
        leading=style.leading,
        alignment=TA_LEFT,
        backColor="#FFFFFF",
        wordWrap="CJK" if has_cjk(text) else None,
    )
    text = text.replace("\xad", "").replace("\u200b", "")
    parts = re.sub(" {2,}", lambda run: "&nbsp;" * len(run[0]), escape(text)).split("\n")
    return [paragraph(_MARKS[style.newline].join(parts[i : i + BATCH]), look) for i in range(0, len(parts), BATCH)]


def pdf(story: list[Any], style: Style) -> bytes:
    from reportlab.platypus import SimpleDocTemplate

    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), style.margin)
    target = io.BytesIO()
    SimpleDocTemplate(target, pagesize=(style.width, style.height), **margins).build(story)
    return target.getvalue()


def pages(data: bytes, style: Style, folder: Path | None = None) -> list[NDArray[np.uint8]]:
    """Cropped RGB pages of a PDF, uint8 (H, W, 3); also saved as PNG files if a folder is given."""
    from pdf2image import convert_from_bytes, pdfinfo_from_bytes

    result = []
    count = pdfinfo_from_bytes(data)["Pages"]
    for first in range(1, count + 1, 20):
        batch = convert_from_bytes(data, dpi=style.dpi, first_page=first, last_page=min(first + 19, count))
        for number, image in enumerate(batch, first):
            inked = np.abs(np.array(image.convert("L")).astype(int) - 255) > _INK
            columns, rows = np.flatnonzero(inked.any(axis=0)), np.flatnonzero(inked.any(axis=1))
            margin, (right, bottom) = int(style.margin), image.size
            if columns.size and style.crop_right:
                right = min(right, int(columns[-1]) + 1 + margin)
            if rows.size and style.crop_bottom and number == count:
                bottom = min(bottom, int(rows[-1]) + margin)
            cropped = image.crop((0, 0, right, bottom))
            if folder is not None:
                cropped.save(folder / f"page_{number:03d}.png", "PNG")
            result.append(np.asarray(cropped))
    return result


def recorder(lines: dict[int, list[str]], mend: bool) -> type[Any]:
    """A paragraph class that records the rows it draws in `lines`, by page number. With `mend`, a CJK paragraph that
    crosses a page keeps its rows; reportlab would wrap the rest again, with spaces at the former line ends."""
    from reportlab.platypus import Paragraph

    class Recorder(Paragraph):
        kept: Any = None  # rows of a paragraph that began on an earlier page

        def breakLinesCJK(self, widths: Any) -> Any:
            return super().breakLinesCJK(widths) if self.kept is None else self.kept

        def split(self, width: float, height: float) -> list[Any]:
            rows = self.blPara
            parts: list[Any] = super().split(width, height)
            if mend and len(parts) == 2 and self.style.wordWrap == "CJK":
                count = len(parts[0].blPara.lines)
                parts[0].kept = rows.clone(lines=rows.lines[:count])
                parts[1].kept = rows.clone(lines=rows.lines[count:])
            return parts

        def draw(self) -> None:
            page = lines.setdefault(self.canv.getPageNumber(), [])
            for line in self.blPara.lines:
                words = (
                    line[1]
                    if isinstance(line, tuple | list)
                    else ["".join(w.text for w in line.words if hasattr(w, "text"))]
                )
                page.append(" ".join(words).replace("\xa0", " ").strip())
            super().draw()

    return Recorder
