"""Random weights in full-size shapes: for measuring speed and memory without a download. What they answer is noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Glm4vConfig, Glm4vForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

from glyph_demo.errors import EngineError, shown
from glyph_demo.models.budget import GLYPH, Shape
from glyph_demo.models.glm4v import check_rope, preprocessing_of
from glyph_demo.models.precision import Pack, widen
from glyph_demo.models.preprocessing import Preprocessing
from glyph_demo.models.vision_language import VisionLanguageModel, named_size

SEED = 0
# In the order of GLM-4.1V-9B-Thinking's tokenizer, where the first of them has the id 151329.
SPECIALS = (
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
    *("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>", "<|image|>", "<|video|>"),
    *("<think>", "</think>", "<answer>", "</answer>", "<|begin_of_box|>", "<|end_of_box|>"),
)
STOPS = ("<|endoftext|>", "<|user|>", "<|observation|>", "</answer>")
TEMPLATE = """[gMASK]<sop>
{%- for message in messages -%}
<|{{ message.role }}|>{{ '\\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for item in message.content -%}
{%- if item.type == 'image' -%}<|begin_of_image|><|image|><|end_of_image|>{%- else -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{{ '\\n' }}{%- endif -%}"""

_ROPE = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5, "mrope_section": [8, 12, 12]}
_MID = {"vocab_size": 20480, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 24}
_MID_VISION = {"depth": 14, "hidden_size": 384, "num_heads": 6, "out_hidden_size": 1024, "intermediate_size": 3072}
SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    # zai-org/Glyph: 10.3 B parameters
    "random:glyph": {"text_config": dict(GLYPH.text), "vision_config": {}},
    # 367 M parameters, 37 M of them vision
    "random:mid": {
        "text_config": {**_MID, "num_attention_heads": 8, "num_key_value_heads": 2},
        "vision_config": _MID_VISION,
    },
    # 2.4 B parameters: the text model of Qwen3-VL-2B, with a head of its own, and a vision tower of its width
    "random:2b": {
        "text_config": {
            "vocab_size": 151936,
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
        },
        "vision_config": {
            "depth": 24,
            "hidden_size": 1024,
            "num_heads": 16,
            "out_hidden_size": 2048,
            "intermediate_size": 4096,
        },
    },
}


def random_shape(source: str, image_size: int = 0) -> Shape:
    """What the bytes of the model of that shape follow from. Raises EngineError `model_missing`."""
    config, _ = _config(source)
    vision: Any = config.vision_config
    with torch.device("meta"):
        model = Glm4vForConditionalGeneration._from_config(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    patches = _preprocessing(image_size).most_patches
    return Shape(parameters, config.get_text_config().to_dict(), vision.to_dict(), patches)


def random_glm4v(
    source: str, device: torch.device, dtype: torch.dtype, image_size: int = 0, pack: Pack | None = None
) -> VisionLanguageModel:
    """The model of that shape, built on the device; `pack` as in the loader. Raises EngineError `model_missing`."""
    config, tokenizer = _config(source)
    check_rope(config.text_config)
    model, sha = build(config, tokenizer, device, dtype, pack), named_size(f"{source}-{SEED}-bf16", image_size)
    return VisionLanguageModel(model, tokenizer, _preprocessing(image_size), sha, random=True)


def _preprocessing(image_size: int) -> Preprocessing:
    return preprocessing_of(Glm4vImageProcessorPil()).within(image_size)


def _config(source: str) -> tuple[Glm4vConfig, PreTrainedTokenizerFast]:
    if source not in SHAPES:
        names = ", ".join(SHAPES)
        raise EngineError(
            "model_missing",
            f"There is no model '{shown(source)}'. With random weights there are: {names}.",
            f"没有模型“{shown(source)}”。可用的随机权重模型：{names}。",
        )
    shape = SHAPES[source]
    vocabulary = shape["text_config"]["vocab_size"]
    tokenizer = byte_tokenizer(first_special=vocabulary - 223)
    text = {**shape["text_config"], "rope_parameters": _ROPE, "max_position_embeddings": 131072}
    config = Glm4vConfig(text_config=text, vision_config=shape["vision_config"], **special_ids(tokenizer))
    return config, tokenizer


def build(
    config: Glm4vConfig, tokenizer: Any, device: torch.device, dtype: torch.dtype, pack: Pack | None = None
) -> Any:
    """A model with random weights, straight on the device. As published ones they are 16 bits long."""
    state = torch.random.get_rng_state()
    torch.manual_seed(SEED)
    try:
        with torch.device(device):
            drawn = torch.bfloat16 if dtype == torch.float32 else dtype
            model = Glm4vForConditionalGeneration._from_config(config, dtype=drawn)
    finally:
        torch.random.set_rng_state(state)
    if drawn != dtype:
        widen(model, pack)
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(list(STOPS))
    return model


def byte_tokenizer(
    first_special: int, template: str = TEMPLATE, specials: Sequence[str] = SPECIALS
) -> PreTrainedTokenizerFast:
    """A tokenizer that takes text byte by byte, ids 0 to 255, and says made-up words for the ids up to
    `first_special`, where the special tokens begin, `<|endoftext|>` among them."""
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"Ġ{i}" for i in range(256, first_special))]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    plain = {"<think>", "</think>", "<answer>", "</answer>"}
    tokenizer.add_tokens([AddedToken(name, special=name not in plain, normalized=False) for name in specials])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def special_ids(tokenizer: Any) -> dict[str, Any]:
    """The ids that a Glm4vConfig names."""
    names = {
        "image_token_id": "<|image|>",
        "image_start_token_id": "<|begin_of_image|>",
        "image_end_token_id": "<|end_of_image|>",
        "video_token_id": "<|video|>",
        "video_start_token_id": "<|begin_of_video|>",
        "video_end_token_id": "<|end_of_video|>",
    }
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}
