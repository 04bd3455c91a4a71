"""`benchmarks render`: our pages compared with those of the original way (reportlab, PDF, poppler, crop) in the same
font.

Seconds are CPU time of this process and its children, because wall time on a shared machine says little. The original
always saves PNG files; our rate is given without and with PNG. Both are warm. `cold` is the median CPU seconds of a
fresh process that renders the text, from start to end; peak memory is that of such a process. The original's CJK
paragraphs that cross a page are mended (see reference.recorder), so that rows are compared as they were first
broken."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import reference
from benchmarks.cold import style_for
from glyph_demo.bench.measure import tell
from glyph_demo.bench.texts import texts
from glyph_demo.documents.model import Document
from glyph_demo.rendering import encode_png, render
from glyph_demo.rendering.page import Page
from glyph_demo.rendering.style import CHINESE, DEJAVU, Style
from glyph_demo.settings import Settings

_PATCH = 28  # pixels: side of the square of one visual token, 2 by 2 patches of 14
_WINDOW = 7  # pixels: side of an SSIM window
_REPEATS = 5
_COLD_REPEATS = 5


def run(settings: Settings) -> dict[str, Any]:
    """Measure all texts and print a table on stderr. Text tokens, for `compression`, are estimated. Comparisons are
    None if the original's packages are missing. `settings` are not used."""
    results = []
    for name, text in texts().items():
        with tempfile.TemporaryDirectory() as folder:
            result = _measure(name, text, Path(folder))
        results.append(result)
        tell(_row(result))
    return {"texts": results}


def estimate_tokens(text: str) -> int:
    """A rule of thumb: four Latin or 1.7 CJK characters per token."""
    wide = sum(character >= "\u2e80" for character in text)
    return round(wide / 1.7 + (len(text) - wide) / 4)


def visual_tokens(page: Page) -> int:
    """Tokens of a page for GLM-4.1V: sides rounded to multiples of 28 pixels."""
    width, height = page.size
    return max(1, round(width / _PATCH)) * max(1, round(height / _PATCH))


def _measure(name: str, text: str, folder: Path) -> dict[str, Any]:
    style = style_for(text)
    source = folder / "text.txt"
    source.write_text(text, encoding="utf-8")
    _ours(text, style)
    pages, seconds = _cpu(lambda: [_ours(text, style) for _ in range(_REPEATS)][-1])
    seconds /= _REPEATS
    encode_png(pages[0].pixels)
    _, png_seconds = _cpu(lambda: [encode_png(page.pixels) for page in pages])
    tokens = sum(map(visual_tokens, pages))
    result: dict[str, Any] = {
        "name": name,
        "characters": len(text),
        "pages": len(pages),
        "ours_pages_per_cpu_second": len(pages) / seconds,
        "ours_with_png_pages_per_cpu_second": len(pages) / (seconds + png_seconds),
        "peak_mb": _fresh("ours", source, "")["peak_mb"],
        "visual_tokens": tokens,
        "text_tokens": estimate_tokens(text),
        "compression": estimate_tokens(text) / tokens,
    }
    try:
        return result | _compare(text, style, source, folder, pages, result)
    except ImportError as error:
        print(f"no comparison with the original: {error.name} is missing", file=sys.stderr)
        missing = ("official_pages_per_cpu_second", "ratio", "ratio_with_png", "cold", "cold_ratio", "line_agreement")
        return result | dict.fromkeys((*missing, "ssim", "mean_difference", "official_pages", "official_peak_mb"))


