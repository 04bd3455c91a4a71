"""`benchmarks decode`: the speed of one decode step as a share of the device's memory bandwidth, with and without
drafts, and that of transformers' own step.

A decode step reads every weight of the language model and all keys and values so far; the measured copy bandwidth of
the device bounds its speed. The cost does not depend on the content of the context, which is therefore noise. On a CPU
our ways take turns token by token, so that other work on the machine affects all alike; transformers' comes after them,
with the products that it has by itself. A CUDA device runs ahead of the host, so there each way runs to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from glyph_demo.bench.engines import Engines
from glyph_demo.bench.measure import Report, as_asked, copy_bandwidth, device_name, how_it_ran, ignore, now, tell
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, cache_argument, text
from glyph_demo.decoding.draft import Drafter
from glyph_demo.decoding.loop import decode
from glyph_demo.decoding.products import kept_beside, use_even_products, use_plain_products
from glyph_demo.decoding.sampling import Sampler, Sampling
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.models.memory import held_bytes
from glyph_demo.settings import Settings

# Tokens before the one that is decoded; 2546 are four pages of 595x842 and a question.
CONTEXTS = {"cpu": (2546, 8192), "cuda": (4096, 32768, 65536)}
SAMPLED = Sampling(
    temperature=1.0
)  # with random weights a greedy answer soon repeats itself, which drafts would exploit
_UNCOUNTED = 2  # tokens: the first one comes of filling the context, the second one of a step that is captured first
_MORE_TOKENS = {"cpu": 12, "cuda": 48}  # decoded after each further context


@dataclass
class TimedWay:
    """One way to decode: an iterator of tokens, and the seconds it has taken so far."""

    tokens: Iterator[int]
    device: torch.device
    said: list[int] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def steps(self, count: int) -> None:
        now(self.device)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            self.said.append(next(self.tokens))
        now(self.device)
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu


def run(
    settings: Settings,
    contexts: tuple[int, ...] | None = None,
    tokens: int = 48,
    report: Report = ignore,
    engines: Engines | None = None,
) -> dict[str, Any]:
    """Decode `tokens` tokens after a context of the first of `contexts` tokens in four ways: without drafts, with
    drafts from a text that the answer quotes, with drafts from one that it does not quote, and with transformers'
    forward over a DynamicCache with `sdpa`. After the other contexts (`more_contexts`) only without drafts. A decode or
    vision runtime that could not be had is no result of the one that was asked for: EngineError.
    `copy_bandwidth` counts bytes read and written per second; `share` is the share of it that is reached. `report` is
    called with the result so far after each context. Raises EngineError."""
    kept = engines or Engines()
    engine = kept.of(settings)
    as_asked(engine)
    decoder, model = engine.decoder, engine.model.model
    decoder.batch_steps(1, 0.0)  # the ways share one thread, so none may wait for the others
    context, *others = contexts or CONTEXTS[decoder.device.type]
    bandwidth = copy_bandwidth(decoder.device)
    tell(f"copy bandwidth {bandwidth / 1e9:.0f} GB/s")
    noise = torch.randint(0, 256, (context,), generator=torch.Generator().manual_seed(1)).tolist()
    answer = list(ours(decoder, context, tokens, None))
    quoting, other = (Drafter(Suffixes(quotable)) for quotable in ([*noise, *answer, *noise], noise))
    ways = {
        "plain": ours(decoder, context, tokens, None),
        "quoting": ours(decoder, context, tokens, quoting),
        "not_quoting": ours(decoder, context, tokens, other),
    }
    measured = _measure({name: TimedWay(way, decoder.device) for name, way in ways.items()}, tokens)
    with published(model):
        theirs = {"transformers": TimedWay(_transformers(model, context), decoder.device)}
        measured |= _measure(theirs, tokens)
    result: dict[str, Any] = {
        "model": engine.label,
        "precision": engine.model.precision,
        **how_it_ran(engine),
        "device": device_name(decoder.device),
        "copy_bandwidth": round(bandwidth),
        "tokens": tokens,
        **_share(decoder, model, context, tokens, measured["plain"], bandwidth),
        "per_token": {name: _per_token(way, tokens - _UNCOUNTED) for name, way in measured.items()},
        "speculation": {"quoting": asdict(quoting.counts), "not_quoting": asdict(other.counts)},
        "same_tokens": all(measured[name].said == answer for name in ("plain", "quoting", "not_quoting")),
    }
    del measured, ways, theirs  # and their keys and values
    tell(f"{context} tokens: {result['share']:.0%} of it")
    more: list[dict[str, Any]] = []
    result["more_contexts"] = more
    report(result)
    for longer in others:
        count = _MORE_TOKENS[decoder.device.type]
        plain = _measure({"plain": TimedWay(ours(decoder, longer, count, None), decoder.device)}, count)["plain"]
        found = _share(decoder, model, longer, count, plain, bandwidth)
        more.append({**found, "per_token": {"plain": _per_token(plain, count - _UNCOUNTED)}})
        tell(f"{longer} tokens: {found['share']:.0%} of it")
        report(result)
    if engines is None:
        kept.close()
    return result


def weight_bytes(model: Any) -> int:
    """Bytes of weights that one decode step reads: those of the language model, without the input embeddings."""
    body, head = model.get_decoder(), model.get_output_embeddings()
    layers = sum(held_bytes(weight) for weight in body.parameters()) - model.get_input_embeddings().weight.nbytes
    return layers + (kept_beside(body, head) or sum(held_bytes(weight) for weight in head.parameters()))


def _measure(ways: dict[str, TimedWay], tokens: int) -> dict[str, TimedWay]:
    """Decode `tokens` tokens in every way, but do not count the first ones."""
    for way in ways.values():
        way.steps(_UNCOUNTED)
        way.seconds = way.cpu_seconds = 0.0
    left = tokens - _UNCOUNTED
    at_once = 1 if next(iter(ways.values())).device.type == "cpu" else left
    for _ in range(left // at_once):
        for way in ways.values():
            way.steps(at_once)
    return ways


def _share(
    decoder: Decoder, model: Any, context: int, tokens: int, plain: TimedWay, bandwidth: float
) -> dict[str, float | int]:
    read = weight_bytes(model) + (context + tokens // 2) * decoder.bytes_per_entry
    share = read / (plain.seconds / (tokens - _UNCOUNTED)) / bandwidth
    return {"context": context, "bytes_per_token": read, "share": round(share, 3)}


def ours(decoder: Decoder, context: int, tokens: int, drafter: Drafter | None) -> Iterator[int]:
    arena = decoder.arena()
    arena.reserve(context + tokens)
    _fill(arena, context, decoder.dtype)
    hidden = decoder.embed(text([0]))[0]
    yield from decode(decoder, arena, hidden, Sampler(SAMPLED, decoder.device), frozenset(), tokens, [], drafter)


def _fill(arena: KVArena, context: int, dtype: torch.dtype) -> None:
    generator = torch.Generator(arena.layers[0].keys.device).manual_seed(0)
    heads, dim = arena.layers[0].keys.shape[1::2]
    noise = torch.empty((2, 1, heads, context, dim), dtype=dtype, device=generator.device)
    for layer in arena.layers:
        layer.update(*noise.normal_(generator=generator))
    arena.advance(context, context)


@contextlib.contextmanager
def published(model: Any) -> Iterator[None]:
    """The model with the matrix products that transformers runs it with."""
    body, head = model.get_decoder(), model.get_output_embeddings()
    even = any("forward" in vars(layer) for layer in body.modules())
    use_plain_products(body, head)
    try:
        yield
    finally:
        if even:
            use_even_products(body, head)


@torch.inference_mode()
def _transformers(model: Any, context: int) -> Iterator[int]:
    """Only the forward and the argmax of `generate`."""
    config, device, dtype = model.get_decoder().config, model.device, model.dtype
    shape = (1, config.num_key_value_heads, context, config.hidden_size // config.num_attention_heads)
    cache = DynamicCache(config=config)
    for layer in range(config.num_hidden_layers):
        keys, values = (torch.randn(shape, dtype=dtype, device=device) for _ in range(2))
        cache.update(keys, values, layer)
    token, name = 0, cache_argument(model.get_decoder())
    while True:
        packed, config._attn_implementation = config._attn_implementation, "sdpa"
        try:
            at = torch.full((3, 1, 1), cache.get_seq_length(), device=device)
            ids = torch.tensor([[token]], device=device)
            rows = model.get_decoder()(input_ids=ids, position_ids=at, **{name: cache}).last_hidden_state
            token = int(model.get_output_embeddings()(rows[0, -1]).argmax())
        finally:
            config._attn_implementation = packed
        yield token


def _per_token(way: TimedWay, tokens: int) -> dict[str, float]:
    return {"seconds": round(way.seconds / tokens, 5), "cpu_seconds": round(way.cpu_seconds / tokens, 5)}
