"""Matrix products of one row as Triton kernels: what a decode step does most, and all of it is reading weights. Import
this only where Triton is."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
from torch.library import custom_op
from triton import language as tl

_WIDE = 8192  # numbers in a row from which a program has more warps for it


class Plan(NamedTuple):
    """Rows of the weight that a program takes, their numbers that it reads at a time, and its warps."""

    rows: int
    block: int
    warps: int


def plan_of(width: int, gated: bool) -> Plan:
    """For a row of `width` numbers, by what was timed on an H200 (docs/performance.md)."""
    return Plan(1, 4096, 16 if gated or width > _WIDE else 8)


@custom_op("glyph_demo::row_product", mutates_args=())
def row_product(row: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """The product (1, 1, n), in the row's dtype, of a row (1, 1, k), in the weight's dtype or in float32, and a weight
    (n, k), with a bias (n,) or without. Sums are in float32."""
    out = row.new_empty((1, 1, len(weight)))
    _launch(row, weight, weight, weight if bias is None else bias, out, BIAS=bias is not None, GATED=False)
    return out


@row_product.register_fake
def _(row: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return row.new_empty((1, 1, len(weight)))


@custom_op("glyph_demo::gated_row", mutates_args=())
def gated_row(row: torch.Tensor, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """silu(row @ gate.T) * (row @ up.T) (1, 1, n), float32, of a row (1, 1, k) and two weights (n, k)."""
    out = row.new_empty((1, 1, len(gate)), dtype=torch.float32)
    _launch(row, gate, up, gate, out, BIAS=False, GATED=True)
    return out


@gated_row.register_fake
def _(row: torch.Tensor, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    return row.new_empty((1, 1, len(gate)), dtype=torch.float32)


def _launch(row: torch.Tensor, weight: torch.Tensor, *others: torch.Tensor, **kind: bool) -> None:
    count, width = weight.shape
    plan = plan_of(width, kind["GATED"])
    shape = {"WIDTH": width, "ROWS": plan.rows, "BLOCK": plan.block}
    _product[(triton.cdiv(count, plan.rows),)](row, weight, *others, count, **shape, **kind, num_warps=plan.warps)


@triton.jit
def _product(
    row,
    weight,
    other,
    bias,
    out,
    count,
    WIDTH: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    BIAS: tl.constexpr,
    GATED: tl.constexpr,
):
    """ROWS of the results. `other` is the second weight of a gated product."""
    number = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = number < count
    column = tl.arange(0, BLOCK)
    first = number.to(tl.int64)[:, None] * WIDTH + column[None, :]
    total = tl.zeros([ROWS, BLOCK], tl.float32)
    second = tl.zeros([ROWS, BLOCK], tl.float32)
    for start in range(0, WIDTH, BLOCK):
        inside = column < WIDTH - start
        mask = there[:, None] & inside[None, :]
        # Of two dimensions, or a row in float32 would change its layout, through shared memory, in every turn.
        given = tl.load(
            row + start + column[None, :], mask=inside[None, :], other=0.0, eviction_policy="evict_last"
        ).to(tl.float32)
        read = tl.load(weight + first + start, mask=mask, other=0.0, eviction_policy="evict_first").to(tl.float32)
        total += given * read
        if GATED:
            read = tl.load(other + first + start, mask=mask, other=0.0, eviction_policy="evict_first").to(tl.float32)
            second += given * read
    result = tl.sum(total, 1)
    if BIAS:
        result += tl.load(bias + number, mask=there, other=0.0).to(tl.float32)
    if GATED:
        result = result / (1.0 + tl.exp(-result)) * tl.sum(second, 1)
    tl.store(out + number, result.to(out.dtype.element_ty), mask=there)
