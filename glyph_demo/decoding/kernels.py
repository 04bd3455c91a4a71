"""Attention of a decode step as two Triton kernels. They read the entries that there are, not the arena's capacity, and
how many there are from the device, so that a CUDA graph can hold them. Import this only where Triton is."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
from triton import language as tl

from glyph_demo.decoding.layers import BLOCK

# Parts that a KV head's entries are read in, one of them the new ones (flash-decoding,
# https://pytorch.org/blog/flash-decoding). Times Glyph's 2 KV heads: about as many as a GPU has multiprocessors. Where
# 16-bit ones are read twice, half as many are faster: docs/benchmarks/h200.json.
SPLITS = 64
_LEAST = 16  # rows and columns of a matrix product, at least
_MOST = 128  # rows that keys and values are read once for, a query head of a token each: 8 tokens of 16 heads


def attend_behind(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    at: torch.Tensor,
    scaling: float = 1.0,
) -> torch.Tensor:
    """Write n new tokens' keys and values (1, kv_heads, n, head_dim) to the entries `at` (n,), int64, which follow one
    another, of `keys` and `values` (1, kv_heads, capacity, head_dim), and return what their queries (1, heads, n,
    head_dim) see of all entries before and of each other, causally: (1, heads, n, head_dim), in the dtype of `values`.
    n is 16 at most, head_dim a power of two from 16 on; `keys` and `values` are contiguous."""
    plan = plan_of(query, keys.shape[1], keys.dtype)
    _partial[plan.grid](
        *(query, key, value, keys, values, at, *plan.parts),
        *(query.stride(1), query.stride(2), key.stride(1), key.stride(2), value.stride(1), value.stride(2)),
        *(keys.stride(1), scaling),
        **plan.options,
    )
    return plan.combined()


class Plan(NamedTuple):
    """How a step is divided: the grid and options of the kernel that reads keys and values, and the `parts` that it
    writes for `combined`: sums, tops and totals."""

    grid: tuple[int, int, int]
    options: dict[str, int]
    parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    seen: torch.Tensor

    def combined(self) -> torch.Tensor:
        """The attention (1, heads, n, head_dim)."""
        _, n, heads, dim = self.seen.shape
        group, splits, rows = self.options["GROUP"], self.options["SPLITS"], self.parts[0].shape[2]
        _combine[(heads, n)](*self.parts, self.seen, GROUP=group, ROWS=rows, DIM=dim, SPLITS=splits, num_warps=4)
        return self.seen.transpose(1, 2)


def plan_of(query: torch.Tensor, kv_heads: int, dtype: torch.dtype) -> Plan:
    """For queries (1, heads, n, head_dim) and products in `dtype`."""
    _, heads, n, dim = query.shape
    group = heads // kv_heads
    half = dtype.itemsize == 2  # float32 takes twice the memory, and has no products that leave room for many rows
    rows = min(_MOST if half else _LEAST, max(_LEAST, triton.next_power_of_2(n * group)))
    passes = triton.cdiv(n * group, rows)
    splits = SPLITS // 2 if half and passes == 2 else SPLITS
    sums = torch.empty((kv_heads, splits, passes * rows, dim), dtype=torch.float32, device=query.device)
    tops, totals = (torch.empty(sums.shape[:-1], dtype=torch.float32, device=query.device) for _ in range(2))
    seen = torch.empty((1, n, heads, dim), dtype=dtype, device=query.device)
    shape = {"N": n, "GROUP": group, "ROWS": rows, "DIM": dim, "BLOCK": BLOCK, "NEW": _LEAST, "SPLITS": splits}
    # Blocks under way, of the 101,376 bytes that a small card has.
    options = {**shape, "num_warps": 8 if rows > 64 else 4, "num_stages": 3 if half and rows <= 64 else 2}
    return Plan((splits, kv_heads, passes), options, (sums, tops, totals), seen)


@triton.jit
def more(query, key, value, inside, top, total, acc, scaling):
    """Softmax and sums, of a pass's rows, with a block of entries more: keys (DIM, entries), values (entries, DIM).
    `inside` (1 or rows, entries) is true where a row looks."""
    scores = tl.dot(query, key, input_precision="ieee") * scaling
    scores = tl.where(inside, scores, float("-inf"))
    higher = tl.maximum(top, tl.max(scores, 1))
    weights = tl.exp(scores - higher[:, None])
    shrink = tl.exp(top - higher)
    total = total * shrink + tl.sum(weights, 1)
    acc = acc * shrink[:, None] + tl.dot(weights.to(value.dtype), value, input_precision="ieee")
    return higher, total, acc


@triton.jit
def _partial(
    query,
    key,
    value,
    keys,
    values,
    at,
    sums,
    tops,
    totals,
    query_head,
    query_token,
    key_head,
    key_token,
    value_head,
    value_token,
    kept_head,
    scaling,
    N: tl.constexpr,
    GROUP: tl.constexpr,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    NEW: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """One part of the entries for one KV head and up to ROWS of its rows, of which row r is token r // GROUP and query
    head r % GROUP: `sums` not divided by `totals`, both relative to exp(tops)."""
    split, head, turn = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    row, column = turn * ROWS + tl.arange(0, ROWS), tl.arange(0, DIM)
    token = row // GROUP
    length = tl.load(at)
    real = token < N
    place = query + (head * GROUP + row % GROUP)[:, None] * query_head + token[:, None] * query_token + column[None, :]
    asked = tl.load(place, mask=real[:, None], other=0.0).to(keys.dtype.element_ty)
    top = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    acc = tl.zeros([ROWS, DIM], tl.float32)
    kept = head.to(tl.int64) * kept_head
    if split < SPLITS - 1:
        each = tl.cdiv(length, SPLITS - 1)
        end = tl.minimum(split * each + each, length)
        for start in range(split * each, end, BLOCK):
            entry = start + tl.arange(0, BLOCK)
            inside = entry < end
            k = tl.load(keys + kept + entry[None, :] * DIM + column[:, None], mask=inside[None, :], other=0.0)
            v = tl.load(values + kept + entry[:, None] * DIM + column[None, :], mask=inside[:, None], other=0.0)
            top, total, acc = more(asked, k, v, inside[None, :], top, total, acc, scaling)
    else:
        new = tl.arange(0, NEW)
        there = new < N
        k = tl.load(
            key + head * key_head + new[None, :] * key_token + column[:, None], mask=there[None, :], other=0.0
        ).to(keys.dtype.element_ty)
        v = tl.load(
            value + head * value_head + new[:, None] * value_token + column[None, :], mask=there[:, None], other=0.0
        ).to(values.dtype.element_ty)
        top, total, acc = more(asked, k, v, new[None, :] <= token[:, None], top, total, acc, scaling)
        if turn == 0:  # nobody reads these entries before the next step
            tl.store(keys + kept + (length + new)[None, :] * DIM + column[:, None], k, mask=there[None, :])
            tl.store(values + kept + (length + new)[:, None] * DIM + column[None, :], v, mask=there[:, None])
    first = (head * SPLITS + split) * (tl.num_programs(2) * ROWS) + row
    tl.store(tops + first, top)
    tl.store(totals + first, total)
    tl.store(sums + first[:, None] * DIM + column[None, :], acc)


@triton.jit
def _combine(
    sums,
    tops,
    totals,
    seen,
    GROUP: tl.constexpr,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """All parts of one query together."""
    head, token = tl.program_id(0), tl.program_id(1)
    column, split = tl.arange(0, DIM), tl.arange(0, SPLITS)
    first = (head // GROUP * SPLITS + split) * ROWS + token * GROUP + head % GROUP
    top = tl.load(tops + first)
    weight = tl.exp(top - tl.max(top, 0))
    parts = tl.load(sums + first[:, None] * DIM + column[None, :])
    whole = tl.sum(parts * weight[:, None], 0) / tl.sum(tl.load(totals + first) * weight, 0)
    tl.store(seen + (token * tl.num_programs(0) + head) * DIM + column, whole.to(seen.dtype.element_ty))
