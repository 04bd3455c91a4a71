"""Matrix products on a CPU whose rows are the same to the last bit, however many there are.

BLAS has one kernel for a single row, another for three and another from four on, and each rounds otherwise: what an
answer says would depend on who else is being answered. oneDNN has one kernel from two rows on, and with AVX2 alone
often from one on; over weights in its own layout it is fast. How fast with one row and how fast with a few differs
between processors, either way round: docs/performance.md has what both take.

Weights that 16 bits hold, as those of published models, are kept in them (decoding/halves.py): a step, which waits for
memory, then takes about half the time. What follows is for others.
"""

from __future__ import annotations

import platform
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

from glyph_demo.decoding import halves
from glyph_demo.decoding.halves import HalfProduct

FEW = range(1, 7)  # rows that a product may be filled up to
MANY = (2, 3, 8, 16)  # rows that it is compared with
LAYOUT = 64  # rows that oneDNN is told to lay weights out for; from 2 to 512 it makes no difference
BEYOND_CACHE = 64 << 20  # bytes of weights that a product is timed over, to read them from memory as a step does
PACKERS = 4  # threads at most, FBGEMM packs with one: each holds one weight in float32, and packed
GAIN = 0.97  # of the time of fewer rows: what more have to stay below

_Kind = tuple[torch.Size, bool, bool, int]  # of a product: of the weight, without bias, shared, threads
_ROWS: dict[_Kind, int] = {}


def available() -> bool:
    """Whether this machine can: torch has oneDNN elsewhere too, with other kernels."""
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()


def use_even_products(body: nn.Module, head: Any) -> None:
    """Have all float32 layers of a model on an x86 CPU, `nn.Linear` and nothing made of it, multiply so. Weights are
    kept anew in place of what they were; those that embeddings share stay as well.
    Called again it changes nothing. In bfloat16 the kernel changes with the rows on processors with AMX."""
    if not available():
        return
    kinds = _kinds(body, head, (torch.float32,))
    if step := halves.row_step():
        _halve_all(kinds, step)
    for kind, linears in kinds.items():
        others = [linear for linear in linears if "forward" not in vars(linear)]
        if others:
            _lay_out(kind, others)


def keeps_halves() -> bool:
    """Whether there are products here whose weights are kept in 16 bits."""
    return available() and bool(halves.row_step())


def keep_halves(body: nn.Module, head: Any) -> None:
    """Keep the weights of a model on a CPU that came in 16 bits and will be float32 as they came, so that never all of
    them are there in float32. Where the machine `keeps_halves`."""
    _halve_all(_kinds(body, head, (torch.bfloat16, torch.float16)), halves.row_step())


def kept_beside(body: nn.Module, head: Any) -> int:
    """Bytes that products keep beside weights which stay, as those of a head that embeddings share."""
    halved = [layer for layer in _layers(body, head) if isinstance(vars(layer).get("forward"), HalfProduct)]
    return sum(2 * layer.weight.numel() for layer in halved if layer.weight.stride(-1))


def use_plain_products(body: nn.Module, head: Any) -> None:
    """Take `use_even_products` back, for a compiler, which cannot read other layouts."""
    for linear in _layers(body, head):
        product = vars(linear).pop("forward", None)
        if isinstance(product, HalfProduct) and not linear.weight.stride(0):
            linear.weight = nn.Parameter(product.weight(), requires_grad=False)
        elif product is not None and linear.weight.is_mkldnn:
            linear.weight = nn.Parameter(linear.weight.to_dense(), requires_grad=False)


def _layers(body: nn.Module, head: Any) -> list[Any]:
    """All parts of a model, each once: a head may be in the body."""
    return list(dict.fromkeys((*body.modules(), head)))


