"""Qwen3-VL as transformers has it: patches, positions, features of several layers, chat, what a config decides."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from glyph_demo.decoding.decoder import Decoder
from glyph_demo.models import loader
from glyph_demo.models.chat import Chat
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.precision import Precision, adapt
from glyph_demo.models.qwen3vl import load_preprocessing
from tests.checkpoints import QWEN_SHAPES, QWEN_TEMPLATE, edited, expect_positions_of_transformers, refusal

# As that of the Thinking editions: the thought has begun when the model is to go on.
THINKING = QWEN_TEMPLATE.replace("assistant{{ '\\n' }}", "assistant{{ '\\n<think>\\n' }}")


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(checkpoint_of):
    return checkpoint_of("deep", "qwen3_vl")


@pytest.fixture
def model(folder, tmp_path):
    return load_vision_language_model(str(folder), tmp_path)


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.parametrize("shape", QWEN_SHAPES)
def test_a_page_has_beside_its_embeddings_what_transformers_takes_of_earlier_layers(shape, checkpoint_of, tmp_path):
    folder = checkpoint_of(shape, "qwen3_vl")
    model = load_vision_language_model(str(folder), tmp_path)
    pages = [pixels(140, 112), pixels(98, 210, 3), pixels(61, 200)]
    read = Qwen2VLImageProcessorPil.from_pretrained(folder)([Image.fromarray(p) for p in pages], return_tensors="pt")
    original = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = original.model.get_image_features(**read)
    deep = found.deepstack_features
    assert len(deep) == len(QWEN_SHAPES[shape][9])
    together = model.encode_together([model.preprocess_page(page) for page in pages])
    for i, page in enumerate(pages):
        expected = torch.cat([found.pooler_output[i], *(layer[i] for layer in deep)], dim=-1)
        for encoded in (model.encode(page), together[i]):
            assert (encoded.rows * 2, encoded.columns * 2) == tuple(read["image_grid_thw"][i, 1:].tolist())
            torch.testing.assert_close(encoded.embeds, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(842, 595), (64, 32), (30, 1000), (13, 27), (700, 1300)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_patches_equal_the_image_processor_s_to_the_last_bit(size, channels, folder):
    page, preprocessing = pixels(*size, *channels), load_preprocessing(folder)
    expected = Qwen2VLImageProcessorPil.from_pretrained(folder)([Image.fromarray(page)], return_tensors="pt")
    patches, high, wide = preprocessing.patches(torch.from_numpy(preprocessing.resized(page)))
    assert expected["image_grid_thw"].tolist() == [[1, high, wide]]
    assert torch.equal(patches, expected["pixel_values"])


def test_positions_equal_those_of_transformers(model):
    expect_positions_of_transformers(model)


def test_stop_ids_and_markers_come_from_the_checkpoint(copy, tmp_path):
    with edited(copy / "generation_config.json") as generation, edited(copy / "config.json") as config:
        generation["eos_token_id"] = [307, 308]
        config["text_config"]["eos_token_id"] = 309
    model = load_vision_language_model(str(copy), tmp_path)
    assert model.stop_ids == {307, 308, 309}
    marked = [*model.chat.begin, model.image_id, *model.chat.end]
    assert marked == [config[f"{name}_token_id"] for name in ("vision_start", "image", "vision_end")]


def test_the_chat_is_what_the_template_renders(folder, model):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    messages = [
        {"role": "user", "content": [*[{"type": "image"}] * 2, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": "A page."},
        {"role": "user", "content": [{"type": "text", "text": "第二页?"}]},
    ]
    expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    page = (*model.chat.begin, model.image_id, *model.chat.end)
    turns = [("What is it?", tokenizer.encode("A page."))]
    assert [*model.chat.head, *page * 2, *model.chat.tail(turns, "第二页?")] == expected
    # There is no thought that would have to be kept from it.
    assert [*model.chat.head, *page * 2, *model.chat.tail(turns, "第二页?", thinking=False)] == expected


def test_a_thought_that_the_template_begins_is_ended_where_none_is_wanted(model):
    tokenizer = model.tokenizer
    tokenizer.chat_template = THINKING
    chat = Chat(tokenizer, model.image_id, thinks=False)
    thought = tokenizer.decode(chat.tail([], "Why?"))
    assert thought.endswith("<|im_start|>assistant\n<think>\n")
    assert tokenizer.decode(chat.tail([], "Why?", thinking=False)) == thought + "\n</think>\n\n"


@pytest.mark.parametrize(
    "change",
    [{"mrope_section": [6, 5, 4]}, {"mrope_section": [8, 8]}, {"mrope_interleaved": False}],
    ids=lambda change: str(change),
)
def test_a_config_whose_positions_transformers_would_write_otherwise_is_refused(change, copy, tmp_path):
    with edited(copy / "config.json") as config:
        config["text_config"]["rope_parameters"] |= change
    error = refusal(copy, tmp_path)
    assert error.code == "model_unusable"
    assert "mrope_section" in error.message.en
    assert "mrope_section" in error.message.zh


def test_sections_may_stand_where_the_published_checkpoints_have_them(copy, model, tmp_path):
    with edited(copy / "config.json") as config:
        facts = config["text_config"].pop("rope_parameters")
        config["text_config"] |= {"rope_theta": facts.pop("rope_theta"), "rope_scaling": facts}
    old, new = (
        each.model.model.language_model.rotary_emb for each in (load_vision_language_model(str(copy), tmp_path), model)
    )
    assert torch.equal(old.inv_freq, new.inv_freq)
    assert old.mrope_section == new.mrope_section == [6, 5, 5]


@pytest.mark.parametrize(("kind", "runtime"), [("qwen3_vl", "compiled"), ("qwen3_vl", "onnx"), ("glm_ocr", "mixed")])
def test_a_tower_that_no_graph_is_made_of_is_read_by_eager_and_the_notice_says_why(
    kind, runtime, checkpoint_of, tmp_path
):
    model = load_vision_language_model(str(checkpoint_of("wide", kind)), tmp_path)
    before = model.encode(pixels(112, 112)).embeds
    assert model.prepare_vision("eager", 112, 112, tmp_path) is None
    notice = model.prepare_vision(runtime, 112, 112, tmp_path)
    assert "another vision tower" in notice.en
    assert "视觉塔" in notice.zh
    assert model.vision.runtime == "eager"
    assert torch.equal(model.encode(pixels(112, 112)).embeds, before)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_deep_features_are_added_in_16_bit_too(precision, folder, tmp_path):
    """In fp16 they meet a residual stream in float32."""

    def hidden(precision: Precision, deep: bool = True) -> torch.Tensor:
        model = load_vision_language_model(str(folder), tmp_path, precision=precision)
        decoder, page = Decoder(model.model), model.encode(pixels(200, 84))
        embeds = page.embeds if deep else page.embeds[:, : decoder.config.hidden_size]
        return decoder.extend(decoder.arena(), embeds, model.positions(page.rows, page.columns, 0, 0)).float()

    exact, rounded, without = hidden("fp32"), hidden(precision), hidden("fp32", deep=False)
    assert (rounded - exact).norm() < 0.05 * exact.norm()
    assert (without - exact).norm() > 0.5 * exact.norm()


def test_what_would_not_fit_is_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "room", lambda device: 10**10)
    assert refusal("Qwen/Qwen3-VL-8B-Instruct", tmp_path).code == "model_too_large"
    assert refusal("Qwen/Qwen3-VL-2B-Instruct", tmp_path).code == "model_unreachable", "it is asked for"


def test_what_keeps_float16_safe_changes_no_number_of_float32(model):
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        before = model.model(input_ids=ids).logits
        adapt(model.model, "fp16", torch.device("cpu"))
        torch.testing.assert_close(model.model(input_ids=ids).logits, before, atol=1e-4, rtol=1e-4)
