"""`benchmarks document`: time and memory of one document in the engine: load, encode, prefill, and some turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from glyph_demo.bench.asking import time_answer
from glyph_demo.bench.engines import Engines
from glyph_demo.bench.measure import PAGE, Report, device_name, forget_peak, ignore, now, peak_memory, tell, unit
from glyph_demo.engines.base import Turn
from glyph_demo.models.loader import default_device
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings

PAGES = {"cpu": 2, "cuda": 22}  # 22 of 595x842 hold 50,000 Chinese characters of prose


def run(
    settings: Settings,
    pages: int | None = None,
    size: tuple[int, int] = PAGE,
    turns: int = 3,
    tokens: int = 32,
    report: Report = ignore,
    engines: Engines | None = None,
) -> dict[str, Any]:
    """Measure `pages` pages of `size` (height, width) and `turns` turns of `tokens` tokens. `load` is in seconds of
    wall time, everything else in `unit`. `peak_bytes` is the most that this process reserved, `device_bytes` what is in
    use on the whole card at the end, CUDA's own share included. `report` is called with the result so far after each
    stage. Raises EngineError."""
    device = default_device()
    kept = engines or Engines()
    engine = kept.of(settings)
    tell(f"loaded in {kept.load:.1f} s")
    forget_peak(device)  # of other measurements
    draw = np.random.default_rng(0)
    pictures = [Page(i, draw.integers(0, 256, size, dtype=np.uint8)) for i in range(pages or PAGES[device.type])]
    result: dict[str, Any] = {
        "model": engine.label,
        "identity": engine.identity,
        "precision": settings.inference.precision,
        "device": device_name(device),
        "unit": unit(device),
        "notices": [notice.en for notice in engine.notices],
        "load": round(kept.load, 2),
        "loaded_bytes": kept.peak,
        "pages": len(pictures),
    }

    def found(**figures: Any) -> None:
        result.update(figures, peak_bytes=max(kept.peak, peak_memory(device)), device_bytes=_in_use(device))
        report(result)

    engine.encode(pictures[0])  # warms up
    start = now(device)
    features = [engine.encode(page) for page in pictures]
    encoded = now(device)
    tell(f"{len(pictures)} pages read in {encoded - start:.2f}")
    found(encode_per_page=round((encoded - start) / len(pictures), 4))
    start = now(device)
    document = engine.open_document(features)
    ready = now(device)
    tell(f"{document.tokens} tokens taken in in {ready - start:.2f}")
    history: list[Turn] = []
    answers: list[dict[str, Any]] = []
    found(document_tokens=document.tokens, prefill=round(ready - start, 4), turns=answers)
    for _ in range(turns):
        answered = time_answer(document, history, tokens, device)
        history.append(answered.turn)
        usage = answered.usage
        answers.append(
            {
                "first_token": round(answered.first_token, 4),
                "seconds": round(answered.seconds, 4),
                "input": usage.input,
                "cached": usage.cached,
                "output": usage.output,
                "tokens_per_second": round(
                    max(0, usage.output - 1) / max(1e-9, answered.seconds - answered.first_token), 2
                ),
            }
        )
        tell(f"turn {len(history)}: first token after {answered.first_token:.3f}")
        found()
    document.close()
    if engines is None:
        kept.close()
    return result


def _in_use(device: torch.device) -> int | None:
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return total - free
