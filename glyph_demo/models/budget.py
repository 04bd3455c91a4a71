"""Which precision of a model fits a card with a long document: every byte that is taken has a name. Nothing here needs
torch, so that it can be told before anything is downloaded or loaded. `tests/models/test_budget.py` compares the
formulas with what the tensors of a forward count."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glyph_demo.models.memory import (
    ITEMSIZE,
    PAGE_TOKENS,
    QUANTISED,
    chunk,
    kv_bytes,
    read_bytes,
    weight_bytes,
    work_bytes,
)

ORDER = ("fp16", "int8", "int4")  # the most exact one first

DOCUMENT_TOKENS = 32_768  # visual tokens of the document that there should be room for: 51 pages of 595x842
LEAST_TOKENS = 8_192  # of the shortest document that a whole model is worth loading for: 12 such pages
TURN_TOKENS = 1_024  # of questions and answers behind the document
CONTEXT = 500 << 20  # bytes, an estimate: the CUDA context of a process with its libraries' kernels
FEATURES = 256 << 20  # bytes of page features kept on the device, as `store.device_mb` has it
GRAPHS = 80 << 20  # bytes, an estimate: two CUDA graphs of a document's steps
PATCH = 14  # pixels on a side, where a config does not say
SPARE = 0.05  # of what is left for keys and values, lost to fragmentation
TOWER_PATCHES = 10_240  # of several pages that go through the vision tower at once: four pages of 595x842
EVIDENCE_WEIGHTS = 1 << 25  # attention weights that are looked at together, see decoding/probe.py
_LOGIT_ROWS = 16  # an answer's last token and the longest draft
# Bytes a patch and a number of the tower's width. Most are queries and keys, which are turned in float32; where float16
# is kept from overflowing, the residual stream is float32 too. 38 in 16 bit otherwise.
_TOWER = {"fp32": 76, "fp16": 40}
_DEEP_TOWER = {
    "fp32": 100
}  # the same of Qwen3-VL's, which is not guarded and keeps features of several layers; else 50
_CUT = 7_700  # bytes a patch while a page is cut: its values in float32 twice over, and its pixels in colour


@dataclass(frozen=True, slots=True)
class Shape:
    """What the bytes of a model follow from: how many numbers it has, its text and vision models' parts of config.json,
    the patches of the largest page that its preprocessor settings let in, and whether keys and values are in 8 bits.
    `page_tokens` are those of a full page in the style of its family, with two markers."""

    parameters: int
    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    patches: int
    int8_kv: bool = False
    page_tokens: int = PAGE_TOKENS

    def within(self, image_size: int, int8_kv: bool = False) -> Shape:
        """The same for pages of no more pixels than a square of `image_size` has, which as 0 changes nothing."""
        side = self.vision.get("patch_size", PATCH)
        patches = min(self.patches, (image_size // side) ** 2) if image_size else self.patches
        return replace(self, patches=patches, int8_kv=int8_kv)


# zai-org/Glyph: config.json, and `longest_edge` of preprocessor_config.json: 9,633,792 pixels over two equal frames,
# in patches of 14x14.
GLYPH = Shape(
    10_292_777_472,
    {
        "hidden_size": 4096,
        "num_attention_heads": 32,
        "num_key_value_heads": 2,
        "intermediate_size": 13696,
        "num_hidden_layers": 40,
        "max_position_embeddings": 131072,
        "vocab_size": 151552,
    },
    {"hidden_size": 1536, "depth": 24, "out_hidden_size": 4096},
    24_576,
)


# Of the largest page. The makers' `longest_edge` of preprocessor_config.json is four times as much, and room for one
# such page would take 3.9 GB beside the smallest model; a drawn page has 0.9 million, one of A4 at 200 dpi 3.9.
QWEN_PIXELS = 2048**2


def _qwen3_vl(
    parameters: int, hidden: int, intermediate: int, layers: int, heads: int, tower: Mapping[str, Any]
) -> Shape:
    """Qwen/Qwen3-VL-*-Instruct: config.json, and QWEN_PIXELS in patches of 16x16. A page of 794x1123 has 25 x 35 visual
    tokens."""
    text = {
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "max_position_embeddings": 262144,
        "vocab_size": 151936,
        "tie_word_embeddings": hidden < 4096,
    }
    vision = {**tower, "out_hidden_size": hidden, "patch_size": 16}
    return Shape(parameters, text, vision, QWEN_PIXELS // 16**2, page_tokens=877)


_SMALL_TOWER = {"hidden_size": 1024, "depth": 24, "deepstack_visual_indexes": (5, 11, 17)}
_LARGE_TOWER = {"hidden_size": 1152, "depth": 27, "deepstack_visual_indexes": (8, 16, 24)}

# What is known of models before they are here, by hub id. GLM-4.1V and GLM-4.6V-Flash have Glyph's shape.
SHAPES = {
    "zai-org/Glyph": GLYPH,
    "zai-org/GLM-4.6V-Flash": GLYPH,
    "zai-org/GLM-4.1V-9B-Thinking": GLYPH,
    "Qwen/Qwen3-VL-2B-Instruct": _qwen3_vl(2_127_532_032, 2048, 6144, 28, 16, _SMALL_TOWER),
    "Qwen/Qwen3-VL-4B-Instruct": _qwen3_vl(4_437_815_808, 2560, 9728, 36, 32, _SMALL_TOWER),
    "Qwen/Qwen3-VL-8B-Instruct": _qwen3_vl(8_767_123_696, 4096, 12288, 36, 32, _LARGE_TOWER),
}


# From the one that is trained on pages to the smallest.
PREFERRED = (
    "zai-org/Glyph",
    "Qwen/Qwen3-VL-8B-Instruct",
    "Qwen/Qwen3-VL-4B-Instruct",
    "Qwen/Qwen3-VL-2B-Instruct",
)


def shape_of(model: str) -> Shape:
    """The shape of a model by its hub id; of any other, such as `auto` or a folder, Glyph's."""
    return SHAPES.get(model, GLYPH)


