"""`benchmarks encode`: seconds per page of each vision runtime, and its share of the device's matrix rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from glyph_demo.bench.measure import PAGE, Report, device_name, ignore, matrix_rate, timed, unit
from glyph_demo.settings import Settings

if TYPE_CHECKING:
    from glyph_demo.bench.engines import Engines

_THEIRS = {"transformers": "sdpa", "transformers_eager": "eager"}  # transformers' own attention


def run(
    settings: Settings,
    rounds: int = 2,
    pages: int = 4,
    size: tuple[int, int] = PAGE,
    report: Report = ignore,
    engines: Engines | None = None,
) -> dict[str, Any]:
    """Encode a page of `size` (height, width) `rounds` times with every runtime in turn, and keep each one's best time,
    in `unit`. The baseline is transformers' tower over `pages` pages in one call, as `generate` makes it:
    `transformers` with its default attention `sdpa`, `transformers_eager` with `eager`, which builds the whole score
    matrix. `prepare` is the time to build or load the runtime. `matrix_share` is the tower's operations per second
    divided by those of a plain matrix product in the precision of the runtime's products. `error` is the relative
    distance (2-norm) from transformers' output. A runtime that is unavailable says why. `report` is
    called with what is known once each is prepared. Raises EngineError."""
    import torch

    from glyph_demo.models.loader import load_vision_language_model
    from glyph_demo.models.vision import RUNTIMES, Vision

    folder = settings.cache_path / "models"
    if engines is None:
        model = load_vision_language_model(settings.model, folder, precision=settings.inference.precision)
    else:
        model = engines.of(settings).model
    visual, device = model.model.model.visual, model.transfer.device
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    resized = model.transfer.to_device(model.preprocessing.resized(pixels))
    patches, high, wide = model.preprocessing.patches(resized)

    towers: dict[str, Vision] = {}
    found: dict[str, dict[str, Any]] = {}
    for runtime in RUNTIMES:
        towers[runtime] = vision = Vision(visual)
        prepare = partial(vision.prepare_runtime, runtime, model.identity, high, wide, folder)
        seconds, notice = timed(prepare, device)
        found[runtime] = {"prepare": round(seconds, 2)} if notice is None else {"unavailable": notice.en}
        report({"runtimes": found})
    ready = [runtime for runtime in RUNTIMES if "unavailable" not in found[runtime]]
    best = dict.fromkeys([*_THEIRS, *ready], float("inf"))
    grids = torch.tensor([[1, high, wide]] * pages, device=device)
    together = partial(visual, patches.to(visual.dtype).repeat(pages, 1), grid_thw=grids)
    products = {name: torch.bfloat16 if name == "mixed" else visual.dtype for name in best}
    rates = dict.fromkeys(products.values(), 0.0)
    results: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for _ in range(rounds + 1):  # the first round warms up
            rates = {dtype: max(rate, matrix_rate(dtype, device)) for dtype, rate in rates.items()}
            for name, attention in _THEIRS.items():
                seconds, output = timed(partial(_attending, visual, attention, together), device)
                best[name] = min(best[name], seconds / pages)
                results[name] = output.pooler_output.chunk(pages)[0]
            for runtime in ready:
                seconds, (results[runtime],) = timed(partial(towers[runtime].read, [(patches, high, wide)]), device)
                best[runtime] = min(best[runtime], seconds)
    operations = encode_flops(model.model.config.vision_config, high * wide)
    expected = results["transformers"]
    for name, seconds in best.items():
        apart = (results[name].float() - expected.float()).norm() / expected.float().norm()
        found.setdefault(name, {}).update(
            seconds_per_page=round(seconds, 5),
            speedup=round(best["transformers"] / seconds, 2),
            speedup_over_eager_attention=round(best["transformers_eager"] / seconds, 2),
            matrix_share=round(operations / seconds / rates[products[name]], 3),
            error=float(f"{float(apart):.1e}"),
        )
    result = {
        "model": settings.model,
        "precision": str(visual.dtype).removeprefix("torch."),
        "device": device_name(device),
        "unit": unit(device),
        "pages": pages,
        "patches": [high, wide],
        "gflop_per_page": round(operations / 1e9, 1),
        "matrix_gflop_per_second": {
            str(dtype).removeprefix("torch."): round(rate / 1e9, 1) for dtype, rate in rates.items()
        },
        "runtimes": found,
    }
    if engines is None:
        model.close()
    return result


def _attending(visual: Any, attention: str, work: Callable[[], Any]) -> Any:
    """Run `work` with one of transformers' attention implementations in the tower."""
    before, visual.config._attn_implementation = visual.config._attn_implementation, attention
    try:
        return work()
    finally:
        visual.config._attn_implementation = before


def encode_flops(config: Any, tokens: int) -> int:
    """Floating point operations of the matrix products for a page of `tokens` patches, from a `Glm4vVisionConfig`. A
    multiplication and an addition count as two."""
    hidden, out, merge = config.hidden_size, config.out_hidden_size, config.spatial_merge_size**2
    values = config.in_channels * config.temporal_patch_size * config.patch_size**2
    # Per token and block: query, key, value and projection; scores and their weighted sum; gate, up and down.
    block = 4 * hidden * hidden + 2 * tokens * hidden + 3 * hidden * out
    merger = merge * hidden * out + out * out + 3 * out * config.intermediate_size
    return 2 * (tokens * (values * hidden + config.depth * block) + tokens // merge * merger)
