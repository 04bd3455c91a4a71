"""A checkpoint that lacks a tensor its config asks for is refused, and the tensor named; one that has more is used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from glyph_demo.models.loader import load_vision_language_model
from tests.checkpoints import make_checkpoint, refusal

Tensors = dict[str, torch.Tensor]
GATE = "model.language_model.layers.0.mlp.gate_up_proj.weight"
QUERY = "model.language_model.layers.1.self_attn.q_proj.weight"
PATCHES = "model.visual.patch_embed.proj.weight"


@pytest.fixture
def changed(checkpoint, tmp_path):
    """A copy whose tensors went through a function."""

    def change(how: Callable[[Tensors], object]) -> Path:
        folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
        tensors = load_file(folder / "model.safetensors")
        how(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return change


FAULTS: dict[str, tuple[Callable[[Tensors], object], str, str]] = {
    "rows cut off": (lambda t: t.update({GATE: t[GATE][:-8].clone()}), GATE, "(184, 64), and config.json asks for"),
    "another rank": (lambda t: t.update({QUERY: t[QUERY].flatten()}), QUERY, "(4096,), and config.json asks for (64"),
    "in the tower": (lambda t: t.update({PATCHES: t[PATCHES][..., 1:].clone()}), PATCHES, "config.json asks for"),
    "left out": (lambda t: t.pop(QUERY), QUERY, "has no tensor"),
    "the head left out": (lambda t: t.pop("lm_head.weight"), "lm_head.weight", "has no tensor"),
    "whole numbers": (lambda t: t.update({QUERY: t[QUERY].to(torch.int64)}), QUERY, "type I64; only BF16, F16, F32"),
    "8 bits": (lambda t: t.update({QUERY: t[QUERY].to(torch.float8_e4m3fn)}), QUERY, "type F8_E4M3; only"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_tensor_is_named_and_what_is_wrong_with_it(fault, changed, tmp_path):
    how, name, wrong = FAULTS[fault]
    error = refusal(changed(how), tmp_path)
    assert error.code == "model_unusable"
    assert wrong in error.message.en
    for text in (error.message.en, error.message.zh):
        assert name in text


def test_a_tensor_that_the_index_promises_and_no_file_has_is_named(tmp_path):
    folder = make_checkpoint(tmp_path / "model", shard="200KB")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shard = folder / index["weight_map"][QUERY]
    tensors = load_file(shard)
    del tensors[QUERY]
    save_file(tensors, shard, metadata={"format": "pt"})
    assert QUERY in refusal(folder, tmp_path).message.en


def test_tensors_that_the_model_has_no_use_for_are_left_out_with_a_notice(changed, tmp_path):
    def more(tensors: Tensors) -> None:
        tensors.update({name.replace("layers.0.", "layers.3."): tensors[name].clone() for name in list(tensors)})

    model = load_vision_language_model(str(changed(more)), tmp_path)
    (notice,) = model.notices
    extra = sorted(
        name.replace("layers.0.", "layers.3.")
        for name in model.model.state_dict()
        if "language_model.layers.0." in name
    )
    for text in notice:
        assert str(len(extra)) in text
        assert extra[0] in text
        assert extra[-1] not in text


def test_buffers_that_older_writers_kept_do_no_harm(changed, tmp_path):
    def old(tensors: Tensors) -> None:
        tensors["model.language_model.rotary_emb.inv_freq"] = torch.ones(8)
        tensors["model.visual.embeddings.position_ids"] = torch.arange(64)

    assert not load_vision_language_model(str(changed(old)), tmp_path).notices
