"""`kernels` over keys and values in 8 bits (see `layers`): they are read so, made 16-bit numbers on the way, and
multiplied as those. Import this only where Triton is."""

from __future__ import annotations

import torch
import triton
from triton import language as tl

from glyph_demo.decoding import layers
from glyph_demo.decoding.kernels import more, plan_of


def attend_behind_int8(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    kept: layers.Int8Layer,
    at: torch.Tensor,
    scaling: float = 1.0,
) -> torch.Tensor:
    """`kernels.attend_behind` with a layer in 8 bits, which is written as `kept.put` does. The result and the products
    are in the dtype of its reaches, of 16 bits: with float32 a thread's registers do not suffice."""
    plan = plan_of(query, kept.keys.shape[1], kept.reaches.dtype)
    _partial[plan.grid](
        *(query, key, value, kept.keys, kept.values, kept.key_scales, kept.value_scales, kept.reaches, at, *plan.parts),
        *(query.stride(1), query.stride(2), key.stride(1), key.stride(2), value.stride(1), value.stride(2)),
        *(kept.key_scales.stride(1), kept.reaches.stride(1), scaling),
        MOST=layers.MOST,
        TINY=layers.TINY,
        LEAST=torch.finfo(kept.reaches.dtype).tiny,
        STEP=16 if plan.options["ROWS"] > 64 else 32,  # entries at a time: registers hold them as float32 in between
        **{**plan.options, "num_stages": 3},
    )
    return plan.combined()


@triton.jit
def _codes(numbers, axis: tl.constexpr, MOST: tl.constexpr, TINY: tl.constexpr):
    """Numbers in float32 as whole ones of 8 bits, and their scales, one for all along `axis`."""
    spoilt = tl.sum(numbers * 0.0, axis)  # the maximum passes over what is no number
    scale = tl.maximum(tl.max(tl.abs(numbers), axis), TINY) / MOST + spoilt
    return tl.floor(numbers / tl.expand_dims(scale, axis) + 0.5), scale


@triton.jit
def _partial(
    query,
    key,
    value,
    keys,
    values,
    key_scales,
    value_scales,
    reaches,
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
    reaches_head,
    scaling,
    N: tl.constexpr,
    GROUP: tl.constexpr,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    STEP: tl.constexpr,
    NEW: tl.constexpr,
    SPLITS: tl.constexpr,
    MOST: tl.constexpr,
    TINY: tl.constexpr,
    LEAST: tl.constexpr,
):
    """As `kernels._partial`, STEP entries at a time, which are of one block."""
    split, head, turn = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    row, column = turn * ROWS + tl.arange(0, ROWS), tl.arange(0, DIM)
    token = row // GROUP
    length = tl.load(at)
    real = token < N
    place = query + (head * GROUP + row % GROUP)[:, None] * query_head + token[:, None] * query_token + column[None, :]
    asked = tl.load(place, mask=real[:, None], other=0.0).to(reaches.dtype.element_ty)
    top = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    acc = tl.zeros([ROWS, DIM], tl.float32)
    kept = head.to(tl.int64) * kept_head
    reaches += head * reaches_head + column
    if split < SPLITS - 1:
        each = tl.cdiv(tl.cdiv(length, STEP), SPLITS - 1) * STEP
        end = tl.minimum(split * each + each, length)
        for start in range(split * each, end, STEP):
            entry = start + tl.arange(0, STEP)
            inside = entry < end
            reach = tl.load(reaches + start // BLOCK * DIM).to(tl.float32)
            k = tl.load(keys + (kept + entry[None, :]) * DIM + column[:, None], mask=inside[None, :], other=0)
            scale = tl.load(key_scales + kept + entry, mask=inside, other=0.0)
            k = (k.to(tl.float32) * scale[None, :] * reach[:, None]).to(asked.dtype)
            v = tl.load(values + (kept + entry[:, None]) * DIM + column[None, :], mask=inside[:, None], other=0)
            scale = tl.load(value_scales + kept + entry, mask=inside, other=0.0)
            v = (v.to(tl.float32) * scale[:, None]).to(asked.dtype)
            top, total, acc = more(asked, k, v, inside[None, :], top, total, acc, scaling)
    else:
        new = tl.arange(0, NEW)
        there = new < N
        last, block = tl.maximum(length - 1, 0) // BLOCK, (length + N - 1) // BLOCK
        reach = tl.load(reaches + last * DIM).to(tl.float32)
        further = reach
        if block > last:  # a block begins, with what the entries of the last one reach
            entry = last * BLOCK + tl.arange(0, BLOCK)
            inside = entry < length
            k = tl.load(keys + (kept + entry[None, :]) * DIM + column[:, None], mask=inside[None, :], other=0)
            scale = tl.load(key_scales + kept + entry, mask=inside, other=0.0)
            most = tl.max(tl.abs(k.to(tl.float32)) * scale[None, :], 1)
            further = tl.maximum((most * reach).to(asked.dtype).to(tl.float32), LEAST)
        reaching = tl.where(((length + new) // BLOCK > last)[None, :], further[:, None], reach[:, None])
        k = tl.load(
            key + head * key_head + new[None, :] * key_token + column[:, None], mask=there[None, :], other=0.0
        ).to(tl.float32)
        v = tl.load(
            value + head * value_head + new[:, None] * value_token + column[None, :], mask=there[:, None], other=0.0
        ).to(tl.float32)
        key_codes, key_scale = _codes(k / reaching, 0, MOST, TINY)
        value_codes, value_scale = _codes(v, 1, MOST, TINY)
        k = (key_codes * key_scale[None, :] * reaching).to(asked.dtype)
        v = (value_codes * value_scale[:, None]).to(asked.dtype)
        top, total, acc = more(asked, k, v, new[None, :] <= token[:, None], top, total, acc, scaling)
        if turn == 0:  # nobody reads these entries before the next step
            entry = kept + length + new
            tl.store(keys + entry[None, :] * DIM + column[:, None], key_codes.to(tl.int8), mask=there[None, :])
            tl.store(values + entry[:, None] * DIM + column[None, :], value_codes.to(tl.int8), mask=there[:, None])
            tl.store(key_scales + entry, key_scale, mask=there)
            tl.store(value_scales + entry, value_scale, mask=there)
            tl.store(reaches + block * DIM, further.to(asked.dtype))
    first = (head * SPLITS + split) * (tl.num_programs(2) * ROWS) + row
    tl.store(tops + first, top)
    tl.store(totals + first, total)
    tl.store(sums + first[:, None] * DIM + column[None, :], acc)
