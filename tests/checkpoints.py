"""Small checkpoints in the exact format of the hub: random weights, drawn wide so that argmax is decisive."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Glm4vConfig, Glm4vForConditionalGeneration, Glm46VConfig, Glm46VForConditionalGeneration
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

from glyph_demo.errors import EngineError
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.random import STOPS, TEMPLATE, byte_tokenizer, special_ids

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

# name: (heads, KV heads, head_dim, layers, rotated share, mrope_section, vision hidden, vision heads, depth)
SHAPES: dict[str, tuple[Any, ...]] = {
    "wide": (4, 2, 16, 3, 0.5, [1, 1, 2], 32, 2, 2),
    "grouped": (8, 1, 8, 2, 1.0, [2, 1, 1], 48, 4, 1),
    "deep": (6, 3, 32, 4, 0.5, [2, 3, 3], 24, 2, 3),
}


def config(shape: str, kind: str, tokenizer: Any, context: int) -> Any:
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
    cls = Glm46VConfig if kind == "glm46v" else Glm4vConfig
    if kind == "glm46v":
        text["model_type"], vision["model_type"] = "glm4v_text", "glm4v_vision"
    return cls(text_config=text, vision_config=vision, **special_ids(tokenizer))


@contextmanager
def edited(file: Path) -> Iterator[dict[str, Any]]:
    """What a JSON file holds, to be changed in place; written back."""
    content = json.loads(file.read_text())
    yield content
    file.write_text(json.dumps(content))


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
) -> Path:
    """Write weights, config, generation config, tokenizer, template and preprocessor settings into `folder`."""
    tokenizer = byte_tokenizer(FIRST_SPECIAL, SWITCH_TEMPLATE if kind == "glm46v" else TEMPLATE)
    cls = Glm46VForConditionalGeneration if kind == "glm46v" else Glm4vForConditionalGeneration
    model = cls(config(shape, kind, tokenizer, context))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, std, generator=generator)
            elif name.endswith("bias"):
                weight.normal_(0.0, 0.02, generator=generator)
        # Of the special tokens only those that stop are ever said, so that answers are plain text.
        said = set(tokenizer.convert_tokens_to_ids(list(STOPS))) if quiet else set(range(VOCABULARY))
        model.lm_head.weight[[i for i in range(FIRST_SPECIAL, VOCABULARY) if i not in said]] = 0.0
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(list(STOPS))
    model.save_pretrained(folder, max_shard_size=shard)
    tokenizer.save_pretrained(folder)
    processor = Glm4vImageProcessorPil(size={"shortest_edge": 112 * 112, "longest_edge": longest_edge})
    processor.save_pretrained(folder)
    return folder


def refusal(folder: Path | str, cache: Path) -> EngineError:
    """The error that loading a model raises; its messages end as sentences do in both languages."""
    with pytest.raises(EngineError) as caught:
        load_vision_language_model(str(folder), cache)
    assert caught.value.message.en.endswith(".")
    assert caught.value.message.zh.endswith("。")
    return caught.value
