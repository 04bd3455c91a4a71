"""A family of models is added by one entry: here Qwen2-VL's, which differs from Glyph's in layers, tower, preprocessor,
image token and markers, M-RoPE sections and template."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Notice
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.models.families import FAMILIES
from glyph_demo.models.family import Family
from glyph_demo.models.preprocessing import Preprocessing
from glyph_demo.models.random import byte_tokenizer
from glyph_demo.rendering import resolve_style
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Rendering, Settings
from tests.answers import joined
from tests.engines.local import opened, page

MODELS = Path(__file__).parents[2] / "docs" / "models.md"
BEGIN, IMAGE, END, STOP = "<|begin_of_box|>", "<|video|>", "<|end_of_box|>", "<|observation|>"
TEMPLATE = """{%- for message in messages -%}
<|system|>{{ message.role }}{{ '\\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for item in message.content -%}
{%- if item.type == 'image' -%}BEGINIMAGEEND{%- else -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}<|user|>{{ '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}<|system|>assistant{{ '\\n' }}{%- endif -%}"""
PLAIN = AskOptions(max_new_tokens=8, repetition_penalty=1.0)


def load_preprocessing(folder: Path) -> Preprocessing:
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    low, high = processor.size["shortest_edge"], processor.size["longest_edge"]
    factor = processor.patch_size * processor.merge_size
    return Preprocessing.of(processor, partial(smart_resize, factor=factor, min_pixels=low, max_pixels=high))


@pytest.fixture
def folder(tmp_path):
    words = byte_tokenizer(260, TEMPLATE.replace("BEGIN", BEGIN).replace("IMAGE", IMAGE).replace("END", END))
    ids = words.convert_tokens_to_ids
    text = {"vocab_size": len(words), "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096}
    text |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}
    text |= {"bos_token_id": None, "eos_token_id": ids(STOP)}
    vision = {"depth": 2, "embed_dim": 32, "num_heads": 2, "mlp_ratio": 2, "hidden_size": 64, "patch_size": 8}
    config = Qwen2VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids(IMAGE),
        video_token_id=ids("<|image|>"),
        vision_start_token_id=ids(BEGIN),
        vision_end_token_id=ids(END),
    )
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, 0.15)
        model.lm_head.weight[260:] = 0.0
    model.generation_config.eos_token_id = [ids(STOP)]
    model.save_pretrained(tmp_path / "model")
    words.save_pretrained(tmp_path / "model")
    sizes = {"shortest_edge": 32 * 32, "longest_edge": 1024 * 1024}
    Qwen2VLImageProcessorPil(size=sizes, patch_size=8, merge_size=2).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def from_scratch(folder: Path, engine: LocalEngine, pages: list[Page], turns: list[tuple[str, list[int]]]) -> list[int]:
    """transformers' own greedy answer to the last question."""
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
    read = processor([Image.fromarray(page.pixels) for page in pages], return_tensors="pt")
    chat, image = engine.model.chat, engine.model.image_id
    ids = list(chat.head)
    for grid in read["image_grid_thw"]:
        ids += [*chat.begin, *[image] * (int(grid.prod()) // 4), *chat.end]
    prompt = torch.tensor([ids + chat.tail(turns[:-1], turns[-1][0])])
    model: Any = Qwen2VLForConditionalGeneration.from_pretrained(folder).eval()
    said = model.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        mm_token_type_ids=(prompt == image).int(),
        **read,
        max_new_tokens=PLAIN.max_new_tokens,
        do_sample=False,
        eos_token_id=engine.model.tokenizer.convert_tokens_to_ids(STOP),
    )
    return [i for i in said[0, prompt.shape[1] :].tolist() if i not in engine.model.stop_ids]


def test_one_entry_adds_a_family_that_answers_as_transformers(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(FAMILIES, "qwen2_vl", Family(load_preprocessing))
    engine = LocalEngine(Settings(model=str(folder), cache_dir=str(tmp_path)), kv_bytes=1 << 26)
    assert engine.model.tokenizer.decode([*engine.model.chat.begin, engine.model.image_id]) == BEGIN + IMAGE
    pages = [page(0, 112, 80), page(1, 60, 230), page(2, 200, 84)]
    document = opened(engine, pages)
    history: tuple[Turn, ...] = ()
    asked: list[tuple[str, list[int]]] = []
    for question in ("What is it?", "第二个问题", "why"):
        events = list(document.answer(question, history, PLAIN))
        assert not history or not any(isinstance(event, Notice) for event in events)
        answer = joined(events)
        expected = from_scratch(folder, engine, pages, [*asked, (question, [])])
        assert list(document.answer_ids(answer)) == expected
        assert len(expected) > 2
        history += (Turn(question, answer),)
        asked.append((question, expected))


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_documentation_says_how_pages_look_for_each_family_and_how_many_tokens_they_take(kind, checkpoint_of):
    (row,) = (line for line in MODELS.read_text("utf-8").splitlines() if line.startswith("|") and f"`{kind}`" in line)
    style = resolve_style(Rendering(), "", FAMILIES[kind].page_style)
    width, height = style.page_pixels
    reads = FAMILIES[kind].load_preprocessing(checkpoint_of("wide", kind))
    assert f"`{style.name}`" in row
    assert f"{width}x{height}, {style.dpi} dpi" in row
    assert f"| {reads.patch}, {reads.patch * reads.merge} px |" in row
    assert f"| {reads.page_tokens(height, width):,} |" in row
