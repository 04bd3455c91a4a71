"""What a row is multiplied to does not depend on the rows beside it, to the last bit."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from glyph_demo.decoding import products
from glyph_demo.decoding.products import available, use_even_products, use_plain_products

pytestmark = pytest.mark.skipif(not available(), reason="only x86 has these kernels")
ROOT = Path(products.__file__).parents[2]
SHAPES = [(1024, 3072), (256, 1024), (97, 33), (64, 64)]  # BLAS and oneDNN split long sums in their own ways


def even(outputs, inputs, bias=True):
    torch.manual_seed(0)
    linear = nn.Linear(inputs, outputs, bias)
    before = linear.weight.detach().clone()
    use_even_products(nn.Sequential(linear), nn.Identity())
    return linear, before


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_is_what_it_is_alone_and_what_it_should_be(shape, threads):
    linear, weight = even(*shape)
    rows, alone = alone_as_beside_others(linear, (1, 2, 3, 4, 8, 9, 64, 300))
    torch.testing.assert_close(alone, nn.functional.linear(rows, weight, linear.bias), atol=1e-5, rtol=1e-4)


def alone_as_beside_others(linear, counts):
    """300 rows, and what each is multiplied to alone, which is what it is as one of so many."""
    rows = torch.randn(300, linear.in_features)
    with torch.inference_mode():
        alone = torch.cat([linear(row[None]) for row in rows])
        for count in counts:
            assert torch.equal(linear(rows[300 - count :]), alone[300 - count :]), count
        assert torch.equal(linear(rows.view(3, 100, -1)), alone.view(3, 100, -1))
    return rows, alone


@pytest.fixture
def anew(monkeypatch):
    """What is soonest is tried anew."""
    monkeypatch.setattr(products, "_ROWS", {})


def shared():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Embedding(97, 33))
    head = nn.Linear(33, 97, bias=False)
    head.weight = body[0].weight
    use_even_products(body, head)
    return head


@pytest.mark.parametrize("make", [lambda: even(97, 33)[0], shared])
@pytest.mark.parametrize("soonest", products.FEW)
def test_rows_are_the_same_whatever_is_soonest_here(make, soonest, anew, monkeypatch):
    monkeypatch.setattr(products, "_seconds", lambda rows, linears: abs(len(rows) - soonest) + 1.0)
    linear = make()
    rows = torch.randn(40, 33)
    with torch.inference_mode():
        alone = torch.cat([linear(row[None]) for row in rows])
        for count in (2, 3, 5, 16, 40):
            assert torch.equal(linear(rows[:count]), alone[:count]), count
    assert set(products._ROWS.values()) <= set(products.FEW)


def test_weights_of_zeros_choose_for_nobody(anew):
    linear = nn.Linear(33, 97)
    nn.init.zeros_(linear.weight)
    use_even_products(nn.Sequential(linear), linear)  # a head that is in the body is one layer
    assert products._ROWS == {}
    with torch.inference_mode():
        assert torch.equal(linear(torch.randn(1, 33))[0], linear.bias)


def test_weights_that_embeddings_share_stay_where_they_are():
    body = nn.Sequential(nn.Embedding(40, 16), nn.Linear(16, 16))
    head = nn.Linear(16, 40, bias=False)
    head.weight = body[0].weight
    use_even_products(body, head)
    assert head.weight is body[0].weight
    assert not head.weight.is_mkldnn
    rows = torch.randn(9, 16)
    with torch.inference_mode():
        assert torch.equal(head(rows)[:1], head(rows[:1]))


def test_it_can_be_asked_for_again_and_taken_back():
    linear, before = even(40, 24)
    weight = linear.weight
    use_even_products(nn.Sequential(linear), nn.Identity())
    assert linear.weight is weight
    use_plain_products(nn.Sequential(linear), nn.Identity())
    assert torch.equal(linear.weight, before)
    assert "forward" not in vars(linear)


def test_layers_in_other_types_are_left_alone():
    linear = nn.Linear(16, 16, dtype=torch.bfloat16)
    use_even_products(nn.Sequential(linear), nn.Identity())
    assert "forward" not in vars(linear)


def test_a_processor_without_avx512_gives_equal_rows_too():
    """oneDNN takes other kernels there, which this machine can show if it has the newer ones."""
    asked = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    assert passed_where(__file__, "every_row or share", asked, ONEDNN_MAX_CPU_ISA="AVX2") != "AVX512"


def passed_where(file, tests, asked, **older):
    """Some tests of a file pass in a process that takes this processor for an older one. What `asked` says there."""
    there = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2", **older}
    run = partial(subprocess.run, env=there, cwd=ROOT, capture_output=True, text=True, check=False)
    ran = run([sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", file, "-k", tests])
    assert ran.returncode == 0, ran.stdout[-3000:]
    return run([sys.executable, "-c", asked]).stdout.strip()
