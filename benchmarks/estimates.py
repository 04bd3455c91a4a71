"""`benchmarks estimates`: what `doctor --models` works out from two rates of this machine, beside what is measured, for
a model with random weights: seconds from a page's image to its keys and values, and tokens of an answer a second."""

from __future__ import annotations

import time
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np

from benchmarks.decode import ours
from glyph_demo.bench.estimates import CONTEXT, estimate, measure
from glyph_demo.bench.measure import PAGE, as_asked, device_name
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.models.random import random_shape
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings

PAGES = 3  # the first is not counted
TOKENS = 12


def run(settings: Settings, pages: int = PAGES, tokens: int = TOKENS) -> dict[str, Any]:
    """Seconds by the clock, all threads. `ratio` is the estimate over what was measured. Raises EngineError
    `model_missing` for a model that has no random weights."""
    shape = random_shape(settings.model)
    engine = LocalEngine(settings)
    as_asked(engine)
    decoder, device = engine.decoder, engine.model.transfer.device
    speed = measure(engine.model.precision, on_card=device.type == "cuda")
    assert speed is not None, "no room beside the model"
    estimated = estimate(shape, engine.model.precision, speed, settings.inference.decode)
    draw = np.random.default_rng(0)
    document, times = engine.open_document(), [time.perf_counter()]
    for number in range(pages):
        document.append(engine.encode(Page(number, draw.integers(0, 256, PAGE, dtype=np.uint8))))
        times.append(time.perf_counter())
    document.close()
    steps = ours(decoder, CONTEXT, tokens + 1, None)
    next(steps)  # fills the context
    began = time.perf_counter()
    said = sum(1 for _ in islice(steps, tokens))
    measured = {"page": (times[-1] - times[1]) / (pages - 1), "tokens": said / (time.perf_counter() - began)}
    engine.close()
    return {
        "model": engine.label,
        "precision": engine.model.precision,
        "device": device_name(device),
        "rates": asdict(speed),
        "estimated": asdict(estimated),
        "measured": measured,
        "ratio": {name: round(value / measured[name], 2) for name, value in asdict(estimated).items()},
    }