def _kinds(body: nn.Module, head: Any, dtypes: tuple[torch.dtype, ...]) -> dict[_Kind, list[nn.Linear]]:
    """The layers that can have other products, with weights in one of `dtypes`."""
    shared = {id(module.weight) for module in body.modules() if isinstance(module, nn.Embedding)}
    kinds: dict[_Kind, list[nn.Linear]] = {}
    for linear in _layers(body, head):
        if type(linear) is not nn.Linear or "forward" in vars(linear):
            continue
        weight = linear.weight
        if type(weight.data) is not torch.Tensor or weight.dtype not in dtypes or weight.device.type != "cpu":
            continue
        kind = (weight.shape, linear.bias is None, id(weight) in shared, torch.get_num_threads())
        kinds.setdefault(kind, []).append(linear)
    return kinds


def _halve_all(kinds: dict[_Kind, list[nn.Linear]], step: int) -> None:
    """Keep weights in 16 bits where these hold them. That is not timed: a product of float32's layout rounds
    otherwise, so that what an answer says would depend on what else a machine did while the model was loaded."""
    largest_first = sorted(kinds.items(), key=lambda found: -found[0][0].numel())
    with ThreadPoolExecutor(min(PACKERS, torch.get_num_threads())) as pool:
        jobs = [pool.submit(_halve, one, kind[2], step) for kind, linears in largest_first for one in linears]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _halve(linear: nn.Linear, shared: bool, step: int) -> None:
    if not halves.fits(linear.weight):
        return
    linear.forward = HalfProduct(linear.weight, linear.bias, step)  # type: ignore[method-assign, assignment]
    if not shared:  # its shape and dtype are asked for, its numbers are not
        linear.weight = nn.Parameter(torch.zeros(()).expand(linear.weight.shape), requires_grad=False)


def _lay_out(kind: _Kind, linears: list[nn.Linear]) -> None:
    """Have oneDNN multiply, filled up to the rows that are soonest."""
    for linear in () if kind[2] else linears:
        weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), LAYOUT)
        linear.weight = nn.Parameter(weight, requires_grad=False)
    if kind not in _ROWS and (quickest := _quickest_rows(linears)):
        _ROWS[kind] = quickest
    for linear in linears:
        linear.forward = partial(_product, linear, _ROWS.get(kind, FEW[-1]))  # type: ignore[method-assign]


@torch.inference_mode()  # with gradients oneDNN takes other kernels
def _quickest_rows(linears: list[nn.Linear]) -> int:
    """To how many rows this machine should fill a single one up, to have the product soonest: of those that it
    multiplies as it does many, to the last bit. oneDNN chooses a kernel by the shape, the processor and the threads, so
    products of one kind are tried once. 0 of weights that tell nothing, such as zeros."""
    rows = torch.rand(max(MANY), linears[0].in_features, generator=torch.Generator().manual_seed(0)) - 0.5
    right = [_multiply(rows[:count], linears[0]) for count in MANY]
    if torch.equal(*right[0]):
        return 0
    nbytes = linears[0].weight.nbytes
    some = linears[: -(-BEYOND_CACHE // nbytes)]
    best, soonest = FEW[-1], inf
    for count in FEW:
        if _is_even(rows[:count], linears[0], right):
            seconds = min(_seconds(rows[:count], some) for _ in range(3 if nbytes < BEYOND_CACHE else 1))
            if seconds < GAIN * soonest:
                best, soonest = count, seconds
    return best


def _seconds(rows: torch.Tensor, linears: list[nn.Linear]) -> float:
    began = time.perf_counter()
    for linear in linears:
        _multiply(rows, linear)
    return time.perf_counter() - began


def _is_even(rows: torch.Tensor, linear: nn.Linear, right: list[torch.Tensor]) -> bool:
    some = _multiply(rows, linear)
    return all(torch.equal(some, each[: len(rows)]) for each in right if len(each) >= len(rows))


def _product(linear: nn.Linear, least: int, rows: torch.Tensor) -> torch.Tensor:
    """`linear` of rows (..., inputs), filled up to `least`."""
    flat = rows.reshape(-1, rows.shape[-1])
    filled = pad(flat, (0, 0, 0, least - len(flat))) if len(flat) < least else flat
    return _multiply(filled, linear)[: len(flat)].view(*rows.shape[:-1], -1)


def _multiply(rows: torch.Tensor, linear: nn.Linear) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, linear.weight, linear.bias, "none", [], "")
    return product