def tower_bytes(vision: Mapping[str, Any], precision: str, patches: int) -> int:
    """The most that the vision tower holds for pages of so many patches, with their cutting."""
    deep = bool(vision.get("deepstack_visual_indexes"))
    each = _DEEP_TOWER.get(precision, 50) if deep else _TOWER.get(precision, 38)
    return patches * (int(vision.get("hidden_size", 0)) * each + _CUT)


def transients(shape: Shape, precision: str, left: int) -> dict[str, int]:
    """What reading and answering hold for a moment, by name, where the weights leave `left` bytes. `pages` and
    `largest page` are the vision tower's, which runs beside the other parts; of those there is one at a time."""
    text = shape.text
    tokens = chunk(text, max(0, left))
    return {
        "pages": tower_bytes(shape.vision, precision, min(TOWER_PATCHES, shape.patches)),
        "largest page": tower_bytes(shape.vision, precision, shape.patches),
        "prefill": work_bytes(text, tokens),
        "evidence": EVIDENCE_WEIGHTS * (ITEMSIZE[precision] + 8),
        "logits": _LOGIT_ROWS * text.get("vocab_size", 0) * (ITEMSIZE[precision] + 4),
    }


def most_at_once(parts: Mapping[str, int]) -> int:
    """The most bytes that `transients` hold together: a page in the tower, and one part of the text model's."""
    return max(parts["pages"], parts["largest page"]) + max(parts["prefill"], parts["evidence"], parts["logits"])


def tokens_that_fit(shape: Shape, precision: str, free: int) -> int:
    """Tokens of a document that fit beside the model, questions and answers apart; 0 where the model does not fit."""
    return tokens_beside(shape, precision, free - weight_bytes(shape.parameters, shape.text, precision))


def tokens_beside(shape: Shape, precision: str, left: int) -> int:
    """`tokens_that_fit` where the weights leave `left` bytes."""
    left -= FEATURES + GRAPHS + most_at_once(transients(shape, precision, left))
    token = kv_bytes(shape.text, precision, shape.int8_kv) + shape.int8_kv * read_bytes(shape.text, precision)
    room = int(max(0, left) * (1 - SPARE)) // token - TURN_TOKENS
    return max(0, min(room, shape.text["max_position_embeddings"]))


@dataclass(frozen=True, slots=True)
class Choice:
    """A precision, or "" where none fits, and the tokens of a document that it leaves room for; and a precision that
    would leave more if torchao were installed, or ""."""

    precision: str
    tokens: int
    with_torchao: str = ""


NOTHING = Choice("", 0)


def choose(shape: Shape, free: int, quantises: bool, names: Sequence[str] = ORDER) -> Choice:
    """The first of `names` that leaves room for DOCUMENT_TOKENS in `free` bytes, else the one that leaves most, if that
    is LEAST_TOKENS. int8 and int4 are taken only where the machine `quantises`."""
    best = _best(shape, free, names)
    if quantises or best.precision not in QUANTISED:
        return best
    plain = _best(shape, free, [name for name in names if name not in QUANTISED])
    return replace(plain, with_torchao=best.precision)


def _best(shape: Shape, free: int, names: Sequence[str]) -> Choice:
    found = [Choice(name, tokens_that_fit(shape, name, free)) for name in names]
    enough = next((choice for choice in found if choice.tokens >= DOCUMENT_TOKENS), None)
    most = max(found, key=lambda choice: choice.tokens, default=NOTHING)
    return enough or (most if most.tokens >= LEAST_TOKENS else NOTHING)


def can_quantise() -> bool:
    """Whether torchao, which int8 and int4 need, is installed."""
    return importlib.util.find_spec("torchao") is not None
