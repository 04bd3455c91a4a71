from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from glyph_demo import gpu
from glyph_demo.engines import choose_engine
from glyph_demo.gpu import Gpu
from glyph_demo.settings import load_settings


def card(free_gib):
    return Gpu("A card", 150 << 30, free_gib << 30, "580.1", "13.0")


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """Something that has the form of Glyph's checkpoint, where downloads are kept."""
    folder = load_settings().cache_path / "models" / "zai-org--Glyph"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "preprocessor_config.json"):
        (folder / name).write_text("{}")
    save_file({"a": np.zeros(4, np.float32)}, folder / "model.safetensors")
    return folder


def test_without_its_weights_auto_fetches_nothing_and_says_what_would(monkeypatch, weights, tmp_path):
    monkeypatch.setattr(gpu, "gpus", lambda: [card(140)])
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
    ("free_gib", "expected"), [(None, "pocket"), (8, "pocket"), (21, "pocket"), (23, "local"), (140, "local")]
)
def test_auto_takes_the_full_model_where_a_card_has_room_for_it(monkeypatch, weights, free_gib, expected):
    cards = [] if free_gib is None else [card(free_gib)]
    monkeypatch.setattr(gpu, "gpus", lambda: cards)
    choice = choose_engine(load_settings())
    assert not choice.lacks_weights
    assert choice.name == expected
    assert choice.why.en
    assert choice.why.zh


def test_a_named_engine_or_model_is_taken_as_said():
    settings = load_settings()
    assert choose_engine(replace(settings, engine="remote")).name == "remote"
    assert choose_engine(replace(settings, model="a/folder")).name == "local"
