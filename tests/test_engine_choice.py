import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from glyph_demo import gpu
from glyph_demo.engines import choose_engine
from glyph_demo.gpu import Gpu
from glyph_demo.models import budget
from glyph_demo.settings import load_settings


@pytest.fixture
def card(monkeypatch):
    """A function that puts a card into the machine: its GiB, those that other programs use, whether torchao is there,
    and whether torch can use the card."""

    def put(total, used=0.3, torchao=True, cuda=True):
        free = int((total - used) * 2**30)
        monkeypatch.setattr(gpu, "gpus", lambda: [Gpu("A card", total << 30, free, "570.86", "12.8")])
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(budget, "can_quantise", lambda: torchao)

    return put


@pytest.fixture(autouse=True)
def weights(monkeypatch, tmp_path):
    """Something that has the form of Glyph's checkpoint, where downloads are kept."""
    folder = load_settings().cache_path / "models" / "zai-org--Glyph"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "preprocessor_config.json"):
        (folder / name).write_text("{}")
    save_file({"a": np.zeros(4, np.float32)}, folder / "model.safetensors")
    return folder


def test_without_its_weights_auto_fetches_nothing_and_says_what_would(card, monkeypatch, weights, tmp_path):
    card(150, 10)
    monkeypatch.setenv("HOME", str(tmp_path))
    (weights / "model.safetensors").unlink()
    choice = choose_engine(load_settings())
    assert choice.name == "pocket"
    assert choice.lacks_weights
    for text in choice.why:
        assert "20.6 GB" in text
        assert "python -m glyph_demo download" in text
    assert choose_engine(replace(load_settings(), engine="local")).name == "local", "naming it counts as asking for it"


@pytest.mark.parametrize(
    ("total", "used", "expected"),
    [
        (8, 0.3, ""),
        (12, 0.3, "int4"),
        (12, 0.8, "int4"),
        (12, 4, ""),
        (16, 0.3, "int8"),
        (16, 0.8, "int4"),
        (16, 8, ""),
        (24, 0.3, "fp16"),
        (24, 0.8, "int8"),
        (24, 9, "int4"),
        (24, 20, ""),
        (48, 0.3, "fp16"),
        (48, 25, "int8"),
        (80, 0.3, "fp16"),
        (80, 70, ""),
    ],
)
def test_auto_takes_the_most_exact_model_that_leaves_room_for_a_long_document(card, total, used, expected):
    card(total, used)
    choice = choose_engine(load_settings())
    assert choice.name == ("local" if expected else "pocket")
    for said in (choice.why.en, choice.why.zh):
        assert f"{total - used:.1f} GiB" in said
        assert (expected or "fp16/int8/int4") in said


@pytest.mark.parametrize(("total", "used", "expected"), [(12, 0.3, "pocket"), (16, 0.3, "pocket"), (24, 0.8, "local")])
def test_without_torchao_it_says_what_would_fit_with_it(card, total, used, expected):
    card(total, used, torchao=False)
    choice = choose_engine(load_settings())
    assert not choice.lacks_weights
    assert choice.name == expected
    for said in (choice.why.en, choice.why.zh):
        assert "pip install torchao" in said
        assert ("int4" if total == 12 else "int8") in said


def test_a_precision_a_limit_and_an_image_size_of_the_settings_count(card):
    card(24, 0.3)
    assert "int8" in choose_engine(load_settings(environment=os.environ, flags={"inference.precision": "int8"})).why.en
    assert choose_engine(load_settings(environment=os.environ, flags={"inference.precision": "fp32"})).name == "pocket"
    assert (
        "int4" in choose_engine(load_settings(environment=os.environ, flags={"inference.memory_limit_gb": 13})).why.en
    )
    card(24, 0.8)
    assert "fp16" in choose_engine(load_settings(environment=os.environ, flags={"inference.image_size": 512})).why.en


@pytest.mark.parametrize(("built", "said"), [(None, "no CUDA"), ("13.0", "580"), ("12.8", "525"), ("99.1", "99.1")])
def test_a_card_that_torch_cannot_use_is_left_alone_with_what_to_do(card, monkeypatch, built, said):
    card(24, cuda=False)
    monkeypatch.setattr(torch.version, "cuda", built)
    choice = choose_engine(load_settings())
    assert choice.name == "pocket"
    assert said in choice.why.en
    for text in (choice.why.en, choice.why.zh):
        assert "570.86" in text
        assert "bash launch.sh" in text


def test_a_torch_that_does_not_load_is_one_without_cuda(card, monkeypatch):
    card(24)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_engine(load_settings()).name == "pocket"


def test_without_a_card_torch_is_not_asked(monkeypatch):
    monkeypatch.setattr(gpu, "gpus", list)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "No NVIDIA GPU" in choose_engine(load_settings()).why.en


def test_a_named_engine_or_model_is_taken_as_said():
    settings = load_settings()
    assert choose_engine(replace(settings, engine="remote")).name == "remote"
    assert choose_engine(replace(settings, model="a/folder")).name == "local"