def _compare(
    text: str, style: Style, source: Path, folder: Path, pages: list[Page], result: dict[str, Any]
) -> dict[str, Any]:
    font = Path(DEJAVU.path)
    if style.fonts == CHINESE:
        font = folder / f"reference{hash(text)}.ttf"
        reference.truetype_font(text, font)
    reference.official(text, style, font, folder)
    theirs, seconds = _cpu(lambda: reference.official(text, style, font, folder))
    lines: dict[int, list[str]] = {}
    mended = reference.pages(
        reference.pdf(reference.paragraphs(text, font, style, reference.recorder(lines, mend=True)), style), style
    )
    rounds = [{way: _fresh(way, source, str(font)) for way in ("ours", "official")} for _ in range(_COLD_REPEATS)]
    cold = {way: statistics.median(found[way]["cpu_seconds"] for found in rounds) for way in ("ours", "official")}
    cold_ratio = cold["official"] / cold["ours"]
    pairs = [(theirs[..., 0], ours.pixels) for theirs, ours in zip(mended, pages, strict=False)]
    rate = len(theirs) / seconds
    return {
        "official_pages": len(mended),
        "official_pages_per_cpu_second": rate,
        "ratio": result["ours_pages_per_cpu_second"] / rate,
        "ratio_with_png": result["ours_with_png_pages_per_cpu_second"] / rate,
        "cold": {"ours_cpu_seconds": cold["ours"], "official_cpu_seconds": cold["official"], "ratio": cold_ratio},
        "cold_ratio": cold_ratio,
        "line_agreement": _agreement(lines, pages),
        "ssim": float(np.mean([ssim(a, b) for a, b in pairs])),
        "mean_difference": float(np.mean([_difference(a, b) for a, b in pairs])),
        "official_peak_mb": rounds[0]["official"]["peak_mb"],
    }


def _ours(text: str, style: Style) -> list[Page]:
    return list(render(Document("text", "txt", text, ""), style))


def _cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    before = _used(resource.RUSAGE_SELF) + _used(resource.RUSAGE_CHILDREN)
    result = work()
    return result, _used(resource.RUSAGE_SELF) + _used(resource.RUSAGE_CHILDREN) - before


def _used(by: int) -> float:
    """CPU seconds of this process, or of children that have ended."""
    usage = resource.getrusage(by)
    return usage.ru_utime + usage.ru_stime


def _fresh(way: str, source: Path, font: str) -> dict[str, float]:
    """CPU seconds and peak memory (MB) of one rendering in a process of its own, including interpreter start and child
    processes."""
    command = [sys.executable, "-m", "benchmarks.cold", way, str(source), font]
    before = _used(resource.RUSAGE_CHILDREN)
    measured = json.loads(subprocess.check_output(command))
    return {**measured, "cpu_seconds": _used(resource.RUSAGE_CHILDREN) - before}


def _agreement(lines: dict[int, list[str]], pages: list[Page]) -> float:
    """Share of the rows that have the same characters at the same place of the same page."""
    equal = total = 0
    for number, page in enumerate(pages, 1):
        theirs = ["".join(line.split()) for line in lines.get(number, [])]
        ours = ["".join(line.text.split()) for line in page.lines]
        theirs, ours = [line for line in theirs if line], [line for line in ours if line]
        equal += sum(a == b for a, b in zip(theirs, ours, strict=False))
        total += max(len(theirs), len(ours))
    return equal / max(total, 1)


def _overlap(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    return a[:height, :width].astype(np.float64), b[:height, :width].astype(np.float64)


def _difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    x, y = _overlap(a, b)
    return float(np.abs(x - y).mean())


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean structural similarity (Wang et al. 2004) of two gray pictures, uint8 (H, W), over 7x7 windows."""
    x, y = _overlap(a, b)
    mean_x, mean_y = _box(x), _box(y)
    var_x, var_y = _box(x * x) - mean_x**2, _box(y * y) - mean_y**2
    covariance = _box(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    upper = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((upper / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean())


def _box(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.pad(picture, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    n = _WINDOW
    return np.asarray((total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]) / (n * n))


def _row(result: dict[str, Any]) -> str:
    def number(key: str, form: str) -> str:
        value = result[key]
        return "-" if value is None else format(value, form)

    speed = f"ours {number('ours_pages_per_cpu_second', '.0f')}/s, official "
    speed += f"{number('official_pages_per_cpu_second', '.1f')}/s, ratio {number('ratio', '.0f')}, "
    speed += f"with PNG {number('ratio_with_png', '.0f')}, cold {number('cold_ratio', '.1f')}"
    likeness = f"lines {number('line_agreement', '.2%')}, SSIM {number('ssim', '.4f')}"
    memory = f"MB {number('peak_mb', '.0f')} and {number('official_peak_mb', '.0f')}"
    size = f"{result['name']:18} {result['characters']:7} characters {result['pages']:3} pages"
    return f"{size}  {speed}  {likeness}  {memory}  text:visual {result['compression']:.1f}"
