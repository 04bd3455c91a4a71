"""The language half of a transformers model as decoding uses it: embeddings and positions in, one row of logits out."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from glyph_demo.decoding.arena import BLOCK, Growth, KVArena, Mark, unbudgeted
from glyph_demo.decoding.attention import use_packed_attention
from glyph_demo.decoding.batcher import Batcher
from glyph_demo.decoding.graphs import prepare_cuda
from glyph_demo.decoding.layers import ArenaLayer, Int8Layer
from glyph_demo.decoding.probe import Observer, ReadOnlyCache, Seen
from glyph_demo.decoding.products import kept_beside, use_even_products, use_plain_products
from glyph_demo.decoding.step import WIDTHS, Runtime, Step
from glyph_demo.errors import Message

log = logging.getLogger(__name__)

# How far the logits of a step may be from those of the model's own forward, as norm of the difference by norm of the
# result: what one rounding more a layer makes of 16-bit types.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}

# Tokens a forward, at most: enough to keep matrix products efficient, few enough to have memory for.
CHUNK = {"cpu": 512, "cuda": 4096}
# An answer or a reading is stopped between two forwards. On a CPU they are therefore small: this many operations take
# two cores about a second. In bfloat16 a processor with products for it does two (AVX512) to seven (AMX) times as many
# in that time. LEAST tokens keep products efficient where a context or a model is large.
FORWARD_OPERATIONS = 1.6e11
IN_BFLOAT16 = 3
LEAST = 32

# Tokens that prefill is compared at; first as many as no head is wide, or torch takes both for the same size.
_COMPARED = (13, 48)

_PLAINER: dict[Runtime, tuple[Runtime, ...]] = {"compiled": ("graph", "eager"), "graph": ("eager",), "eager": ()}


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive tokens of a prompt. Where they are not plain text, `embeds` gives their embeddings (n, hidden) when
    they are needed, `positions` (n,) or (axes, n), int64, counts from the segment's own first position, and `digest`
    names for good what `embeds` gives; "" where nothing does. A model may take more of a picture than its embeddings:
    (n, (1 + deep) * hidden) has, behind those, what is added to the hidden states after each of the first `deep` layers
    (DeepStack, arXiv 2406.04334, section 3)."""

    ids: tuple[int, ...]
    embeds: Callable[[], torch.Tensor] | None = None
    positions: torch.Tensor | None = None
    digest: str = ""

    @cached_property
    def facts(self) -> str | None:
        """All that the segment's keys and values follow from, beside the model and what comes before, in one line; None
        where that has no name."""
        if self.embeds is not None and not self.digest:
            return None
        positions = None if self.positions is None else self.positions.tolist()
        return json.dumps([self.digest, self.ids, positions], separators=(",", ":"))


