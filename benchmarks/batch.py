"""`benchmarks batch`: the gain of answering several requests together, in the form of a published table. Each request
is one image of 512x512 pixels, read and answered; memory, latency and throughput are measured for growing batches until
one does not fit. Then a second question about each image, all at once, as from several clients with own documents."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from glyph_demo.bench.measure import device_name, tell
from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Token
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import GlyphError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings

SIDE = 512  # pixels
TOKENS = 128  # of an answer, as in the published table
MOST = {"cpu": 8, "cuda": 64}
QUESTION = "What does this picture show?"

# The published table, for GLM-4.6V-Flash-WEB on a card with 24 GB: batch, GB, ms, images per second.
PUBLISHED = ((1, 8.2, 420, 2.38), (2, 11.5, 510, 3.92), (4, 17.8, 720, 5.56), (8, None, None, None))


def run(settings: Settings) -> dict[str, Any]:
    """Measure batches of 1, 2, 4 … requests, each with a picture of its own, all asked at once. `latency` is the mean
    seconds until an answer is complete, `throughput` is images per second, `kv_bytes` the keys and values, and
    `allocated_bytes` the peak of everything on a CUDA device. `largest` is the largest batch that fit; `same_tokens`
    says whether every answer equals that of a batch of one. Raises EngineError."""
    engine = LocalEngine(replace(settings, inference=replace(settings.inference, max_batch_size=max(MOST.values()))))
    try:
        device = engine.decoder.device
        most = MOST[device.type]
        _batch(engine, 1)  # warms up
        rows: list[dict[str, Any]] = []
        alone: list[str] = []
        for size in (2**power for power in range(most.bit_length())):
            try:
                row, answers = _batch(engine, size)
            except (GlyphError, torch.OutOfMemoryError):
                tell(f"batch {size}: out of memory")
                break
            alone += [_batch(engine, 1, number)[1][0] for number in range(len(alone), size)]
            rows.append({**row, "same_tokens": answers == alone})
            tell(f"batch {size}: {row['latency']:.2f} s, {row['throughput']:.2f} images/s")
        return {
            "model": engine.label,
            "device": device_name(device),
            "image": [SIDE, SIDE],
            "tokens": TOKENS,
            "batches": rows,
            "largest": rows[-1]["batch"] if rows else 0,
            "gain": _gain(rows),
            "gain_later_question": _gain([row["later_question"] for row in rows]),
            "published": [dict(zip(("batch", "gb", "ms", "images_per_second"), row, strict=True)) for row in PUBLISHED],
        }
    finally:
        engine.close()


def _batch(engine: LocalEngine, size: int, first: int = 0) -> tuple[dict[str, Any], list[str]]:
    """A row of the table, and the token ids of both answers of each document, as text."""
    options = AskOptions(max_new_tokens=TOKENS, thinking=False)
    cuda = engine.decoder.device.type == "cuda"
    documents: dict[int, LocalDocument] = {}
    turns: dict[int, list[Turn]] = {number: [] for number in range(first, first + size)}
    if cuda:
        torch.cuda.reset_peak_memory_stats()

    def read(number: int) -> str:
        documents[number] = engine.open_document([engine.encode(_picture(number))])
        return ask(number)

    def ask(number: int) -> str:
        said = [
            event.text
            for event in documents[number].answer(QUESTION, turns[number], options)
            if isinstance(event, Token)
        ]
        turns[number].append(Turn(QUESTION, "".join(said)))
        return str([documents[number].answer_ids(turn.answer) for turn in turns[number]])

    try:
        numbers = range(first, first + size)
        fresh, _ = _timed(read, numbers)
        later, said = _timed(ask, numbers)
        held = engine.nbytes
    finally:
        for document in documents.values():
            document.close()
    row = {
        "batch": size,
        **fresh,
        "kv_bytes": held,
        "allocated_bytes": torch.cuda.max_memory_allocated() if cuda else None,
    }
    return {**row, "later_question": later}, said


def _timed(work: Callable[[int], str], numbers: range) -> tuple[dict[str, float], list[str]]:
    """Run `work` for all numbers at once: mean seconds of one, images and tokens per second, CPU seconds in all."""

    def one(number: int) -> tuple[float, str]:
        began = time.perf_counter()
        said = work(number)
        return time.perf_counter() - began, said

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(len(numbers)) as threads:
        done = list(threads.map(one, numbers))
    seconds, size = time.perf_counter() - began, len(numbers)
    figures = {
        "latency": round(sum(latency for latency, _ in done) / size, 3),
        "throughput": round(size / seconds, 3),
        "tokens_per_second": round(size * TOKENS / seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }
    return figures, [said for _, said in done]


def _gain(rows: list[dict[str, Any]]) -> float:
    """The best throughput divided by that of one request at a time."""
    return round(max(row["throughput"] for row in rows) / rows[0]["throughput"], 2) if rows else 0.0


def _picture(number: int) -> Page:
    noise = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE), np.uint8)
    return Page(0, noise)
