"""Page pixels → lines of text with their boxes: exactly where this app drew them; else by row projection if a page is
clean and its lines are well separated, else by the detection network.

Imported lazily: it loads onnxruntime and OpenCV."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.events import Box
from glyph_demo.engines.pocket.characters import unknown
from glyph_demo.engines.pocket.detector import Detector, TextBox
from glyph_demo.engines.pocket.drawn import DrawnReader
from glyph_demo.engines.pocket.reading_order import reading_order
from glyph_demo.engines.pocket.recognizer import Recognizer
from glyph_demo.engines.pocket.rows import cut_rows
from glyph_demo.process import give_memory_back
from glyph_demo.rendering.style import Style, has_cjk
from glyph_demo.store import PageFeatures

# Horizontal scale of a line for the network; CPU time is proportional. Measured at 12 px: at 0.65 one Chinese line in
# 185 lost a digit and English lines lost letters; at 0.8 full lines kept every digit in 304 lines. In short lines, such
# as table rows, 0.8 doubled a digit once, and the full width costs little.
SQUEEZE = 0.8
# Of lines of scans at 144 dpi, which are higher than drawn ones. On six pages of 9 and 12 points, skewed and noisy,
# 0.990 to 1 of the characters were right; at full width and with larger pages for detection 0.983 to 1. A page lost at
# most 0.004.
SQUEEZE_CJK, SQUEEZE_SCAN = 0.6, 0.75
SHORT = 0.6  # of the page's width; lines up to this keep their full width
MIN_SCORE = 0.5  # mean character probability; the model's published configuration drops lines below
MAX_SPREAD = 32  # gray values between channels; more is colour
STRAIGHT = 0.5  # degrees
MARGIN = 3  # pixels of paper beside a drawn line that is recognised


class Reader:
    """Reads one page at a time. `style` is that of the pages that this app draws."""

    def __init__(self, recognition: Path, detection: Path, threads: int, style: Style) -> None:
        self._drawn = DrawnReader(style)
        self._recognizer = Recognizer(recognition, threads)
        self._detection = detection
        self._threads = threads

    def prepare(self) -> None:
        """Do what the first page would otherwise wait for."""
        self._drawn.prepare()

    def unknown_characters(self, text: str) -> dict[str, int]:
        """How often each character of `text` occurs that is not read as what it is."""
        return self._drawn.left_to_others(unknown(text, self._recognizer.listed), has_cjk(text))

    @cached_property
    def _detector(self) -> Detector:
        return Detector(self._detection, self._threads)

    def read(self, pixels: NDArray[np.uint8]) -> PageFeatures:
        """Lines of a page (H, W) or (H, W, 3) uint8 in reading order. Arrays: `boxes` int32 (n, 4) left, top, right,
        bottom in pixels, `scores` float32 (n,) mean character probability; texts: one per line."""
        gray = pixels if pixels.ndim == 2 else _gray(pixels)
        drawn = None if gray is None else self._read_drawn(gray)
        if drawn is not None:
            return drawn
        rows = None if gray is None else cut_rows(gray)
        try:
            if rows is not None and gray is not None:
                return self._read_rows(gray, rows)
            return self._read_detected(pixels)
        finally:
            give_memory_back()

    def _read_drawn(self, gray: NDArray[np.uint8]) -> PageFeatures | None:
        """None for a page that this app did not draw. A line that cannot be read exactly is recognised."""

        def guess(box: Box) -> str:
            return self._recognizer.candidates(_part(gray, box))

        lines = self._drawn.read(gray, guess)
        if lines is None:
            return None
        return _features(
            [
                (box, *((text, 1.0) if text is not None else self._recognizer.read(_part(gray, box), 1.0)))
                for box, text in lines
            ]
        )

    def _read_rows(self, gray: NDArray[np.uint8], boxes: NDArray[np.int32]) -> PageFeatures:
        lines = []
        for left, top, right, bottom in boxes.tolist():
            squeeze = SQUEEZE if right - left > SHORT * gray.shape[1] else 1.0
            lines.append(((left, top, right, bottom), *self._recognizer.read(gray[top:bottom, left:right], squeeze)))
        return _features(lines)

    def _read_detected(self, pixels: NDArray[np.uint8]) -> PageFeatures:
        rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        found = self._detector.find(rgb)
        pieces: list[tuple[str, float]] = []
        for box in found:
            before = next((text for text, _ in reversed(pieces) if text), "")
            pieces.append(self._recognizer.read(box.cut(gray), SQUEEZE_CJK if has_cjk(before) else SQUEEZE_SCAN))
        kept = [i for i, (text, score) in enumerate(pieces) if text and score >= MIN_SCORE]
        bounds = np.array([found[i].bounds(gray.shape) for i in kept], np.int32).reshape(-1, 4)
        lines = []
        for row in reading_order(_upright([found[i] for i in kept])):
            left, top = bounds[row, :2].min(axis=0).tolist()
            right, bottom = bounds[row, 2:].max(axis=0).tolist()
            text = " ".join(pieces[kept[i]][0] for i in row)
            lines.append(((left, top, right, bottom), text, min(pieces[kept[i]][1] for i in row)))
        return _features(lines)


def _part(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    left, top, right, bottom = box
    return gray[top:bottom, max(0, left - MARGIN) : right + MARGIN]


def _gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """One channel of an (H, W, 3) page without colour; None where there is colour."""
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    return None if spread.max() > MAX_SPREAD else pixels[..., 1]


def _upright(boxes: list[TextBox]) -> NDArray[np.float64]:
    """Boxes (n, 4) as they would be if the page were straightened."""
    if not boxes:
        return np.zeros((0, 4))
    angle = float(np.median([box.angle for box in boxes]))
    centers = np.array([box.center for box in boxes])
    if abs(angle) > STRAIGHT:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        centers = centers @ np.array([[cos, -sin], [sin, cos]])
    half = np.array([(box.width, box.height) for box in boxes]) / 2
    return np.concatenate([centers - half, centers + half], axis=1)


def _features(lines: list[tuple[tuple[int, int, int, int], str, float]]) -> PageFeatures:
    lines = [line for line in lines if line[1] and line[2] >= MIN_SCORE]
    boxes = np.array([box for box, _, _ in lines], np.int32).reshape(-1, 4)
    scores = np.array([score for _, _, score in lines], np.float32)
    return PageFeatures({"boxes": boxes, "scores": scores}, tuple(text for _, text, _ in lines))
