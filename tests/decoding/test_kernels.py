"""The attention kernels give what attention in float64 gives: on a GPU as they are; elsewhere in Triton's interpreter,
where `test_kernels_without_gpu.py` runs this file. bfloat16 is tested on a GPU only: the interpreter multiplies it
wrongly."""

import os

import pytest
import torch

pytest.importorskip("triton", reason="Triton is for Linux on x86-64")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("test_kernels_without_gpu.py runs these in a process of its own", allow_module_level=True)

from glyph_demo.decoding import kernels

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")

# The largest distance, by the largest number of the result. 16-bit weights and results are rounded once each.
TOLERANCE = {torch.float32: 2e-6, torch.float16: 5e-4, torch.bfloat16: 4e-3}
DTYPES = [torch.float16, torch.float32, *([torch.bfloat16] if CUDA else [])]
CAPACITY = 256


def attention(query, key, value, scaling):
    """In float64: what the last n entries' queries (1, heads, n, dim) see of all (1, kv_heads, entries, dim)."""
    query, key, value = (states.double() for states in (query, key, value))
    n, entries = query.shape[2], key.shape[2]
    key, value = (kept.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for kept in (key, value))
    ahead = torch.ones(n, entries, dtype=torch.bool, device=query.device).triu(entries - n + 1)
    return (query @ key.mT * scaling).masked_fill(ahead, -torch.inf).softmax(-1) @ value


def check(dtype, heads, kv_heads, dim, n, before):
    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw).to(DEVICE, dtype)

    draw = torch.Generator().manual_seed(0)
    query = noise(1, n, heads, dim).transpose(1, 2)
    key, value = (noise(1, n, kv_heads, dim).transpose(1, 2) for _ in range(2))
    keys, values = (noise(1, kv_heads, CAPACITY, dim) for _ in range(2))
    keys[:, :, before:] = values[:, :, before:] = torch.nan  # nobody looks there
    at = torch.arange(before, before + n, device=DEVICE)
    kept = [there.index_copy(2, at, new) for there, new in ((keys, key), (values, value))]
    expected = attention(query, *(there[:, :, : before + n] for there in kept), 0.2)
    seen = kernels.attend_behind(query, key, value, keys, values, at, 0.2)
    assert (seen.shape, seen.dtype) == ((1, heads, n, dim), dtype)
    assert torch.equal(keys.nan_to_num(), kept[0].nan_to_num())
    assert torch.equal(values.nan_to_num(), kept[1].nan_to_num())
    error = float((seen - expected).abs().max() / expected.abs().max())
    print(f"{dtype} n {n} before {before}: {error:.1e}")
    assert error <= TOLERANCE[dtype]


# Three parts of the entries before and one of the new ones. Entries are read 64 at a time: parts of less than a block,
# of one, of one and a bit; the arena filled to its end; fewer entries than parts.
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n", "before"), [(1, 0), (1, 1), (1, 192), (1, CAPACITY - 1), (2, 31), (2, 193), (8, CAPACITY - 8), (9, 191)]
)
def test_kernels_keep_what_is_new_and_see_all_there_is(monkeypatch, dtype, n, before):
    monkeypatch.setattr(kernels, "SPLITS", 4)
    check(dtype, 32, 2, 128, n, before)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "dim", "n"), [(9, 3, 16, 9), (4, 4, 32, 2), (32, 1, 64, 5), (12, 1, 16, 16)]
)
def test_kernels_take_other_models_heads(monkeypatch, heads, kv_heads, dim, n):
    monkeypatch.setattr(kernels, "SPLITS", 4)
    check(torch.float16, heads, kv_heads, dim, n, 70)


@pytest.mark.parametrize(("dtype", "n"), [(torch.float16, 2), (torch.float32, 1)])
def test_all_parts_together_give_the_same(dtype, n):
    check(dtype, 32, 2, 128, n, 130)


@pytest.mark.skipif(CUDA, reason="the interpreter tells what is read")
@pytest.mark.parametrize(("n", "times"), [(8, 1), (9, 2)])
def test_eight_tokens_read_each_key_once(monkeypatch, n, times):
    from triton.runtime.interpreter import InterpreterBuilder, _get_np_dtype

    monkeypatch.setattr(kernels, "SPLITS", 4)
    monkeypatch.setattr(kernels, "_combine", {(32, n): lambda *given, **options: None})  # reads neither
    keys, values = (torch.zeros(1, 2, CAPACITY, 128, dtype=torch.float16) for _ in range(2))
    query = torch.zeros(1, 32, n, 128, dtype=torch.float16)
    key, value = (torch.zeros(1, 2, n, 128, dtype=torch.float16) for _ in range(2))
    loaded = 0
    load = InterpreterBuilder.create_masked_load

    def counted(self, pointers, mask, *others):
        nonlocal loaded
        size = _get_np_dtype(pointers.get_element_ty()).itemsize
        for kept in (keys, values):
            offset = pointers.data.astype("int64") - kept.data_ptr()
            loaded += size * int((mask.data & (offset >= 0) & (offset < kept.nbytes)).sum())
        return load(self, pointers, mask, *others)

    monkeypatch.setattr(InterpreterBuilder, "create_masked_load", counted)
    kernels.attend_behind(query, key, value, keys, values, torch.arange(200, 200 + n))
    assert loaded == times * 2 * (2 * 200 * 128 * 2)
