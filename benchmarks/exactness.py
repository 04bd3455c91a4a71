"""`benchmarks exactness`: whether what makes decoding fast changes what it computes, on this device.

Attention by kernels against float64; keys and values in 8 bits against 16; each runtime's step against the model's own
forward; 64 greedy tokens against `generate`; and the same answers when documents take turns, when memory grows under an
answer, when dozens of graphs come and go, and from several threads. Seconds are not measured here."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch

from benchmarks import turns
from glyph_demo.bench.engines import Engines
from glyph_demo.bench.measure import Report, device_name, ignore, tell
from glyph_demo.decoding.arena import BLOCK, KVArena
from glyph_demo.decoding.decoder import TOLERANCE, Decoder, text
from glyph_demo.decoding.layers import Int8Layer
from glyph_demo.decoding.loop import decode, prefill
from glyph_demo.decoding.sampling import GREEDY, Sampler
from glyph_demo.decoding.step import WIDTHS, Runtime
from glyph_demo.models.loader import default_device
from glyph_demo.settings import Settings

CAPTURES = 40  # arenas with a graph each: more than the 32 streams that CUDA's pool hands out in turn
_HEADS, _KV_HEADS, _DIM = 32, 2, 128  # of Glyph
# Entries before the new tokens: around the kernels' blocks of 64, their 63 parts, and a long document's.
_LENGTHS = (0, 1, 63, 64, 65, 4031, 4032, 4033, 65536)
# Largest difference from float64 for values drawn from a normal distribution; what was measured in Triton's interpreter
# (3e-4 in float16, 7e-7 in float32) with room for other orders of summation. bfloat16 has 3 bits less than float16.
_ATTENTION = {torch.float16: 2e-3, torch.float32: 1e-5, torch.bfloat16: 1.6e-2}

_RUNTIMES: dict[str, tuple[Runtime, ...]] = {"cpu": ("graph",), "cuda": ("graph", "compiled")}

Check = dict[str, Any]


def run(
    settings: Settings,
    tokens: int = 64,
    captures: int = CAPTURES,
    report: Report = ignore,
    engines: Engines | None = None,
) -> dict[str, Any]:
    """All checks with answers of `tokens` greedy tokens, on the model of `settings`. Each check says whether it
    `passed` and what it measured; one that raises says so and costs itself alone. `report` is called with the result so
    far. Raises EngineError."""
    device, kept = default_device(), engines or Engines()
    result: dict[str, Any] = {"model": settings.model, "device": device_name(device), "checks": {}}

    def check(name: str, work: Callable[[], Check]) -> None:
        try:
            found = work()
        except Exception as error:  # on an untried card one check may fail without costing the others
            found = {"passed": False, "error": f"{type(error).__name__}: {error}"[:300]}
        result["checks"][name] = found
        tell(f"{name}: {found}")
        report(result)

    check("kernels", lambda: _kernels(device))
    check("generate", lambda: _generate(settings, tokens))
    engine = kept.of(settings)
    decoder = engine.decoder
    decoder.batch_steps(1, 0.0)  # answers that share a thread must not wait for each other
    result |= {"precision": str(decoder.dtype).removeprefix("torch.")}
    result["notices"] = [notice.en for notice in engine.notices]
    check("documents in turn", lambda: _in_turn(decoder, tokens))
    check("growth", lambda: _growth(decoder, tokens))
    check("captures", lambda: _captures(decoder, captures))
    check("threads", lambda: _threads(decoder, tokens))
    check("int8 keys and values", lambda: _int8(decoder, tokens))
    for runtime in _RUNTIMES[device.type]:  # last: each takes the place of the one before
        check(f"step {runtime}", lambda runtime=runtime: _step(decoder, runtime))  # type: ignore[misc]
    kept.close()  # it has other runtimes now
    result["passed"] = all(found["passed"] is not False for found in result["checks"].values())
    return result


def _kernels(device: torch.device) -> Check:
    """The largest difference from attention in float64, by dtype, over lengths and numbers of new tokens; entries
    beyond are NaN. Over 8 bits float64 attends to the numbers that those stand for."""
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return {"passed": None, "unavailable": "the kernels need a CUDA device and Triton"}
    worst, bounds = {}, {}
    for dtype, int8 in [*((dtype, False) for dtype in _ATTENTION), (torch.float16, True), (torch.bfloat16, True)]:
        name = str(dtype).removeprefix("torch.") + (" over int8" if int8 else "")
        cases = [(before, n) for before in _LENGTHS for n in sorted({1, 2, *WIDTHS})]
        worst[name] = max(_attention_error(device, dtype, before, n, int8) for before, n in cases)
        bounds[name] = _ATTENTION[dtype]
    return {"passed": all(worst[name] <= bounds[name] for name in worst), "worst": worst, "bounds": bounds}


def _attention_error(device: torch.device, dtype: torch.dtype, before: int, n: int, int8: bool) -> float:
    from glyph_demo.decoding.kernels import attend_behind
    from glyph_demo.decoding.kernels_int8 import attend_behind_int8

    generator = torch.Generator(device).manual_seed(before + n)

    def noise(heads: int, entries: int) -> torch.Tensor:
        return torch.randn((1, heads, entries, _DIM), generator=generator, device=device).to(dtype)

    query, key, value = noise(_HEADS, n), noise(_KV_HEADS, n), noise(_KV_HEADS, n)
    arena = KVArena(1, _KV_HEADS, _DIM, before + n + BLOCK, dtype, device, int8=int8)
    arena.reserve(arena.maximum)
    (kept,) = arena.layers
    if before:
        kept.update(noise(_KV_HEADS, before), noise(_KV_HEADS, before))
    at = torch.arange(before, before + n, device=device)
    scaling = _DIM**-0.5
    if isinstance(kept, Int8Layer):
        kept.key_scales[:, :, before:] = kept.value_scales[:, :, before:] = torch.nan
        seen = attend_behind_int8(query, key, value, kept, at, scaling)
    else:
        kept.keys[:, :, before:] = kept.values[:, :, before:] = torch.nan
        seen = attend_behind(query, key, value, kept.keys, kept.values, at, scaling)
    group = _HEADS // _KV_HEADS
    whole, shown = (part.double().repeat_interleave(group, dim=1) for part in kept.upto(before + n))
    scores = query.double() @ whole.transpose(2, 3) * scaling
    causal = torch.ones(n, before + n, dtype=torch.bool, device=device).tril(before)
    expected = scores.masked_fill(~causal, -torch.inf).softmax(-1) @ shown
    return float((seen.double() - expected).abs().max())


def _generate(settings: Settings, tokens: int) -> Check:
    """Greedy answers to two questions over a page. In 16 bits two ways of summing differ by a rounding, so an answer
    may part from `generate`'s where its two best logits lie closer than that."""
    found = turns.run(settings, pages=1, tokens=tokens)
    parted = [answer["gap"] for answer in found["compared"] if answer["gap"] is not None]
    bound = TOLERANCE[getattr(torch, found["precision"])]
    return {"passed": all(gap <= bound for gap in parted), "answers": found["compared"], "bound": bound}


