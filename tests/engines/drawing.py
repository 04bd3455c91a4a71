"""Small pages for the pocket engine, drawn by the renderer, and how well they were read."""

import numpy as np

from glyph_demo.documents.model import Document
from glyph_demo.rendering import render
from glyph_demo.rendering.style import STYLES, Style

ENGLISH = (
    "The Harrow Valley Trust was founded on 14 March 1962 by three schoolteachers who wanted a place to keep the flood "
    "diaries of the district. They rented two rooms above a bakery in Millbrook for 11 crowns a month, and in the "
    "first winter the ceiling leaked so badly that Margaret Oyelaran, the first secretary, moved the diaries into her "
    "own kitchen. By 1965 the collection held 412 volumes, a barometer that no longer worked, and a stuffed otter.\n"
    "After the flood the trust bought the old signal works on Canal Street for 240,000 crowns, because the roof had to "
    "be replaced within a year. The repairs were finished in October 1980. Since then the building has housed the "
    "reading room with seats for 24 readers, the conservation workshop and the scanning bureau.\n"
)
CHINESE = (
    "一九八七年春天，沿江三县的水文站第一次连成一张网。那一年共设站点四十二处，其中雨量站二十六处，水位站十六处，由省水文局统一编号。"
    "站里的观测员大多是附近村镇的青年，白天种田，早晚两次去江边读水尺，把数字抄在一本蓝皮的簿子上。\n"
    "设备更新的费用，前后合计为人民币三千六百二十万元。最大的一笔支出是2015年的卫星通信改造，用去了895万元；"
    "最小的一笔，是给石桥站换了一根水尺，只用了42元。测报中心从老城搬到了滨江新区，四层是资料室，五层租给了气象局。\n"
)


def draw(text: str, style: Style | str = "pocket"):
    """The pages of a text."""
    style = STYLES[style] if isinstance(style, str) else style
    return list(render(Document("test.txt", "txt", text, "0" * 64), style))


def accuracy(read: list[str] | tuple[str, ...], wrote: list[str]) -> float:
    """Share of characters right, by edit distance, blanks left out."""
    a, b = ("".join("".join(lines).split()) for lines in (wrote, read))
    codes = np.array([ord(character) for character in b])
    row = np.arange(len(b) + 1)
    for i, character in enumerate(a, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))
        row = np.minimum.accumulate(np.concatenate(([i], best)) - np.arange(len(b) + 1)) + np.arange(len(b) + 1)
    return 1 - int(row[-1]) / len(a)


def written(page) -> list[str]:
    return [line.text for line in page.lines if line.text.strip()]
