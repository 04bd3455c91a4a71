"""Small checkpoints in the exact format of the hub: random weights, drawn wide so that argmax is decisive."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm46VConfig,
    Glm46VForConditionalGeneration,
    GlmgaConfig,
    GlmOcrConfig,
    GlmOcrForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.glmga.image_processing_pil_glmga import GlmgaImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from glyph_demo.errors import EngineError
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.random import SPECIALS, STOPS, TEMPLATE, byte_tokenizer, special_ids

FIRST_SPECIAL = 300
VOCABULARY = 336

# As GLM-4.6V's: thinking has a switch, history has an empty thought before every answer.
SWITCH_TEMPLATE = """[gMASK]<sop>
{%- for message in messages -%}
{%- if message.role == 'user' -%}
<|user|>{{ '\\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for item in message.content -%}
{%- if item.type == 'image' -%}<|begin_of_image|><|image|><|end_of_image|>
{%- else -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- if enable_thinking is defined and not enable_thinking -%}/nothink{%- endif -%}
{%- else -%}
<|{{ message.role }}|>{{ '\\n' }}<think></think>{{ '\\n' }}{{ message.content.strip() }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{{ '\\n' }}
{%- if enable_thinking is defined and not enable_thinking -%}<think></think>{{ '\\n' }}{%- endif -%}
{%- endif -%}"""

# As Qwen3-VL-Instruct's: no system message, markers around a page, no thinking.
QWEN_TEMPLATE = """{%- for message in messages -%}
<|im_start|>{{ message.role }}{{ '\\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for item in message.content -%}
{%- if item.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif 'text' in item -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}<|im_end|>{{ '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant{{ '\\n' }}{%- endif -%}"""
QWEN_SPECIALS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<think>", "</think>"),
)
QWEN_STOPS = ("<|im_end|>", "<|endoftext|>")
QWEN_IDS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}

# name: (heads, KV heads, head_dim, layers, rotated share, mrope_section, vision hidden, vision heads, depth)
SHAPES: dict[str, tuple[Any, ...]] = {
    "wide": (4, 2, 16, 3, 0.5, [1, 1, 2], 32, 2, 2),
    "grouped": (8, 1, 8, 2, 1.0, [2, 1, 1], 48, 4, 1),
    "deep": (6, 3, 32, 4, 0.5, [2, 3, 3], 24, 2, 3),
}

# name: (hidden, heads, KV heads, head_dim, layers, mrope_section, vision hidden, vision heads, depth, layers whose
# features are deep ones, tied embeddings)
QWEN_SHAPES: dict[str, tuple[Any, ...]] = {
    "wide": (48, 4, 2, 16, 3, [4, 2, 2], 32, 2, 3, [0, 1], False),
    "grouped": (64, 8, 1, 8, 2, [2, 1, 1], 48, 4, 2, [0], True),
    "deep": (96, 6, 3, 32, 4, [6, 5, 5], 24, 2, 4, [0, 1, 3], False),
}


def config(shape: str, kind: str, tokenizer: Any, context: int) -> Any:
    if kind == "qwen3_vl":
        return qwen_config(shape, tokenizer, context)
    heads, kv_heads, dim, layers, share, sections, vision_hidden, vision_heads, depth = SHAPES[shape]
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": heads * dim,
        "intermediate_size": 96,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": context,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": share,
            "mrope_section": sections,
        },
    }
    vision = {
        "hidden_size": vision_hidden,
        "num_heads": vision_heads,
        "depth": depth,
        "out_hidden_size": heads * dim,
        "intermediate_size": 64,
        "image_size": 112,
    }
    if kind in ("glm46v", "glmga"):
        text["model_type"], vision["model_type"] = "glm4v_text", "glm4v_vision"
    if kind == "glm_ocr":
        text["head_dim"], text["hidden_size"] = dim, heads * dim + 16
        vision["out_hidden_size"] = heads * dim + 16
    cls = {"glm4v": Glm4vConfig, "glm46v": Glm46VConfig, "glmga": GlmgaConfig, "glm_ocr": GlmOcrConfig}[kind]
    return cls(text_config=text, vision_config=vision, **special_ids(tokenizer))


def qwen_config(shape: str, tokenizer: Any, context: int) -> Qwen3VLConfig:
    hidden, heads, kv_heads, dim, layers, sections, *vision, deep, tied = QWEN_SHAPES[shape]
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": 96,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": dim,
        "max_position_embeddings": context,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5000000.0,
            "mrope_section": sections,
            "mrope_interleaved": True,
        },
    }
    tower = dict(zip(("hidden_size", "num_heads", "depth"), vision, strict=True))
    tower |= {"out_hidden_size": hidden, "intermediate_size": 64, "num_position_embeddings": 36}
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in QWEN_IDS.items()}
    tower["deepstack_visual_indexes"] = deep
    return Qwen3VLConfig(text_config=text, vision_config=tower, tie_word_embeddings=tied, **ids)