def _in_turn(decoder: Decoder, tokens: int) -> Check:
    """Two documents that answer by turns, a token each, say what each says alone."""
    prompts = [_prompt(300, 1), _prompt(450, 2)]
    alone = [list(_answer(decoder, prompt, tokens)) for prompt in prompts]
    pairs = list(zip(*(_answer(decoder, prompt, tokens) for prompt in prompts), strict=True))
    return _same(alone, [list(answer) for answer in zip(*pairs, strict=True)])


def _growth(decoder: Decoder, tokens: int) -> Check:
    """An answer during which the arena grows says what it says in one that was large from the start."""
    prompt = _prompt(BLOCK - tokens // 2, 3)
    return _same(
        [list(_answer(decoder, prompt, tokens, room=4 * BLOCK))],
        [list(_answer(decoder, prompt, tokens))],
    )


def _captures(decoder: Decoder, captures: int) -> Check:
    """Many arenas with a graph each; every second one goes, and the others are asked for more."""
    tokens = 8
    prompts = [_prompt(100 + i, i) for i in range(captures)]
    expected = [list(_answer(decoder, prompt, tokens)) for prompt in prompts]
    running = [_answer(decoder, prompt, tokens) for prompt in prompts]
    said = [[next(answer) for _ in range(tokens // 2)] for answer in running]
    for answer in running[::2]:
        answer.close()
    for begun, answer in list(zip(said, running, strict=True))[1::2]:
        begun.extend(answer)
    return _same(expected[1::2], said[1::2])


def _threads(decoder: Decoder, tokens: int) -> Check:
    """Four threads that answer at once say what each says alone: taking turns, and sharing forwards. Shared ones sum in
    another order on CUDA, so there only taking turns is held to it."""
    prompts = [_prompt(200 + 50 * i, i) for i in range(4)]
    alone = [list(_answer(decoder, prompt, tokens)) for prompt in prompts]
    found = {}
    for name, most in (("turns", 1), ("together", len(prompts))):
        decoder.batch_steps(most, 0.01)
        found[name] = _same(alone, _at_once(decoder, prompts, tokens))
    decoder.batch_steps(1, 0.0)
    held = ["turns"] if decoder.device.type == "cuda" else list(found)
    return {"passed": all(found[name]["passed"] for name in held), **found}


def _at_once(decoder: Decoder, prompts: Sequence[list[int]], tokens: int) -> list[list[int]]:
    said: list[list[int]] = [[] for _ in prompts]

    def work(number: int) -> None:
        said[number] = list(_answer(decoder, prompts[number], tokens))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def _int8(decoder: Decoder, tokens: int) -> Check:
    """Keys and values in 8 bits may change what is said no more than a rounding of all numbers to bfloat16 does."""
    found = int8_error(decoder, [_prompt(tokens, seed) for seed, tokens in enumerate((50, 300, 1000))], tokens)
    return {"passed": found["mean"] <= TOLERANCE[torch.bfloat16], **found, "bound": TOLERANCE[torch.bfloat16]}


def int8_error(decoder: Decoder, prompts: Sequence[list[int]], tokens: int) -> dict[str, float]:
    """The distance of logits over 8 bits from those over 16, by their norm, at `tokens` greedy tokens of the latter
    behind each prompt: the largest and the mean; and the share of these tokens that are the likeliest over 8 bits,
    too."""
    before, rows = decoder.int8, {}
    decoder.int8 = False
    said = [list(_answer(decoder, prompt, tokens)) for prompt in prompts]
    for decoder.int8 in (False, True):
        rows[decoder.int8] = torch.cat([logits_of(decoder, *pair) for pair in zip(prompts, said, strict=True)])
    decoder.int8 = before
    return distances(rows[False], rows[True])


def logits_of(decoder: Decoder, prompt: list[int], said: Sequence[int]) -> torch.Tensor:
    """The logits (tokens, vocabulary), float32, that the tokens `said` behind a prompt are chosen from."""
    arena = decoder.arena()
    arena.reserve(len(prompt) + len(said))
    rows = [decoder.logits(prefill(decoder, arena, text(prompt))[None])]
    rows += [decoder.step(arena, [token]).clone() for token in said[:-1]]
    decoder.leave(arena)
    arena.free()
    return torch.cat(rows)


def distances(expected: torch.Tensor, got: torch.Tensor) -> dict[str, float]:
    """See `int8_error`."""
    apart = (got - expected).norm(dim=1) / expected.norm(dim=1)
    same = (got.argmax(1) == expected.argmax(1)).float().mean()
    return {"max": float(apart.max()), "mean": float(apart.mean()), "same_tokens": float(same)}


def _step(decoder: Decoder, runtime: Runtime) -> Check:
    """The relative distance of a step's logits from those of the model's own forward, the worst of all widths."""
    notice = decoder.prepare_step(runtime)
    if notice is not None:
        return {"passed": False, "notice": notice.en}
    arena = decoder.arena()
    prefill(decoder, arena, text(_prompt(500, 5)))
    before = arena.mark()
    worst = 0.0
    for width in range(1, max(WIDTHS) + 1):
        segment = text(_prompt(width, width))
        hidden = decoder.extend(arena, decoder.embed(segment), decoder.positions(segment) + before.position)
        expected = decoder.logits(hidden)
        arena.rollback(before)
        got = decoder.step(arena, segment.ids)
        arena.rollback(before)
        worst = max(worst, float((got - expected).norm() / expected.norm()))
    decoder.leave(arena)
    arena.free()
    return {"passed": worst <= TOLERANCE[decoder.dtype], "worst": worst, "bound": TOLERANCE[decoder.dtype]}


def _answer(decoder: Decoder, prompt: Sequence[int], tokens: int, room: int = 0) -> Generator[int, None, None]:
    """A generator of `tokens` greedy tokens behind a prompt, in an arena of its own."""
    arena: KVArena = decoder.arena()
    arena.reserve(max(room, len(prompt)))
    try:
        hidden = prefill(decoder, arena, text(prompt))
        sampler = Sampler(GREEDY, decoder.device)
        yield from decode(decoder, arena, hidden, sampler, frozenset(), tokens, [])
    finally:
        arena.free()


def _prompt(tokens: int, seed: int) -> list[int]:
    draw = torch.Generator().manual_seed(seed)
    ids: list[int] = torch.randint(0, 256, (max(1, tokens),), generator=draw).tolist()
    return ids


def _same(expected: list[list[int]], said: list[list[int]]) -> Check:
    """Tokens that are equal before the first difference, the least of all answers; and of how many."""
    equal = [turns.equal_tokens(one, other) for one, other in zip(expected, said, strict=True)]
    return {"passed": expected == said, "equal_tokens": min(equal), "of": len(expected[0]), "answers": len(expected)}
