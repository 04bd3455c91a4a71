"""The attention kernels give what plain attention gives: on a GPU as they are; elsewhere in Triton's interpreter, by
`TRITON_INTERPRET=1 pytest tests/decoding/test_kernels.py`, which needs Triton and a NumPy before 2.4."""

import os

import pytest
import torch

from glyph_demo.decoding.attention import attend_static

pytest.importorskip("triton")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("there is neither a GPU nor Triton's interpreter", allow_module_level=True)

from glyph_demo.decoding.kernels import attend_behind

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("heads", "kv_heads", "dim", "n", "before"),
    [(32, 2, 128, 1, 300), (32, 2, 64, 3, 130), (9, 3, 16, 1, 0), (9, 3, 16, 9, 5), (4, 4, 32, 2, 100)],
)
def test_kernels_keep_what_is_new_and_see_all_there_is(heads, kv_heads, dim, n, before):
    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw).to(DEVICE)

    draw = torch.Generator().manual_seed(0)
    query = noise(1, n, heads, dim).transpose(1, 2)
    key, value = (noise(1, n, kv_heads, dim).transpose(1, 2) for _ in range(2))
    keys, values = (noise(1, kv_heads, 512, dim) for _ in range(2))
    keys[:, :, before + n :] = values[:, :, before + n :] = torch.nan  # nobody looks there
    at = torch.arange(before, before + n, device=DEVICE)
    kept = [there.index_copy(2, at, new) for there, new in ((keys, key), (values, value))]
    beyond = torch.arange(512, device=DEVICE) > at[:, None]
    expected = attend_static(query * 0.2, kept[0].nan_to_num(), kept[1].nan_to_num(), beyond)
    seen = attend_behind(query, key, value, keys, values, at, 0.2)
    assert seen.shape == (1, heads, n, dim)
    assert (seen - expected).abs().max() < 1e-5
    assert torch.equal(keys.nan_to_num(), kept[0].nan_to_num())
    assert torch.equal(values.nan_to_num(), kept[1].nan_to_num())
