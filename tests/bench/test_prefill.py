"""The prefill benchmark runs to its end on a small model, and counts operations as torch does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.prefill import flops, run
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.settings import Settings
from tests.checkpoints import SHAPES, make_checkpoint


def test_every_length_is_measured(tmp_path, capsys):
    folder = make_checkpoint(tmp_path / "model")
    result = run(replace(Settings(), model=str(folder), cache_dir=str(tmp_path)), (64, 600))
    assert [found["tokens"] for found in result["lengths"]] == [64, 600]
    assert capsys.readouterr().err.count(" of the matrix rate") == 2
    for found in result["lengths"]:
        assert 0 < found["matrix_share"] < 1
        assert found["tokens_per_second"] == pytest.approx(found["tokens"] / found["seconds"], rel=0.1)
        assert found["peak_bytes"] > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_operations_are_those_that_torch_counts(shape, tmp_path):
    model = load_vision_language_model(str(make_checkpoint(tmp_path / "model", shape)), tmp_path).model
    config, n = model.config.get_text_config(), 24
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        rows = model.get_decoder()(input_ids=torch.zeros(1, n, dtype=torch.int64)).last_hidden_state
        model.get_output_embeddings()(rows[:, -1])
    masked = config.num_hidden_layers * 2 * config.hidden_size * n * n  # the half of attention that is left out
    assert flops(config, n) == counter.get_total_flops() - masked
