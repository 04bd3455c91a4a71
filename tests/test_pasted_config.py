"""The settings file of another deployment works as it is, and `doctor --config` says what became of it."""

import pytest

from glyph_demo.errors import SettingsError
from glyph_demo.pasted_config import effects
from glyph_demo.settings import file_values, load_settings

PASTED = """inference:
  batch_size: 4
  precision: "FP16"
  image_size: 512
  use_torch_compile: true
  max_new_tokens: 128
"""


def test_it_works_as_it_is(save):
    inference = load_settings(save("c.yaml", PASTED), {}).inference
    assert (inference.max_batch_size, inference.precision, inference.image_size) == (4, "fp16", 512)
    assert (inference.vision, inference.decode, inference.max_new_tokens) == ("compiled", "auto", 128)
    plain = load_settings(save("d.yaml", PASTED.replace("true", "false")), {}).inference
    assert (plain.vision, plain.decode) == ("eager", "eager")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("half", "fp16"), ("bfloat16", "bf16"), ("torch.float32", "fp32"), ("INT8", "int8"), ("auto", "auto")],
)
def test_precisions_may_have_the_names_that_torch_gives_them(save, said, meant):
    assert load_settings(save("c.yaml", f"inference: {{precision: {said}}}"), {}).inference.precision == meant


def test_a_key_of_this_app_wins_over_one_that_means_the_same(save):
    config = save("c.yaml", "inference: {max_batch_size: 2, batch_size: 8}")
    assert load_settings(config, {}).inference.max_batch_size == 2
    (_, theirs) = effects(file_values(config), "local")
    assert "wins" in theirs.what.en
    assert "为准" in theirs.what.zh


@pytest.mark.parametrize(
    "line", ["batch_size: many", "use_torch_compile: maybe", "image_size: [512, 512]", "batchsize: 4", "kv: int4"]
)
def test_what_cannot_be_used_is_refused_as_ever(save, line):
    with pytest.raises(SettingsError):
        load_settings(save("c.yaml", f"inference: {{{line}}}"), {})


def test_nothing_is_said_to_be_ignored_where_it_is_used(save):
    assert not any("ignored" in effect.what.en for effect in effects(file_values(save("c.yaml", PASTED)), "local"))
