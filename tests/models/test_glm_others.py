"""What GLM-GA and GLM-OCR have of their own beside Glyph."""

import shutil
from pathlib import Path

import pytest

from glyph_demo.models import glm4v, glmga
from glyph_demo.models.loader import load_vision_language_model
from tests.checkpoints import edited, refusal


@pytest.fixture
def copy(checkpoint_of, tmp_path):
    return lambda kind: Path(shutil.copytree(checkpoint_of("wide", kind), tmp_path / kind))


@pytest.mark.parametrize("size", [(842, 595), (50, 40), (300, 1000)])
def test_sides_of_a_page_for_glm_ga_are_multiples_of_as_many_merged_patches_as_its_settings_say(size, copy):
    folder = copy("glmga")
    assert glmga.load_preprocessing(folder).fitting_size(*size) == glm4v.load_preprocessing(folder).fitting_size(*size)
    with edited(folder / "preprocessor_config.json") as settings:
        settings["patch_expand_factor"] = 3
    height, width = glmga.load_preprocessing(folder).fitting_size(*size)
    assert height % (3 * 28) == width % (3 * 28) == 0
    assert abs(height - size[0]) <= 42 or min(size) < 84


def test_heads_of_glm_ocr_are_as_wide_as_its_config_says_and_sections_have_to_fit_them(copy, tmp_path):
    folder = copy("glm_ocr")
    text = load_vision_language_model(str(folder), tmp_path).model.config.text_config
    assert text.head_dim != text.hidden_size // text.num_attention_heads
    with edited(folder / "config.json") as config:
        config["text_config"]["rope_parameters"]["mrope_section"] = [1, 1, 1]
    error = refusal(folder, tmp_path)
    assert error.code == "model_unusable"
    assert "mrope_section" in error.message.en


def test_glm_ocr_is_given_no_thought(copy, tmp_path):
    chat = load_vision_language_model(str(copy("glm_ocr")), tmp_path).chat
    assert chat.tail([], "Text Recognition:", thinking=False) == chat.tail([], "Text Recognition:")
