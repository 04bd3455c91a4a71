from dataclasses import replace

import pytest

from glyph_demo import gpu
from glyph_demo.engines import choose_engine
from glyph_demo.gpu import Gpu
from glyph_demo.settings import load_settings


@pytest.mark.parametrize(
    ("free_gib", "expected"), [(None, "pocket"), (8, "pocket"), (21, "pocket"), (23, "local"), (140, "local")]
)
def test_auto_takes_the_full_model_where_a_card_has_room_for_it(monkeypatch, free_gib, expected):
    cards = [] if free_gib is None else [Gpu("A card", 150 << 30, free_gib << 30, "580.1", "13.0")]
    monkeypatch.setattr(gpu, "gpus", lambda: cards)
    choice = choose_engine(load_settings())
    assert choice.name == expected
    assert choice.why.en
    assert choice.why.zh


def test_a_named_engine_or_model_is_taken_as_said():
    settings = load_settings()
    assert choose_engine(replace(settings, engine="remote")).name == "remote"
    assert choose_engine(replace(settings, model="a/folder")).name == "local"
