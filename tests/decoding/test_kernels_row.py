"""Products of one row give what they give in float64, and a step made of them is the model's own forward: on a GPU, or
elsewhere in Triton's interpreter, where `test_kernels_without_gpu.py` runs this file."""

import os

import pytest
import torch
from torch.nn.functional import silu

pytest.importorskip("triton", reason="Triton is for Linux on x86-64")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("test_kernels_without_gpu.py runs these in a process of its own", allow_module_level=True)

from glyph_demo.decoding import kernels_row, pieces
from glyph_demo.decoding.attention import use_packed_attention
from glyph_demo.decoding.decoder import TOLERANCE, text
from glyph_demo.decoding.kernels_row import gated_row, row_product
from glyph_demo.decoding.loop import prefill
from tests.decoding.test_step import Decoder, loaded, use_plain_products

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SHAPES = [(3, 40), (5, 4096), (2, 4100), (6, 13696), (9, 20000)]  # rows of the weight, numbers of each


def noise(*shape, dtype=torch.float16, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=draw) / shape[-1] ** 0.5).to(DEVICE, dtype)


def close(seen, expected, dtype):
    """float16 is rounded once, float32 sums in another order."""
    assert seen.isfinite().all()
    assert (seen.double() - expected).abs().max() <= {torch.float32: 2e-6, torch.float16: 1e-3}[dtype]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_product_of_a_row_is_that_of_float64(shape, dtype):
    weight, bias = noise(*shape), noise(shape[0], seed=1)
    row = noise(1, 1, shape[1], dtype=dtype, seed=2) * shape[1] ** 0.5
    expected = row.double() @ weight.double().T
    close(row_product(row, weight, None), expected, dtype)
    seen = row_product(row, weight, bias)
    assert (seen.shape, seen.dtype) == ((1, 1, shape[0]), dtype)
    close(seen, expected + bias.double(), dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gated_product_is_that_of_float64(shape):
    both = noise(2 * shape[0], shape[1])
    gate, up = both.chunk(2)
    row = noise(1, 1, shape[1], seed=2) * shape[1] ** 0.5
    gated, upper = (row.double() @ half.double().T for half in (gate, up))
    seen = gated_row(row, gate, up)
    assert seen.dtype == torch.float32
    close(seen, silu(gated) * upper, torch.float32)


def test_each_kind_of_product_is_met_here():
    plans = {kernels_row.plan_of(width, gated) for _, width in SHAPES for gated in (False, True)}
    assert len(plans) == 2


@pytest.mark.parametrize(("precision", "compiled"), [("fp32", False), ("fp16", False), ("fp16", True)])
def test_a_step_of_such_products_is_the_models_own_forward(checkpoint_of, precision, compiled):
    model = loaded(checkpoint_of("deep"), precision).to(DEVICE)
    use_packed_attention(model.get_decoder())
    decoder = Decoder(model)
    use_plain_products(model.get_decoder(), model.get_output_embeddings())
    assert pieces.takes_rows(model.get_decoder())
    assert decoder.prepare_step("graph") is None
    step = decoder._step
    step._joined = [pieces.join(layer.self_attn) for layer in model.get_decoder().layers]
    arena = decoder.arena()
    prefill(decoder, arena, text(range(20)))
    arena.reserve(32)
    before = arena.mark()
    plain = decoder.step(arena, [7]).clone()
    arena.rollback(before)
    arena.graphs.clear()
    step._by_row = True
    if compiled:
        step._pieces = pieces.compiled(pieces.options(by_row=True))
    by_row = decoder.step(arena, [7])
    assert not torch.equal(plain, by_row)  # summed in another order: it is another way
    assert (by_row - plain).norm() <= TOLERANCE[decoder.dtype] * plain.norm()
