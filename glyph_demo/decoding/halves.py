"""Matrix products in float32 with weights that are kept in 16 bits.

Published weights are bfloat16: 8 bits of each mantissa. In float32 they would take twice the memory, and a decode step
reads all of them. Times a power of two they are float16 numbers too, with bits to spare. FBGEMM, which is in torch,
multiplies rows in float32 by weights in float16 that it widens on the way; all sums are in float32.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch.nn.functional import pad

LARGEST = torch.finfo(torch.float16).max
SMALLEST = 2.0**-24  # between two float16 numbers, where they lie closest
PART = 1 << 17  # weights that are looked at in one go: what is made of them stays in a cache
COUNTS = (1, 2, 7, 8, 14, 32)  # rows that one processor or another splits among kernels that round differently
STEPS = (1, 3)  # FBGEMM's kernels for one and two rows add in another order with AVX2; for 3 to 6 rows in the same one


class HalfProduct:
    """What an `nn.Linear` with that weight (outputs, inputs) and bias (outputs,) computes in float32, from half of
    float32's bytes; each row the same to the last bit whatever is beside it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, step: int) -> None:
        self._shift = _shift(weight)
        self._step, self._outputs = step, len(weight)
        scaled = weight.detach().to(torch.float32, copy=True)  # the weight may be a mapped file
        scaled *= 2.0**self._shift
        self._packed: Any = torch.ops.quantized.linear_prepack_fp16(scaled, None if bias is None else bias.float())

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """(..., inputs) to (..., outputs), float32."""
        flat = rows.reshape(-1, rows.shape[-1]) * 2.0**-self._shift
        count = len(flat)
        if count % self._step:
            flat = pad(flat, (0, 0, 0, self._step - count % self._step))
        product: torch.Tensor = torch.ops.quantized.linear_dynamic_fp16(flat, self._packed)
        return product[:count].view(*rows.shape[:-1], self._outputs)

    def weight(self) -> torch.Tensor:
        """The weight (outputs, inputs) in float32."""
        packed: torch.Tensor = torch.ops.quantized.linear_unpack_fp16(self._packed)[0]
        return packed.mul_(2.0**-self._shift)


def fits(weight: torch.Tensor) -> bool:
    """Whether float16 holds a weight (outputs, inputs), up to 2**-40 of the largest."""
    scale = 2.0 ** _shift(weight)
    for part in weight.detach().split(max(1, PART // weight.shape[1])):
        scaled = part.float() * scale
        if not (scaled.half().float() - scaled).abs().max() < SMALLEST:
            return False
    return True


@cache
def row_step() -> int:
    """What a number of rows is filled up to a multiple of, so that each is the same whatever is beside it; 0 where this
    machine's torch has no such products."""
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return 0
    generator = torch.Generator().manual_seed(0)
    weight = (torch.rand(64, 1024, generator=generator) - 0.5).bfloat16().float()
    rows = torch.rand(max(COUNTS), 1024, generator=generator) - 0.5
    with torch.inference_mode():
        for step in STEPS:
            product = HalfProduct(weight, None, step)
            right = product(rows)
            if all(torch.equal(product(rows[-count:]), right[-count:]) for count in COUNTS):
                return step
    return 0


def _shift(weight: torch.Tensor) -> int:
    """The power of two by which the largest of the weights stays just below the largest float16 number."""
    least, most = torch.aminmax(weight.detach())
    largest = max(-float(least), float(most))
    return math.floor(math.log2(LARGEST / largest)) if largest and math.isfinite(largest) else 0
