"""One forward over a few tokens, with as little around the model's own modules as decoding allows.

transformers' forward is made for everything a model can be asked; decoding asks for one thing, thousands of times. Here
the layers of a few known architectures are run directly: on a CPU over the entries that there are, and on CUDA over the
whole capacity of the arena with the same launches every time, captured as a CUDA graph for each arena and width
(https://pytorch.org/blog/accelerating-generative-ai-2). `compiled` takes the compiled `pieces`, and attention from
`kernels`, where Triton is; then it prefills, too."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import torch
from torch.nn.functional import pad

from glyph_demo.decoding import pieces
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.attention import PACKED_ATTENTION, attend, attend_static
from glyph_demo.decoding.draft import DRAFTED
from glyph_demo.decoding.graphs import capture
from glyph_demo.decoding.layers import Int8Layer
from glyph_demo.decoding.pieces import PLAIN, Joined, Pieces, States, flat

Runtime = Literal["auto", "eager", "graph", "compiled"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

# Tokens of a static forward: the answer's last one, and with it a draft for which keys and values are read once
# (kernels.py), or the longest.
WIDTHS = (1, 8, DRAFTED + 1)

Row = tuple[KVArena, torch.Tensor]  # token ids (n,) that follow an arena's entries
Attend = Callable[[int, States], torch.Tensor]  # the attention (1, n, heads * head_dim) of a layer, by its number


class Step:
    """Hidden states of tokens behind an arena's entries. `runtime` "eager" takes shapes as they come; "graph" and
    "compiled" have static ones, which CUDA captures. It takes every layer for one of GLM-4's or Llama's; whoever makes
    it compares it with the model's own forward. Raises AttributeError for a model that lacks what these have, and
    NotImplementedError where tokens do not attend to all before them."""

    def __init__(self, body: Any, axes: int, runtime: Runtime = "eager") -> None:
        if body.config._attn_implementation != PACKED_ATTENTION:
            raise NotImplementedError(type(body).__name__)
        self._body = body
        self._axes = axes
        self._static = runtime != "eager"
        self._compiled = runtime == "compiled"
        # transformers' own function of the model's file: what is rotated, and how, differs between architectures.
        self._rotate = sys.modules[type(body).__module__].apply_rotary_pos_emb
        self._pieces = PLAIN
        self._prefilling: Pieces | None = None
        self._joined: list[Joined | None] = [None] * len(body.layers)
        self._kernels = self._by_row = False
        if self._compiled:
            cuda = body.device.type == "cuda"
            if cuda:
                self._joined = [pieces.join(layer.self_attn) for layer in body.layers]
            self._kernels = cuda and importlib.util.find_spec("triton") is not None
            self._by_row = self._kernels and pieces.takes_rows(body)
            if self._by_row:
                import glyph_demo.decoding.kernels_row  # noqa: F401  makes torch.ops.glyph_demo
            self._pieces = pieces.compiled(pieces.options(self._by_row) if cuda else None)
            if self._by_row:
                self._prefilling = pieces.compiled(dynamic=True)

    def __call__(self, arena: KVArena, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states (n, hidden) of the tokens `ids` (n,), int64, on the device. Their keys and values are
        written behind the arena's length, which stays as it is. The arena must have room. Call it in inference mode."""
        n = len(ids)
        width = _width(n)
        if not self._static or not width or arena.length + width > arena.capacity:
            return self._plainly([(arena, ids)])[0]
        if width not in arena.graphs:
            arena.graphs[width] = _Static(self, arena, width)
        hidden: torch.Tensor = arena.graphs[width](ids)
        return hidden

    @property
    def most_rows(self) -> int:
        """The most rows of a product, 0 for any: in bfloat16 a processor's were equal to the last bit for so many."""
        return WIDTHS[-1] if self._body.device.type == "cpu" and self._body.dtype == torch.bfloat16 else 0

    @property
    def prefills(self) -> bool:
        """Whether there is a `prefill`."""
        return self._prefilling is not None

    def prefill(self, arena: KVArena, embeds: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Hidden states (n, hidden) of n >= 2 tokens given as embeddings (n, hidden), at positions (axes, n), int64, on
        the device. Their keys and values are written behind the arena's length, which stays as it is; the arena must
        have room. Of the model's own forward, with some eighty launches a layer, a slow CPU holds a fast card up.
        Call it in inference mode."""
        assert self._prefilling is not None
        if not embeds.is_inference():  # as page features are: torch compiles once more for other tensors
            embeds = embeds.clone()
        hidden, layers = embeds[None], self._body.layers
        cos, sin = self._body.rotary_emb(hidden, position_ids=positions[:, None] if self._axes > 1 else positions)

        def attend_all(number: int, states: States) -> torch.Tensor:
            query, key, value = states
            keys, values = arena.layers[number].update(key, value)
            return flat(attend(query, keys, values, layers[number].self_attn.scaling))

        return self._through(hidden, cos, sin, attend_all, self._prefilling)

    def together(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """The results of calls for several arenas, from one forward: weights are read once for all of them. Each row's
        tokens attend to its own arena only. What is compiled takes as many tokens as it was compiled for; where there
        are more, there are more forwards."""
        if self._compiled:
            groups = _groups(rows, WIDTHS[-1])
            return [hidden for few in groups for hidden in (self._fused(few) if few[1:] else [self(*few[0])])]
        groups = _groups(rows, self.most_rows) if self.most_rows else [list(rows)]
        return [hidden for few in groups for hidden in self._plainly(few)]

    def _fused(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """`together` through what is compiled for a step of that width, with far fewer launches than `_plainly`."""
        ids = torch.cat([ids for _, ids in rows])
        widths, spare = [len(ids) for _, ids in rows], _width(len(ids)) - len(ids)
        at = [torch.arange(arena.length, arena.length + len(ids), device=ids.device) for arena, ids in rows]
        attending = [self._attending(arena, entries) for (arena, _), entries in zip(rows, at, strict=True)]

        def attend_apart(number: int, states: States) -> torch.Tensor:
            parts = zip(attending, *(state.split([*widths, spare], dim=2) for state in states), strict=False)
            seen = [attend(number, (query, key, value)) for attend, query, key, value in parts]
            return pad(torch.cat(seen, dim=1), (0, 0, 0, spare))

        positions = torch.cat(
            [entries + (arena.position - arena.length) for (arena, _), entries in zip(rows, at, strict=True)]
        )
        hidden = self._run(pad(ids, (0, spare)), pad(positions, (0, spare)), attend_apart)
        return list(hidden[: len(ids)].split(widths))

    def _plainly(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """`together` over shapes as they come."""
        device = rows[0][1].device
        hidden = self._body.embed_tokens(torch.cat([ids for _, ids in rows])[None])
        at = [torch.arange(arena.length, arena.length + len(ids), device=device) for arena, ids in rows]
        positions = torch.cat(
            [entries + (arena.position - arena.length) for (arena, _), entries in zip(rows, at, strict=True)]
        )
        cos, sin = self._rotary(hidden, positions)
        widths = [len(ids) for _, ids in rows]
        for number, layer in enumerate(self._body.layers):
            parts = [part.split(widths, dim=2) for part in PLAIN.project(layer, self._rotate, hidden, cos, sin)]
            attended = []
            for (arena, _), entries, query, key, value in zip(rows, at, *parts, strict=True):
                kept = arena.layers[number]
                kept.put(entries, key, value)
                keys, values = kept.upto(arena.length + len(entries))
                attended.append(attend(query, keys, values, layer.self_attn.scaling))
            hidden = PLAIN.finish(layer, hidden, flat(torch.cat(attended, dim=2)))
        return list(self._body.norm(hidden)[0].split(widths))

    def _rotary(self, hidden: torch.Tensor, positions: torch.Tensor) -> Any:
        return self._body.rotary_emb(
            hidden, position_ids=positions.expand(self._axes, 1, -1) if self._axes > 1 else positions[None]
        )

    def _run(self, ids: torch.Tensor, positions: torch.Tensor, attend: Attend) -> torch.Tensor:
        """Forward with static shapes, for capture: no launch depends on a number in host memory."""
        hidden = self._body.embed_tokens(ids[None])
        cos, sin = self._rotary(hidden, positions)
        return self._through(hidden, cos, sin, attend, self._pieces, self._by_row and len(ids) == 1)

    def _through(
        self,
        hidden: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        attend: Attend,
        made: Pieces,
        by_row: bool = False,
    ) -> torch.Tensor:
        """Hidden states (n, hidden) behind all layers, from those (1, n, hidden) before them."""
        layers = self._body.layers
        # As behind the first layer: what is compiled for that serves all.
        hidden = hidden.to(pieces.stream_dtype(layers[0], hidden.dtype))
        states = made.project(layers[0], self._rotate, hidden, cos, sin, self._joined[0], by_row)
        for number in range(len(layers) - 1):
            attended, joined = attend(number, states), self._joined[number + 1]
            hidden, states = made.pass_on(
                layers[number], layers[number + 1], self._rotate, hidden, attended, cos, sin, joined, by_row
            )
        hidden = made.finish(layers[-1], hidden, attend(len(layers) - 1, states), by_row)
        normed: torch.Tensor = self._body.norm(hidden)[0]
        return normed

    def _attending(self, arena: KVArena, at: torch.Tensor) -> Attend:
        """Attention that writes a layer's keys and values to the entries `at` (n,), int64, on the device."""
        scaling = self._body.layers[0].self_attn.scaling
        int8 = isinstance(arena.layers[0], Int8Layer)
        if self._kernels and not (int8 and self._body.dtype == torch.float32):
            from glyph_demo.decoding.kernels import attend_behind
            from glyph_demo.decoding.kernels_int8 import attend_behind_int8

            def by_kernels(number: int, states: States) -> torch.Tensor:
                kept = arena.layers[number]
                if isinstance(kept, Int8Layer):
                    return flat(attend_behind_int8(*states, kept, at, scaling))
                return flat(attend_behind(*states, kept.keys, kept.values, at, scaling))

            return by_kernels
        beyond = torch.arange(arena.capacity, device=at.device) > at[:, None]

        def plainly(number: int, states: States) -> torch.Tensor:
            kept, (query, key, value) = arena.layers[number], states
            kept.put(at, key, value)
            return flat(attend_static(query * scaling, *kept.upto(arena.capacity), beyond))

        return plainly


class _Static:
    """A step of fixed width over the tensors that an arena has now: on CUDA a graph, elsewhere run as it is."""

    def __init__(self, step: Step, arena: KVArena, width: int) -> None:
        self._step, self._arena = step, arena
        device = arena.layers[0].keys.device
        self._ids = torch.zeros(width, dtype=torch.int64, device=device)
        self._offsets = torch.arange(width, device=device)
        self._at, self._positions = self._offsets + arena.length, self._offsets + arena.position
        self._graph: torch.cuda.CUDAGraph | None = None
        if device.type == "cuda":
            # An arena's graphs share their memory: they run one after another, and their results are copied at once.
            # They also go together, as they must: a pool whose graphs are all gone takes no new ones.
            pool = next((other._graph.pool() for other in arena.graphs.values() if other._graph), None)
            self._graph, self._hidden = capture(self._forward, device, pool)

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        # Numbers go to the device as arguments of kernels: nothing waits, and nothing in host memory is overwritten
        # before it was read.
        torch.add(self._offsets, self._arena.length, out=self._at)
        torch.add(self._offsets, self._arena.position, out=self._positions)
        self._ids[: len(ids)] = ids
        if self._graph is None:
            return self._forward()[: len(ids)]
        self._graph.replay()
        return self._hidden[: len(ids)].clone()

    def _forward(self) -> torch.Tensor:
        return self._step._run(self._ids, self._positions, self._step._attending(self._arena, self._at))


def _width(n: int) -> int:
    """The least of WIDTHS that takes `n` tokens; 0 where none does."""
    return next((width for width in WIDTHS if width >= n), 0)


def _groups(rows: Sequence[Row], most: int) -> list[list[Row]]:
    """Rows in their order, in groups of at most `most` tokens; a row that has more is alone."""
    groups: list[list[Row]] = []
    left = 0
    for row in rows:
        left -= len(row[1])
        if left < 0 or not groups:
            groups.append([])
            left = most - len(row[1])
        groups[-1].append(row)
    return groups
