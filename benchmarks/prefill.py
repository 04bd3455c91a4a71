"""`benchmarks prefill`: tokens per second that the language model prefills, and its share of the device's matrix
rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glyph_demo.bench.engines import Engines
from glyph_demo.bench.measure import (
    Report,
    as_asked,
    device_name,
    forget_peak,
    how_it_ran,
    ignore,
    matrix_rate,
    peak_memory,
    tell,
    timed,
    unit,
)
from glyph_demo.models.memory import PAGE_TOKENS
from glyph_demo.settings import Settings

if TYPE_CHECKING:
    from glyph_demo.decoding.decoder import Decoder

LENGTHS = {"cpu": (1024, 4096), "cuda": (1024, 4096, 16384)}  # tokens
_ROUNDS = {"cpu": 1, "cuda": 3}
_WARM_UP = 64  # tokens
_ROWS = 8192  # of the matrix product to compare with, at most


def run(
    settings: Settings,
    lengths: tuple[int, ...] | None = None,
    report: Report = ignore,
    engines: Engines | None = None,
) -> dict[str, Any]:
    """Prefill each of `lengths` tokens into an empty arena; on a CUDA device keep the best of some rounds.
    `matrix_share` is the model's operations per second divided by those of a plain matrix product in the model's dtype,
    of the shape of a layer's largest product at that length, measured in the same round. `seconds_per_page` is for a
    page of 595x842. A length that does not fit into memory says so. `report` is called with the result so far after
    each length. Raises EngineError."""
    import torch

    kept = engines or Engines()
    engine = kept.of(settings)
    as_asked(engine)
    decoder, device = engine.decoder, engine.decoder.device
    config = engine.model.model.config.get_text_config()
    _once(decoder, _WARM_UP)
    found: list[dict[str, Any]] = []
    result = {
        "model": engine.label,
        "precision": engine.model.precision,
        **how_it_ran(engine),
        "device": device_name(device),
        "unit": unit(device),
        "lengths": found,
    }
    for length in lengths or LENGTHS[device.type]:
        forget_peak(device)
        shape = (min(length, _ROWS), config.hidden_size, 2 * config.intermediate_size)
        try:
            rate, best = 0.0, float("inf")
            for _ in range(_ROUNDS[device.type]):
                rate = max(rate, matrix_rate(decoder.dtype, device, shape))
                best = min(best, timed(lambda length=length: _once(decoder, length), device)[0])  # type: ignore[misc]
        except (torch.OutOfMemoryError, MemoryError):
            found.append({"tokens": length, "unavailable": "out of memory"})
            continue
        operations = prefill_flops(config, length)
        found.append(
            {
                "tokens": length,
                "seconds": round(best, 4),
                "tokens_per_second": round(length / best, 1),
                "seconds_per_page": round(best / length * PAGE_TOKENS, 4),
                "gflop": round(operations / 1e9, 1),
                "matrix_gflop_per_second": round(rate / 1e9, 1),
                "matrix_share": round(operations / best / rate, 3),
                "peak_bytes": peak_memory(device),
            }
        )
        tell(f"{length} tokens: {length / best:.0f} a second, {operations / best / rate:.0%} of the matrix rate")
        report(result)
    if engines is None:
        kept.close()
    return result


def prefill_flops(config: Any, tokens: int) -> int:
    """Floating point operations of the matrix products to prefill `tokens` tokens, from the text config. Counts the
    unmasked half of attention, and lm_head once. A multiplication and an addition count as two."""
    hidden, heads, kv_heads = config.hidden_size, config.num_attention_heads, config.num_key_value_heads
    head = getattr(config, "head_dim", None) or hidden // heads
    layer = 2 * hidden * head * (heads + kv_heads) + 3 * hidden * config.intermediate_size
    attention = heads * head * tokens  # scores and their weighted sum, over half of all tokens on average
    return 2 * (config.num_hidden_layers * tokens * (layer + attention) + hidden * config.vocab_size)


def _once(decoder: Decoder, tokens: int) -> None:
    from glyph_demo.decoding.decoder import text
    from glyph_demo.decoding.loop import prefill

    arena = decoder.arena()
    decoder.logits(prefill(decoder, arena, text([i % 256 for i in range(tokens)])))
    arena.free()