class Decoder:
    """A causal language model, or the language half of a vision-language model (`Glm4vForConditionalGeneration`), batch
    1. It keeps no state between calls. A step is the model's own forward until `prepare_step` finds a faster one. The
    model has one lock, `lock`, held for one forward at a time: two answers take turns, and each waits for the other by
    one step at most. With `int8` its arenas hold keys and values in 8 bits."""

    def __init__(self, model: PreTrainedModel, int8: bool = False) -> None:
        self.int8 = int8
        self.config = config = model.config.get_text_config()
        rope = getattr(config, "rope_parameters", None) or {}
        self.position_axes = len(rope["mrope_section"]) if "mrope_section" in rope else 1
        self.maximum: int = config.max_position_embeddings
        self.lock = threading.Lock()
        self.layers: int = config.num_hidden_layers
        self._kv_heads: int = config.num_key_value_heads
        self._head_dim: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self._body = model.get_decoder()
        use_packed_attention(self._body)
        self._embedding = model.get_input_embeddings()
        self._head = model.get_output_embeddings()
        use_even_products(self._body, self._head)
        self.device: torch.device = model.device
        if self.device.type == "cuda":
            prepare_cuda()
        self.dtype: torch.dtype = model.dtype
        self.chunk = CHUNK[self.device.type]
        # Whether computing goes on by itself while the host does something else.
        self.ahead = self.device.type == "cuda"
        self._weights = sum(weight.numel() for weight in self._body.parameters())
        self._heads: int = config.num_attention_heads
        self._batcher = Batcher(self._together, 1, 0.0)
        self._step: Step | None = None
        self._prefilling: Callable[[KVArena, torch.Tensor, torch.Tensor], torch.Tensor] | None = None
        self._cache_argument = cache_argument(self._body)

    @property
    def tolerance(self) -> float:
        """How far a faster way's results may be from those of the model's own forward. Keys and values in 8 bits may be
        rounded the other way."""
        return max(TOLERANCE[self.dtype], TOLERANCE[torch.bfloat16] if self.int8 else 0.0)

    @property
    def bytes_per_entry(self) -> int:
        """Bytes of keys and values that one token takes."""
        kind = Int8Layer if self.int8 else ArenaLayer
        block = kind.nbytes_of(BLOCK, self._kv_heads, self._head_dim, self.dtype.itemsize)
        return self.layers * -(-block // BLOCK)

    @property
    def kept_beside(self) -> int:
        """Bytes of weights that the model's parameters do not count."""
        return kept_beside(self._body, self._head)

    @property
    def entry_shape(self) -> tuple[int, int]:
        """KV heads and head_dim of a layer."""
        return self._kv_heads, self._head_dim

    @property
    def bytes_read_per_entry(self) -> int:
        """Bytes a token that a forward holds beside them: in 8 bits, a layer's keys and values as it computes with
        them."""
        return 2 * self._kv_heads * self._head_dim * self.dtype.itemsize if self.int8 else 0

    def arena(self, maximum: int | None = None, growth: Growth = unbudgeted) -> KVArena:
        """An empty arena of this model's shape, dtype and device, for at most `maximum` entries or the model's own."""
        maximum = self.maximum if maximum is None else min(maximum, self.maximum)
        shape = (self.layers, self._kv_heads, self._head_dim)
        return KVArena(*shape, maximum, self.dtype, self.device, growth, self.int8)

    def embed(self, segment: Segment) -> torch.Tensor:
        """Embeddings (n, hidden) of a segment, or more, see Segment."""
        if segment.embeds is not None:
            return segment.embeds().to(self.device, self.dtype)
        with torch.inference_mode():
            return self._embedding(torch.tensor(segment.ids, device=self.device))

    def positions(self, segment: Segment) -> torch.Tensor:
        """Positions (axes, n), int64, of a segment, counted from its own start; in host memory."""
        positions = torch.arange(len(segment.ids)) if segment.positions is None else segment.positions
        return positions.expand(self.position_axes, -1)

    def forward_tokens(self, entries: int) -> int:
        """How many tokens a prefill forward takes behind this many entries: `chunk`, and on a CPU fewer where they
        would take more than FORWARD_OPERATIONS, or IN_BFLOAT16 times as many. A token takes two operations a weight,
        and four an entry and channel of the attention."""
        if self.device.type != "cpu":
            return self.chunk
        each = 2 * self._weights + 4 * entries * self._heads * self._head_dim * self.layers
        operations = FORWARD_OPERATIONS * (IN_BFLOAT16 if self.dtype == torch.bfloat16 else 1)
        return min(self.chunk, max(LEAST, int(operations / each)))

    def stopwatch(self) -> Callable[[], Callable[[], float]]:
        """Begin to measure. The function ends it and returns one that tells the seconds of the device, for which it may
        wait."""
        if self.device.type != "cuda":
            began = time.perf_counter()

            def end() -> Callable[[], float]:
                took = time.perf_counter() - began
                return lambda: took

            return end
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()

        def seconds() -> float:
            stop.synchronize()
            return float(start.elapsed_time(stop)) / 1000

        def record() -> Callable[[], float]:
            stop.record()
            return seconds

        return record

    def extend(self, arena: KVArena, embeds: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Run n tokens given as embeddings (n, hidden), or more, see Segment, at positions (axes, n), in host memory,
        behind the arena's entries, and keep their keys and values. Returns their hidden states (n, hidden), for which
        it does not wait. Raises GlyphError `context_full`."""
        arena.reserve(arena.length + len(embeds))
        following = int(positions.max()) + 1
        with self.lock:
            if self._prefilling is not None and self._is_plain(embeds):
                with torch.inference_mode():
                    hidden = self._prefilling(arena, embeds, positions.to(self.device, non_blocking=True))
            else:
                hidden = self._forward(embeds, positions, arena.cache)
            arena.advance(len(embeds), following)
        return hidden

    def _is_plain(self, embeds: torch.Tensor) -> bool:
        """Whether these are several tokens' embeddings and no more."""
        return len(embeds) > 1 and embeds.shape[1] == self.config.hidden_size

    def step(self, arena: KVArena, ids: torch.Tensor | Sequence[int]) -> torch.Tensor:
        """Logits (n, vocabulary), float32, behind each of a few plain tokens, in host memory or on the device, that
        follow the arena's entries. Only the first one counts in the arena: the others are drafts, whose keys and values
        are behind its length. Steps of several threads share a forward, see `batch_steps`; a thread that takes no more
        of them says so with `leave`. Raises GlyphError `context_full`."""
        before = arena.mark()
        arena.reserve(before.length + len(ids))
        if self._step is None:
            segment = text(ids.tolist() if isinstance(ids, torch.Tensor) else ids)
            logits = self.logits(self.extend(arena, self.embed(segment), self.positions(segment) + before.position))
            arena.rollback(before)
        else:
            there = ids if isinstance(ids, torch.Tensor) else torch.tensor(ids, device=self.device)
            logits = self._batcher(arena, (arena, there))
        arena.advance(1, before.position + 1)
        return logits

    def batch_steps(self, most: int, wait: float) -> None:
        """Let up to `most` answers take their steps together; one that is late is waited for `wait` seconds, once."""
        self._batcher.most, self._batcher.wait = most, wait

    def leave(self, arena: KVArena) -> None:
        """No more steps come for this arena just now."""
        self._batcher.leave(arena)

    def _together(self, rows: list[tuple[KVArena, torch.Tensor]]) -> Sequence[torch.Tensor]:
        assert self._step is not None
        with self.lock, torch.inference_mode():
            # Alone, the step may be one that a graph holds.
            hidden = [self._step(*rows[0])] if len(rows) == 1 else self._step.together(rows)
            joined = torch.cat(hidden)
        # As many rows at a time as the step takes, see `Step.together`.
        logits = torch.cat([self.logits(some) for some in joined.split(self._step.most_rows or len(joined))])
        return logits.split([len(row) for row in hidden])

    def prepare_step(self, runtime: Runtime = "auto") -> Message | None:
        """Have `runtime` take the steps from now on, or a plainer one, down to the model's own forward, where `runtime`
        cannot be had; `auto` is "compiled" on CUDA and elsewhere "eager". Each is compared with the model's own forward
        before it is used: a layer that a version of transformers has changed is not run in its old form. Returns None,
        or, where a plainer runtime has to do, why. Raises torch.OutOfMemoryError."""
        self._prefilling = None
        if runtime == "auto":
            runtime = "compiled" if self.device.type == "cuda" else "eager"
        why = ""
        for name in dict.fromkeys((runtime, *_PLAINER[runtime])):
            problem = self._take(name)
            if problem is None:
                return _plainer(runtime, name, why) if why else None
            why = why or problem
        self._step = None
        return _plainer(runtime, "transformers", why)

    @property
    def prefills(self) -> bool:
        """Whether compiled pieces prefill, and not the model's own forward."""
        return self._prefilling is not None

    def prepare_prefill(self) -> Message | None:
        """Have the step's compiled pieces prefill, too, from now on, where it has some, once their hidden states were
        compared with those of the model's own forward. Returns None, or why that goes on to prefill. Raises
        torch.OutOfMemoryError."""
        if self._step is None or not self._step.prefills:
            return None
        arena = self.arena()
        arena.reserve(min(BLOCK, arena.maximum))
        apart = torch.arange(self.position_axes)[:, None]  # axes of a picture's tokens differ
        try:
            for segment in (text(range(count)) for count in _COMPARED):
                embeds, positions = self.embed(segment), self.positions(segment) + arena.position + apart
                with self.lock, torch.inference_mode():
                    expected = self._forward(embeds, positions, arena.cache).float()
                    got = self._step.prefill(arena, embeds, positions.to(self.device)).float()
                self._compare(got, expected)
                arena.advance(len(embeds), int(positions.max()) + 1)
        except torch.OutOfMemoryError:
            raise
        except _OtherNumbers as error:
            return _plain_prefill(str(error))
        except Exception as error:  # as in `_take`
            log.info("preparing prefill", exc_info=True)
            return _plain_prefill(type(error).__name__)
        self._prefilling = self._step.prefill
        return None

    def _take(self, runtime: Runtime) -> str | None:
        """Have `runtime` take the steps, or return what is in the way."""
        if runtime == "compiled":
            use_plain_products(self._body, self._head)
        try:
            self._step = Step(self._body, self.position_axes, runtime)
            self._check_step(static=runtime != "eager")
        except torch.OutOfMemoryError:
            raise
        except _OtherNumbers as error:
            return str(error)
        except Exception as error:  # compilers and drivers have their own; AttributeError where transformers changed
            log.info("preparing the decode step '%s'", runtime, exc_info=True)
            return type(error).__name__
        return None

    def _check_step(self, static: bool) -> None:
        """Compare the step with the model's own forward, over an arena of noise: a static one at each width, and once
        more as it is replayed. Raises _OtherNumbers where the logits differ by more than `tolerance`."""
        arena = self.arena()
        arena.reserve(min(BLOCK, arena.maximum))
        generator = torch.Generator(self.device).manual_seed(0)
        noise = torch.empty(
            (2, 1, self._kv_heads, arena.capacity, self._head_dim), dtype=self.dtype, device=self.device
        )
        for layer in arena.layers:
            layer.update(*noise.normal_(generator=generator))
        length = arena.capacity // 2
        arena.advance(length, length)
        before = arena.mark()
        for segment in (text(range(width)) for width in (WIDTHS if static else WIDTHS[-1:])):
            expected = self.logits(self.extend(arena, self.embed(segment), self.positions(segment) + length))
            for _ in range(2 if static else 1):
                arena.rollback(before)
                (got,) = self._together([(arena, torch.tensor(segment.ids, device=self.device))])
                self._compare(got, expected)
            arena.rollback(before)
        if static:
            # Answers that share a step bring all widths in between. A kernel that is first met there is compiled there,
            # and holds them all up.
            one = torch.zeros(1, dtype=torch.int64, device=self.device)
            for width in range(2, WIDTHS[-1]):
                self._together([(arena, one.expand(width)), (arena, one)])

    def _compare(self, got: torch.Tensor, expected: torch.Tensor) -> None:
        """Raises _OtherNumbers where they are apart by more than `tolerance`. A model that overflows here does so in
        either way; whoever reads its tokens is told."""
        difference = float((got - expected).norm() / expected.norm())
        if expected.isfinite().all() and not difference <= self.tolerance:
            raise _OtherNumbers(f"results differ by {difference:.1e}")

    def observe(self, arena: KVArena, start: Mark, ids: Sequence[int], observer: Observer) -> None:
        """Run text tokens once more whose entries are in the arena from `start` on, and show `observer` their queries
        and all keys, layer by layer, until it raises `Seen`. The arena stays as it is."""
        segment = text(ids)
        positions = self.positions(segment) + start.position
        kept = ReadOnlyCache(arena, start.length, len(ids))
        with self.lock, contextlib.suppress(Seen):
            self._forward(self.embed(segment), positions, kept, observe=observer)

    def _forward(self, embeds: torch.Tensor, positions: torch.Tensor, cache: Cache, **more: Any) -> torch.Tensor:
        """Hidden states (n, hidden) from the model's own forward over embeddings, as `extend` takes them, at positions
        (axes, n)."""
        embeds, *deep = embeds.split(self.config.hidden_size, dim=-1)
        if deep:
            # The model finds the places by this mask, for which the host waits on CUDA.
            more["deepstack_visual_embeds"] = deep
            more["visual_pos_masks"] = torch.ones((1, len(embeds)), dtype=torch.bool, device=self.device)
        there = positions.to(self.device, non_blocking=True)
        # The model takes (axes, batch, n) where there are several axes, and (batch, n) where there is one.
        position_ids = there[:, None] if self.position_axes > 1 else there
        more[self._cache_argument] = cache
        with torch.inference_mode():
            output = self._body(inputs_embeds=embeds[None], position_ids=position_ids, use_cache=True, **more)
        return output.last_hidden_state[0]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (..., vocabulary), float32, for hidden states (..., hidden)."""
        with self.lock, torch.inference_mode():
            return self._head(hidden).float()


class _OtherNumbers(ArithmeticError):
    """A step gives other logits than the model's own forward."""


def cache_argument(body: Any) -> str:
    """What the forward of a transformers model calls the cache: `cache` from 5.24 on, `past_key_values` before."""
    return "cache" if "cache" in inspect.signature(body.forward).parameters else "past_key_values"


def text(ids: Sequence[int]) -> Segment:
    return Segment(tuple(ids))


def _plainer(wanted: Runtime, taken: str, why: str) -> Message:
    return Message(
        f"Decoding runs as '{taken}', more slowly: '{wanted}' cannot be used here ({why}).",
        f"解码以“{taken}”方式运行，速度较慢：此处无法使用“{wanted}”（{why}）。",
    )


def _plain_prefill(why: str) -> Message:
    return Message(
        f"Pages are taken in by the model's own forward, more slowly: it cannot be compiled here ({why}).",
        f"页面由模型自身的前向计算读入，速度较慢：此处无法编译（{why}）。",
    )
