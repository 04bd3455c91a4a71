"""Any text in any style into layout and paint: `python -m tests.fuzz.fuzz_layout -max_total_time=60`.

Every character of the text stands on exactly one page, and lines and boxes stay inside their page."""

import itertools
import sys
from dataclasses import replace

import atheris

with atheris.instrument_imports(include=["glyph_demo"]):
    from glyph_demo.documents.model import Document
    from glyph_demo.documents.text import clean
    from glyph_demo.errors import SettingsError
    from glyph_demo.rendering import layout, paint, render, shaping  # noqa: F401  instrumented when loaded here
    from glyph_demo.rendering.style import STYLES

MAX_PAGES = 6  # of one input


def one(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    style = STYLES[provider.PickValueInList([name for name in STYLES if name != "whitepaper"])]
    try:
        style = replace(
            style,
            width=float(provider.ConsumeIntInRange(60, 700)),
            height=float(provider.ConsumeIntInRange(60, 900)),
            font_size=float(provider.ConsumeIntInRange(4, 30)),
            leading=float(provider.ConsumeIntInRange(4, 40)),
            newline=provider.PickValueInList(["break", "mark"]),
            width_bucket=provider.PickValueInList([0, 28]),
        )
    except SettingsError:
        return
    text = clean(provider.ConsumeUnicode(provider.remaining_bytes()))
    repeats = 1 + len(text) % 5
    text = text * repeats
    reached = 0
    for page in itertools.islice(render(Document("a.txt", "txt", text, "0" * 64), style), MAX_PAGES):
        start, end = page.span
        assert start == reached <= end, (start, end, reached)
        reached = end
        width, height = page.size
        assert 0 < width <= style.page_pixels[0] + style.width_bucket
        assert 0 < height <= style.page_pixels[1]
        for line in page.lines:
            left, top, right, bottom = line.box
            assert 0 <= left <= right <= width, line
            assert 0 <= top <= bottom <= height, line
            assert start <= line.start <= line.end <= end, line
    assert page.index == MAX_PAGES - 1 or reached == len(text), (reached, len(text))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
