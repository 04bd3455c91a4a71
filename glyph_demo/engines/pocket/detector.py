"""Finds text on pages that cannot be cut into rows: the PP-OCRv6 detection network (differentiable binarization,
arXiv 1911.08947) and its boxes, which may be rotated.

Imported lazily: it loads onnxruntime and OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.recognizer import session

# Thresholds of the model's published configuration.
PIXEL_THRESHOLD = 0.3
BOX_THRESHOLD = 0.5
UNCLIP_RATIO = 1.6  # the network marks the core of a line; it is grown on each side by this times area / perimeter

MIN_SIDE = 736  # pixels; smaller pages are enlarged, as the model's published configuration does
MAX_WIDTH = 1280  # wider pages are reduced for detection, not for reading
REDUCED = 0.625  # to this at most are others: lines of 9 points at 144 dpi were found as well at 0.62 as at 1
TILE = 1280  # rows in one pass: bounds memory on tall pages
STRIDE = 32  # the network halves its input five times


class TextBox(NamedTuple):
    """A rotated rectangle in pixels: centre, size along and across the line, angle in degrees (clockwise)."""

    center: tuple[float, float]
    width: float
    height: float
    angle: float

    def bounds(self, page: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Its upright bounding box (left, top, right, bottom), clipped to a page of shape (H, W)."""
        points = cv2.boxPoints((self.center, (self.width, self.height), self.angle))
        left, top = np.floor(points.min(axis=0)).astype(int)
        right, bottom = np.ceil(points.max(axis=0)).astype(int)
        return max(0, int(left)), max(0, int(top)), min(page[1], int(right)), min(page[0], int(bottom))

    def cut(self, gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Its pixels (height, width), rotated upright."""
        left, top, right, bottom = self.bounds(gray.shape)
        if abs(self.angle) < 0.5:
            return gray[top:bottom, left:right]
        turn = cv2.getRotationMatrix2D(self.center, self.angle, 1.0)
        size = max(1, round(self.width)), max(1, round(self.height))
        turn[:, 2] += np.array([size[0] / 2 - self.center[0], size[1] / 2 - self.center[1]])
        return np.asarray(cv2.warpAffine(gray, turn, size, flags=cv2.INTER_LINEAR, borderValue=255), np.uint8)


class Detector:
    def __init__(self, path: Path, threads: int) -> None:
        self._session = session(path, threads)

    def find(self, rgb: NDArray[np.uint8]) -> list[TextBox]:
        """The lines of text on a page (H, W, 3), in no particular order."""
        height, width = rgb.shape[:2]
        scale = min(max(REDUCED, MIN_SIDE / min(height, width)), MAX_WIDTH / width)
        rows = max(1, round(TILE / scale))
        found: list[TextBox] = []
        for top in _tile_tops(rgb, rows):
            found += self._find_in(rgb[top[0] : top[1]], scale, top[0])
        return found

    def _find_in(self, tile: NDArray[np.uint8], scale: float, offset: int) -> list[TextBox]:
        height, width = tile.shape[:2]
        rows = max(STRIDE, round(height * scale / STRIDE) * STRIDE)
        columns = max(STRIDE, round(width * scale / STRIDE) * STRIDE)
        pixels = cv2.resize(tile, (columns, rows)).astype(np.float32) / 127.5 - 1
        probability = self._session.run(None, {"x": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])})[0][0, 0]
        mask = cv2.dilate((probability > PIXEL_THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        boxes = (_box(np.asarray(contour), probability, width / columns, height / rows, offset) for contour in contours)
        return [box for box in boxes if box is not None]


def _tile_tops(rgb: NDArray[np.uint8], rows: int) -> list[tuple[int, int]]:
    """(top, bottom) of tiles of at most `rows` rows. Each ends at the most uniform row of its last quarter."""
    height = rgb.shape[0]
    tiles, top = [], 0
    while height - top > rows:
        zone = rgb[top + rows * 3 // 4 : top + rows, :, 0]
        bottom = top + rows * 3 // 4 + int(zone.std(axis=1).argmin()) + 1
        tiles.append((top, bottom))
        top = bottom
    return [*tiles, (top, height)]


def _box(
    contour: NDArray[np.signedinteger], probability: NDArray[np.float32], across: float, down: float, offset: int
) -> TextBox | None:
    """The box of one contour of the probability map, None if it is no text. `across` and `down` are page pixels per map
    pixel, `offset` is the tile's top row."""
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if width < height:  # text runs along the longer side; vertical text is rotated by 90 degrees
        width, height, angle = height, width, angle - 90
    if height < 3:
        return None
    left, top, columns, rows = cv2.boundingRect(contour)
    inside = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(inside, [contour - np.array([left, top])], 1)
    if cv2.mean(probability[top : top + rows, left : left + columns], inside)[0] < BOX_THRESHOLD:
        return None
    grow = 2 * width * height * UNCLIP_RATIO / (2 * (width + height))
    angle = (angle + 90) % 180 - 90
    size = ((width + grow) * across, (height + grow) * down)
    return TextBox((x * across, y * down + offset), size[0], size[1], angle)
