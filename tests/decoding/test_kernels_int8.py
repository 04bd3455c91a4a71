"""The attention kernels over 8 bits keep what `Int8Layer` keeps, and give attention in float64 over what is kept."""

import copy
import os

import pytest
import torch

pytest.importorskip("triton", reason="Triton is for Linux on x86-64")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("test_kernels_without_gpu.py runs these in a process of its own", allow_module_level=True)

from glyph_demo.decoding import kernels, kernels_int8
from glyph_demo.decoding.arena import KVArena
from tests.decoding.test_kernels import CAPACITY, CUDA, DEVICE, DTYPES, TOLERANCE, attention


def noise(shape, dtype, draw, large=()):
    numbers = torch.randn(shape, generator=draw)
    numbers[..., list(large)] += 20.0  # as a projection's bias makes of a few channels
    return numbers.to(DEVICE, dtype)


def filled(dtype, heads, dim, before, draw):
    """An arena of `before` entries. What stands behind them is no number, nor are the channels of blocks to come."""
    arena = KVArena(1, heads, dim, CAPACITY, dtype, DEVICE, int8=True)
    arena.reserve(CAPACITY)
    (layer,) = arena.layers
    if before:
        layer.update(noise((1, heads, before, dim), dtype, draw, (3, 7)), noise((1, heads, before, dim), dtype, draw))
        layer.reaches[:, :, -(-before // 64) :] = torch.nan
    arena.advance(before, before)
    layer.key_scales[:, :, before:] = layer.value_scales[:, :, before:] = torch.nan
    layer.keys[:, :, before:] = layer.values[:, :, before:] = 127
    return layer


def check(dtype, heads, kv_heads, dim, n, before):
    draw = torch.Generator().manual_seed(0)
    layer = filled(dtype, kv_heads, dim, before, draw)
    query = noise((1, n, heads, dim), dtype, draw).transpose(1, 2)
    key = noise((1, n, kv_heads, dim), dtype, draw, (3, 7)).transpose(1, 2)
    value = noise((1, n, kv_heads, dim), dtype, draw).transpose(1, 2)
    at = torch.arange(before, before + n, device=DEVICE)
    plain = copy.copy(layer)
    for name in ("keys", "values", "key_scales", "value_scales", "reaches"):
        setattr(plain, name, getattr(layer, name).clone())
    plain.put(at, key, value)
    seen = kernels_int8.attend_behind_int8(query, key, value, layer, at, 0.05)
    for name in ("keys", "values"):
        apart = (getattr(layer, name).int() - getattr(plain, name).int()).abs()
        assert int(apart.max()) <= (1 if CUDA else 0)  # a GPU divides up to a rounding
    for name in ("key_scales", "value_scales", "reaches"):
        torch.testing.assert_close(getattr(layer, name), getattr(plain, name), equal_nan=True)
    expected = attention(query, *layer.upto(before + n), 0.05)
    assert (seen.shape, seen.dtype) == ((1, heads, n, dim), dtype)
    error = float((seen - expected).abs().max() / expected.abs().max())
    print(f"{dtype} n {n} before {before}: {error:.1e}")
    assert error <= 2 * TOLERANCE[dtype]  # large channels make results, by which it is counted, smaller


# As in test_kernels.py; a step that ends a block, one that begins one, and one that does both.
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n", "before"),
    [(1, 0), (1, 1), (1, 63), (1, 192), (1, CAPACITY - 1), (2, 31), (2, 127), (8, CAPACITY - 8), (9, 191)],
)
def test_kernels_keep_what_is_new_and_see_all_there_is(monkeypatch, dtype, n, before):
    monkeypatch.setattr(kernels, "SPLITS", 4)
    check(dtype, 32, 2, 128, n, before)


@pytest.mark.parametrize(("heads", "kv_heads", "dim", "n"), [(9, 3, 16, 9), (4, 4, 32, 2), (12, 1, 16, 16)])
def test_kernels_take_other_models_heads(monkeypatch, heads, kv_heads, dim, n):
    monkeypatch.setattr(kernels, "SPLITS", 4)
    check(torch.float16, heads, kv_heads, dim, n, 70)


def test_all_parts_together_give_the_same():
    check(torch.float16, 32, 2, 128, 2, 130)


@pytest.mark.parametrize("spoilt", ["key", "value"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_hidden(spoilt, number):
    draw = torch.Generator().manual_seed(0)
    layer = filled(torch.float16, 2, 16, 70, draw)
    states = {name: noise((1, 2, 1, 16), torch.float16, draw) for name in ("key", "value")}
    states[spoilt][..., 5] = number
    query = noise((1, 4, 1, 16), torch.float16, draw)
    seen = kernels_int8.attend_behind_int8(query, **states, kept=layer, at=torch.tensor([70], device=DEVICE))
    assert not seen.isfinite().all()
