"""`bench decode`: what one token costs, as a share of what the device's memory allows, with and without drafts, beside
transformers' own step.

A decoded token must read every weight of the language model and the keys and values of everything before it; the
device's measured copy bandwidth says how fast that can go at best. What stands in the context makes no difference to
the cost, so it is filled with noise. The ways take turns token by token: other work on the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.draft import Drafter
from glyph_demo.decoding.loop import decode
from glyph_demo.decoding.sampling import Sampler, Sampling
from glyph_demo.models.glm4v import load_glm4v
from glyph_demo.settings import Settings

CONTEXT = 2546  # tokens: four pages of 595x842 and a question
SAMPLED = Sampling(temperature=1.0)  # with random weights a greedy answer soon repeats itself, and would quote itself
_COPIED = {"cpu": 1 << 28, "cuda": 1 << 30}  # bytes; far over what caches hold
_COPIES = 5


@dataclass
class Way:
    """One way to decode: an iterator of tokens, and what it has cost so far."""

    tokens: Iterator[int]
    said: list[int] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def step(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.said.append(next(self.tokens))
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu


def run(settings: Settings, context: int = CONTEXT, tokens: int = 48) -> dict[str, Any]:
    """Decode `tokens` tokens behind `context` others in four ways: without drafts, with drafts from a text that the
    answer quotes, with drafts from one that it does not, and transformers' forward over a DynamicCache with `sdpa`.
    `copy_bandwidth` counts bytes read and written, `share` is of it. Raises EngineError."""
    model = load_glm4v(settings.model, settings.cache_path / "models")
    decoder = Decoder(model.model)
    noise = torch.randint(0, 256, (context,), generator=torch.Generator().manual_seed(1)).tolist()
    answer = list(_ours(decoder, context, tokens, None))
    quoting, other = (Drafter([quotable], tokens) for quotable in ([*noise, *answer, *noise], noise))
    ways = {
        "plain": Way(_ours(decoder, context, tokens, None)),
        "quoting": Way(_ours(decoder, context, tokens, quoting)),
        "not_quoting": Way(_ours(decoder, context, tokens, other)),
        "transformers": Way(_transformers(model.model, context)),
    }
    for way in ways.values():
        way.step()  # fills the context
        way.seconds = way.cpu_seconds = 0.0
    for _ in range(tokens - 1):
        for way in ways.values():
            way.step()
    bandwidth = copy_bandwidth(decoder.device)
    read = weight_bytes(model.model) + (context + tokens // 2) * decoder.bytes_per_entry
    plain = ways["plain"].seconds / (tokens - 1)
    cuda = decoder.device.type == "cuda"
    return {
        "model": settings.model,
        "precision": str(decoder.dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "context": context,
        "tokens": tokens,
        "bytes_per_token": read,
        "copy_bandwidth": round(bandwidth),
        "share": round(read / plain / bandwidth, 3),
        "per_token": {name: _per_token(way, tokens - 1) for name, way in ways.items()},
        "speculation": {"quoting": asdict(quoting.counts), "not_quoting": asdict(other.counts)},
        "same_tokens": all(ways[name].said == answer for name in ("plain", "quoting", "not_quoting")),
    }


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second, read and written, of the best of some large copies within the device's memory."""
    source = torch.ones(_COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(_timed(device, lambda: target.copy_(source)) for _ in range(_COPIES))


def weight_bytes(model: Any) -> int:
    """Bytes of weights that one decoded token reads: the language model's, of the embeddings one row only."""
    body, head = model.get_decoder(), model.get_output_embeddings()
    layers = sum(weight.nbytes for weight in body.parameters()) - model.get_input_embeddings().weight.nbytes
    return layers + sum(weight.nbytes for weight in head.parameters())


def _ours(decoder: Decoder, context: int, tokens: int, drafter: Drafter | None) -> Iterator[int]:
    arena = decoder.arena()
    arena.reserve(context + tokens)
    _fill(arena, context)
    hidden = decoder.embed(text([0]))[0]
    yield from decode(decoder, arena, hidden, Sampler(SAMPLED, decoder.device), frozenset(), tokens, [], drafter)


def _fill(arena: KVArena, context: int) -> None:
    generator = torch.Generator(arena.layers[0].keys.device).manual_seed(0)
    for layer in arena.layers:
        for tensor in (layer.keys, layer.values):
            tensor.normal_(generator=generator)
    arena.advance(context, context)


@torch.inference_mode()
def _transformers(model: Any, context: int) -> Iterator[int]:
    """The forward and the argmax of `generate`, without the rest of it."""
    config, device, dtype = model.get_decoder().config, model.device, model.dtype
    shape = (1, config.num_key_value_heads, context, config.hidden_size // config.num_attention_heads)
    cache = DynamicCache(config=config)
    for layer in range(config.num_hidden_layers):
        keys, values = (torch.randn(shape, dtype=dtype, device=device) for _ in range(2))
        cache.update(keys, values, layer)
    token = 0
    while True:
        packed, config._attn_implementation = config._attn_implementation, "sdpa"
        try:
            at = torch.full((3, 1, 1), cache.get_seq_length(), device=device)
            ids = torch.tensor([[token]], device=device)
            rows = model.get_decoder()(input_ids=ids, position_ids=at, past_key_values=cache).last_hidden_state
            token = int(model.get_output_embeddings()(rows[0, -1]).argmax())
        finally:
            config._attn_implementation = packed
        yield token


def _per_token(way: Way, tokens: int) -> dict[str, float]:
    return {"seconds": round(way.seconds / tokens, 5), "cpu_seconds": round(way.cpu_seconds / tokens, 5)}


def _timed(device: torch.device, work: Callable[[], Any]) -> float:
    """Seconds until the device has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
