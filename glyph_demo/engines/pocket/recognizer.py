"""Pixels of one line of text → its characters, by the PP-OCRv6 recognition network and CTC decoding.

Imported lazily: it loads onnxruntime and OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

HEIGHT = 48  # pixels the network was trained on (rec_image_shape of PP-OCR)
MIN_WIDTH = 16
MAX_WIDTH = 4096  # wider lines are squeezed: bounds memory (512 steps of 18,710 classes take 38 MB)

MIN_CANDIDATE = 1e-4  # probability of a character that may be what is there


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX model on the CPU; 0 `threads` means all cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = False  # lines differ in width, and an arena would keep every size
    # Threads that spin while they wait for the next line took a third more CPU time, and slowed the window.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Recognizer:
    """Reads one line per call: batches of padded lines took 15 to 60 % more CPU time than single lines."""

    def __init__(self, path: Path, threads: int) -> None:
        self._session = session(path, threads)
        characters = self._session.get_modelmeta().custom_metadata_map["character"]
        self._characters = ["", *characters.splitlines(), " "]  # class 0 is the CTC blank
        self.listed = frozenset(self._characters)

    def read(self, line: NDArray[np.uint8], squeeze: float) -> tuple[str, float]:
        """Text and mean character probability of a line, uint8 (H, W), dark on light or light on dark. `squeeze` scales
        its width: less is faster, until narrow letters merge."""
        return self._decode(self._probability(line, squeeze))

    def candidates(self, line: NDArray[np.uint8]) -> str:
        """All characters that may be in a line."""
        likely = (self._probability(line, 1.0) > MIN_CANDIDATE).any(axis=0)
        return "".join(self._characters[i] for i in np.flatnonzero(likely).tolist())

    def _probability(self, line: NDArray[np.uint8], squeeze: float) -> NDArray[np.float32]:
        """(steps, classes)"""
        height, width = line.shape
        if np.median(line) < 128:
            line = 255 - line
        target = int(np.clip(round(width * HEIGHT / height * squeeze), MIN_WIDTH, MAX_WIDTH))
        pixels = cv2.resize(line, (target, HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 127.5 - 1
        batch = np.ascontiguousarray(np.broadcast_to(pixels, (1, 3, HEIGHT, target)))
        return np.asarray(self._session.run(None, {"x": batch})[0][0], np.float32)

    def _decode(self, probability: NDArray[np.float32]) -> tuple[str, float]:
        """Greedy CTC decoding of (steps, classes): merge repeats, then drop blanks."""
        best = probability.argmax(axis=1)
        kept = np.flatnonzero((best != 0) & np.concatenate(([True], best[1:] != best[:-1])))
        if not kept.size:
            return "", 0.0
        text = "".join(self._characters[i] for i in best[kept])
        return text.strip(), float(probability[kept, best[kept]].mean())
