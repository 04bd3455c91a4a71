"""Matrix products on a CPU whose rows are the same to the last bit, however many there are.

BLAS has one kernel for a single row, another for three and another from four on, and each rounds otherwise: what an
answer says would depend on who else is being answered. oneDNN has one kernel from two rows on, and with AVX2 alone
often from one on; over weights in its own layout it is fast. docs/performance.md has what both take.
"""

from __future__ import annotations

import platform
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

FEW = (1, 2, 4)  # rows that a product may be filled up to
MANY = (2, 3, 8, 16)  # rows that it is compared with
LAYOUT = 64  # rows that oneDNN is told to lay weights out for; from 2 to 512 it makes no difference


def available() -> bool:
    """Whether this machine can: torch has oneDNN elsewhere too, with other kernels."""
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()


def use_even_products(body: nn.Module, head: Any) -> None:
    """Have all float32 layers of a model on an x86 CPU, `nn.Linear` and nothing made of it, multiply so. Weights are
    laid out anew in place of what they were; those that embeddings share stay, and take a third longer for one row.
    Called again it changes nothing. In bfloat16 the kernel changes with the rows on processors with AMX."""
    if not available():
        return
    shared = {id(module.weight) for module in body.modules() if isinstance(module, nn.Embedding)}
    for linear in (*body.modules(), head):
        if type(linear) is not nn.Linear or "forward" in vars(linear):
            continue
        weight = linear.weight
        if type(weight.data) is not torch.Tensor or weight.dtype != torch.float32 or weight.device.type != "cpu":
            continue
        least = FEW[-1]
        if id(weight) not in shared:
            laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), LAYOUT)
            linear.weight = nn.Parameter(laid_out, requires_grad=False)
            del weight  # of a large head there are only ever two
            least = _least_rows(linear)
        linear.forward = partial(_product, linear, least)  # type: ignore[method-assign]


def use_plain_products(body: nn.Module, head: Any) -> None:
    """Take `use_even_products` back, for a compiler, which cannot read oneDNN's layout."""
    for linear in (*body.modules(), head):
        if vars(linear).pop("forward", None) is not None and linear.weight.is_mkldnn:
            linear.weight = nn.Parameter(linear.weight.to_dense(), requires_grad=False)


_LEAST: dict[tuple[torch.Size, bool, int], int] = {}


@torch.inference_mode()  # with gradients oneDNN takes other kernels
def _least_rows(linear: nn.Linear) -> int:
    """The fewest rows that this machine multiplies as it does many, to the last bit, with a weight that is laid out:
    oneDNN chooses a kernel by the shape, the processor and the threads, so it is tried once for each."""
    kind = linear.weight.shape, linear.bias is None, torch.get_num_threads()
    if kind not in _LEAST:
        rows = torch.rand(max(MANY), linear.in_features, generator=torch.Generator().manual_seed(0)) - 0.5
        right = [_multiply(rows[:count], linear.weight, linear.bias) for count in MANY]
        if not right[0].any():
            return FEW[-1]  # of weights that are all zero nothing can be seen
        _LEAST[kind] = next((count for count in FEW if _is_even(rows[:count], linear, right)), FEW[-1])
    return _LEAST[kind]


def _is_even(rows: torch.Tensor, linear: nn.Linear, right: list[torch.Tensor]) -> bool:
    some = _multiply(rows, linear.weight, linear.bias)
    return all(torch.equal(some, each[: len(rows)]) for each in right if len(each) >= len(rows))


def _product(linear: nn.Linear, least: int, rows: torch.Tensor) -> torch.Tensor:
    """`linear` of rows (..., inputs), filled up to `least`."""
    flat = rows.reshape(-1, rows.shape[-1])
    filled = pad(flat, (0, 0, 0, least - len(flat))) if len(flat) < least else flat
    return _multiply(filled, linear.weight, linear.bias)[: len(flat)].view(*rows.shape[:-1], -1)


def _multiply(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return product
