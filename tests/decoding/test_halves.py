"""Weights that 16 bits hold are kept in them, and multiply as float32 does."""

import pytest
import torch
from torch import nn

from glyph_demo.decoding import halves, products
from glyph_demo.decoding.halves import HalfProduct, fits, row_step
from glyph_demo.decoding.products import use_even_products, use_plain_products
from glyph_demo.models.memory import held_bytes
from tests.decoding.test_products import alone_as_beside_others, passed_where

pytestmark = pytest.mark.skipif(not products.available() or not row_step(), reason="only x86 has these kernels")
SHAPES = [(1024, 3072), (256, 1024), (97, 33), (1, 700), (64, 64)]
EPSILON = torch.finfo(torch.float32).eps


def published(outputs, inputs, bias=True, seed=0):
    torch.manual_seed(seed)
    linear = nn.Linear(inputs, outputs, bias)
    with torch.no_grad():
        linear.weight.copy_((0.02 * torch.randn(outputs, inputs)).bfloat16())
    return linear


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_is_what_it_is_alone_and_as_exact_as_float32_is(shape, threads):
    linear = published(*shape)
    weight = linear.weight.detach().double()
    use_even_products(nn.Sequential(linear), nn.Identity())
    assert isinstance(vars(linear)["forward"], HalfProduct)
    rows, alone = alone_as_beside_others(linear, (*range(1, 40), 64, 128, 300))
    right = rows.double() @ weight.T + linear.bias.double()
    bound = EPSILON * shape[1] * (rows.double().abs() @ weight.abs().T + 1)  # of any order of summing up
    assert ((alone.double() - right).abs() < bound).all()
    assert (alone.double() - right).norm() < 1e-5 * right.norm()


def test_an_older_processor_gives_equal_rows_too():
    asked = "from glyph_demo.decoding.halves import row_step; print(row_step())"
    assert passed_where(__file__, "every_row", asked, FBGEMM_ENABLE_INSTRUCTIONS="AVX2") == "3"


def test_a_step_that_rows_differ_at_is_not_taken(monkeypatch):
    class Uneven(HalfProduct):
        def __call__(self, rows):
            return super().__call__(rows) + len(rows) * (self._step == 1)

    monkeypatch.setattr(halves, "HalfProduct", Uneven)
    assert row_step.__wrapped__() == 3
    monkeypatch.setattr(halves, "STEPS", (1,))
    assert row_step.__wrapped__() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1e-6, 0.02, 30.0, 1e8])
def test_16_bits_hold_what_came_in_16_bits(dtype, size):
    weight = (torch.randn(300, 70) * (size if dtype == torch.bfloat16 else 0.02)).to(dtype).float()
    weight[0] = 0.0
    assert fits(weight)
    weight[1, 1] *= 1 + 2.0**-13
    assert not fits(weight)


def test_16_bits_do_not_hold_other_numbers():
    weight = published(8, 8).weight.detach()
    for wrong in (float("inf"), float("nan")):
        assert not fits(weight.index_fill(0, torch.tensor([3]), wrong))
    assert fits(torch.zeros(8, 8))


def test_it_takes_half_the_bytes_and_can_be_taken_back():
    linear = published(96, 64)
    before, dtype = linear.weight.detach().clone(), linear.weight.dtype
    assert held_bytes(linear.weight) == 4 * 96 * 64
    use_even_products(nn.Sequential(linear), nn.Identity())
    assert held_bytes(linear.weight) == 2 * 96 * 64
    assert linear.weight.untyped_storage().nbytes() == 4
    assert products.kept_beside(nn.Sequential(linear), nn.Identity()) == 0
    assert (linear.weight.shape, linear.weight.dtype) == (before.shape, dtype)
    kept = vars(linear)["forward"]
    use_even_products(nn.Sequential(linear), nn.Identity())
    assert vars(linear)["forward"] is kept
    use_plain_products(nn.Sequential(linear), nn.Identity())
    assert (linear.weight - before).abs().max() <= 2.0**-40 * before.abs().max()
    assert "forward" not in vars(linear)


def test_weights_that_embeddings_share_stay_as_well():
    body = nn.Sequential(nn.Embedding(40, 16), published(16, 16))
    head = published(40, 16, bias=False)
    body[0].weight = head.weight
    rows, weight, before = torch.randn(9, 16), head.weight, head.weight.detach().clone()
    expected = head(rows)
    use_even_products(body, head)
    assert isinstance(vars(head)["forward"], HalfProduct)
    assert torch.equal(head.weight, before)
    assert products.kept_beside(body, head) == 2 * 40 * 16
    torch.testing.assert_close(head(rows), expected)
    use_plain_products(body, head)
    assert head.weight is weight is body[0].weight


def test_a_layer_that_16_bits_do_not_hold_is_multiplied_by_onednn():
    other = nn.Linear(64, 96)
    body = nn.Sequential(published(96, 64), other, published(96, 64, seed=1))
    use_even_products(body, nn.Identity())
    assert [isinstance(vars(layer)["forward"], HalfProduct) for layer in body] == [True, False, True]
    assert other.weight.is_mkldnn


def test_numbers_that_are_not_finite_stay_so():
    linear = published(8, 16)
    use_even_products(nn.Sequential(linear), nn.Identity())
    rows = torch.randn(3, 16)
    rows[1, 5] = float("nan")
    with torch.inference_mode():
        said = linear(rows)
    assert said[1].isnan().all()
    assert said[[0, 2]].isfinite().all()