@contextmanager
def edited(file: Path) -> Iterator[dict[str, Any]]:
    """What a JSON file holds, to be changed in place; written back."""
    content = json.loads(file.read_text())
    yield content
    file.write_text(json.dumps(content))


# kind: (template, special tokens, those that stop, class of the model, class of the image processor)
KINDS: dict[str, tuple[Any, ...]] = {
    "glm4v": (TEMPLATE, SPECIALS, STOPS, Glm4vForConditionalGeneration, Glm4vImageProcessorPil),
    "glm46v": (SWITCH_TEMPLATE, SPECIALS, STOPS, Glm46VForConditionalGeneration, Glm4vImageProcessorPil),
    "glmga": (SWITCH_TEMPLATE, SPECIALS, STOPS, Glm46VForConditionalGeneration, GlmgaImageProcessorPil),
    # GLM-OCR's vocabulary has no thoughts.
    "glm_ocr": (TEMPLATE, SPECIALS[:-6], STOPS[:-1], GlmOcrForConditionalGeneration, Glm4vImageProcessorPil),
    "qwen3_vl": (
        QWEN_TEMPLATE,
        QWEN_SPECIALS,
        QWEN_STOPS,
        Qwen3VLForConditionalGeneration,
        partial(Qwen2VLImageProcessorPil, patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3),
    ),
}


def make_checkpoint(
    folder: Path,
    shape: str = "wide",
    kind: str = "glm4v",
    seed: int = 0,
    context: int = 4096,
    std: float = 0.15,
    shard: str = "1GB",
    longest_edge: int = 28 * 28 * 15000,
    quiet: bool = True,
    stored: torch.dtype = torch.float32,
) -> Path:
    """Write weights, config, generation config, tokenizer, template and preprocessor settings into `folder`. The
    weights are numbers of bfloat16, as published ones, and `stored` is what they are written as."""
    template, specials, stops, cls, read_by = KINDS[kind]
    tokenizer = byte_tokenizer(FIRST_SPECIAL, template, specials)
    ends = tokenizer.convert_tokens_to_ids(list(stops))
    model = cls(config(shape, kind, tokenizer, context))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                # Deep features are drawn wider still, so that an answer tells when one of them is missing.
                weight.normal_(0.0, 3 * std if "deepstack" in name else std, generator=generator)
            elif name.endswith(("q_norm.weight", "k_norm.weight")):
                weight.normal_(1.0, 0.3, generator=generator)
            elif name.endswith("bias"):
                weight.normal_(0.0, 0.02, generator=generator)
        # Of the special tokens only those that stop are ever said, so that answers are plain text.
        said = set(ends) if quiet else set(range(VOCABULARY))
        model.lm_head.weight[[i for i in range(FIRST_SPECIAL, VOCABULARY) if i not in said]] = 0.0
        for weight in model.parameters():
            weight.copy_(weight.bfloat16())
    model.generation_config.eos_token_id = ends
    model.to(stored).save_pretrained(folder, max_shard_size=shard)
    tokenizer.save_pretrained(folder)
    read_by(size={"shortest_edge": 112 * 112, "longest_edge": longest_edge}).save_pretrained(folder)
    return folder


def refusal(folder: Path | str, cache: Path) -> EngineError:
    """The error that loading a model raises; its messages end as sentences do in both languages."""
    with pytest.raises(EngineError) as caught:
        load_vision_language_model(str(folder), cache)
    assert caught.value.message.en.endswith(".")
    assert caught.value.message.zh.endswith("。")
    return caught.value


def expect_positions_of_transformers(model: Any) -> None:
    """A page's positions, of several sizes, are those of transformers' model, and so is what follows it."""
    (begin,), image, (end,) = model.chat.begin, model.image_id, model.chat.end
    for rows, columns in [(1, 1), (3, 5), (7, 2)]:
        ids = torch.tensor([[begin, *[image] * (rows * columns), end, 5]])
        grid = torch.tensor([[1, rows * 2, columns * 2]])
        expected, _ = model.model.model.get_rope_index(ids, (ids == image).int(), grid)
        ours = model.positions(rows, columns)
        assert torch.equal(ours, expected[:, 0, :-1])
        assert int(ours.max()) + 1 == int(expected[0, 0, -1])
