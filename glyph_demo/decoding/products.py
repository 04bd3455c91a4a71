"""Matrix products on a CPU whose rows are the same to the last bit, however many there are.

BLAS has one kernel for a single row, another for three and another from four on, and each rounds otherwise: what an
answer says would depend on who else is being answered. oneDNN has one kernel from two rows on, for any number of
threads, and over weights in its own layout it is fast. Milliseconds of one decode step, `random:mid`, float32, one
thread of an AMD EPYC (Zen 4), 330 entries:

    answers in one step               1      2      4      8      1 with 8 drafts
    BLAS                              89     162    190    223    231
    oneDNN, its layout, one row       98     127    91     134    115
    the same, at least four rows      81     86     90     130    110
"""

from __future__ import annotations

import platform
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

ROWS = 4  # at least: fewer take as long, and one row alone has a kernel of its own
LAYOUT = 64  # rows that oneDNN is told to lay weights out for; from 2 to 512 it makes no difference


def available() -> bool:
    """Whether this machine can: torch has oneDNN elsewhere too, with other kernels."""
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()


def use_even_products(body: nn.Module, head: Any) -> None:
    """Have all float32 layers of a model on an x86 CPU, `nn.Linear` and nothing made of it, multiply so. Weights are
    laid out anew in place of what they were; those that embeddings share stay, and take a third longer for one row.
    Called again it changes nothing."""
    if not available():
        return
    shared = {id(module.weight) for module in body.modules() if isinstance(module, nn.Embedding)}
    for linear in (*body.modules(), head):
        if type(linear) is not nn.Linear or "forward" in vars(linear):
            continue
        weight = linear.weight
        if type(weight.data) is not torch.Tensor or weight.dtype != torch.float32 or weight.device.type != "cpu":
            continue
        if id(weight) not in shared:
            laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), LAYOUT)
            linear.weight = nn.Parameter(laid_out, requires_grad=False)
        linear.forward = partial(_product, linear)  # type: ignore[method-assign]


def use_plain_products(body: nn.Module, head: Any) -> None:
    """Take `use_even_products` back, for a compiler, which cannot read oneDNN's layout."""
    for linear in (*body.modules(), head):
        if vars(linear).pop("forward", None) is not None and linear.weight.is_mkldnn:
            linear.weight = nn.Parameter(linear.weight.to_dense(), requires_grad=False)


def _product(linear: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """`linear` of rows (..., inputs)."""
    flat = rows.reshape(-1, rows.shape[-1])
    few = len(flat) < ROWS
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
        pad(flat, (0, 0, 0, ROWS - len(flat))) if few else flat, linear.weight, linear.bias, "none", [], ""
    )
    return (out[: len(flat)] if few else out).view(*rows.shape[:-1], -1)
