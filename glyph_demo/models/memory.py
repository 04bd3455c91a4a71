"""What a Glyph model takes: weights, keys and values, and what a forward holds besides; and what of it fits, told
before anything is loaded. Counts follow from config.json; nothing here needs torch."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glyph_demo.errors import EngineError

PAGE_TOKENS = 632  # a page of 595x842, the size Glyph was trained on: 21 x 30 visual tokens and two markers
QUANTISED = ("int8", "int4")
ITEMSIZE = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 2, "int4": 2}  # of activations, and of what is not quantised
INT4_GROUP = 128  # weights that share a scale; divides every width of Glyph's text model (4096, 13696)
KV_BLOCK = 64  # keys, see decoding/layers.py
LARGE = 10**9  # parameters
PROCESSOR = Path("/proc/cpuinfo")
CHUNKS = (4096, 2048, 1024, 512)  # tokens a prefill forward
_WORK_SHARE = 0.1  # of what the weights leave, for a forward
_SPARE = 0.05  # of the same, for what an allocator cannot hand out in one piece


def on_processor(parameters: int) -> Literal["bf16", "fp32"]:
    """The precision that `auto` means for a model on a processor: bfloat16 for a large one where there are products for
    it, which take less memory, and less time for pages (docs/models.md); else float32."""
    return "bf16" if parameters >= LARGE and multiplies_bfloat16() else "fp32"


def multiplies_bfloat16() -> bool:
    """Whether this is an x86 processor with products in bfloat16, as far as Linux tells."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(_flags() or ())


def keeps_halves(decode: str = "auto") -> bool:
    """Whether float32 weights of the text model that came in 16 bits are kept in them, on this processor
    (decoding/halves.py), where steps are run by the runtime `decode`: a compiler reads float32."""
    flags = _flags()
    return platform.machine() in ("x86_64", "AMD64") and (flags is None or "avx2" in flags) and decode != "compiled"


def _flags() -> list[str] | None:
    """What Linux says that the processor can do; None elsewhere."""
    try:
        with PROCESSOR.open(encoding="utf-8", errors="replace") as lines:
            return next((line.split() for line in lines if line.startswith("flags")), [])
    except OSError:
        return None


def weight_bytes(parameters: int, text: Mapping[str, Any], precision: str, halves: bool = False) -> int:
    """Bytes of `parameters` weights in a resolved `precision`, when `text` is the text model's part of config.json.
    With `halves`, of float32 those that products read are kept in 16 bits; what embeddings share is there twice."""
    layers = text["num_hidden_layers"] * layer_numbers(text)
    if halves and precision == "fp32":
        head = text["vocab_size"] * text["hidden_size"]
        others = parameters - layers - (0 if text.get("tie_word_embeddings") else head)
        return int(4 * others + 2 * (layers + head))
    quantised = layers if precision in QUANTISED else 0
    each = 1.0 if precision == "int8" else 0.5 + 4 / INT4_GROUP  # a group has a scale and a zero in 16 bit
    return int((parameters - quantised) * ITEMSIZE[precision] + quantised * each)


def layer_numbers(text: Mapping[str, Any]) -> int:
    """Weights of a layer of the text model, norms and biases apart."""
    hidden, heads, kv_heads = text["hidden_size"], text["num_attention_heads"], text["num_key_value_heads"]
    return int(2 * hidden * head_dim(text) * (heads + kv_heads) + 3 * hidden * text["intermediate_size"])


def held_bytes(tensor: Any) -> int:
    """Bytes of a torch tensor, or of the tensors inside a quantised one (torchao), whose own `nbytes` are those of the
    unquantised tensor. One number for all stands for weights that are kept in 16 bits (decoding/halves.py)."""
    if not tensor.is_mkldnn and tensor.numel() > 1 and not any(tensor.stride()):
        return 2 * int(tensor.numel())
    if not hasattr(tensor, "__tensor_flatten__"):
        return int(tensor.nbytes)
    parts = (getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
    return sum(held_bytes(part) for part in parts if part is not None)


def kv_bytes(text: Mapping[str, Any], precision: str, int8: bool = False) -> int:
    """Bytes of keys and values that one token takes. In 8 bits each of them has a scale in float32, and KV_BLOCK keys
    share what their channels reach."""
    heads, dim = text["num_hidden_layers"] * text["num_key_value_heads"], head_dim(text)
    head = 2 * (dim + 4) + dim * ITEMSIZE[precision] / KV_BLOCK if int8 else 2 * dim * ITEMSIZE[precision]
    return math.ceil(heads * head)


def read_bytes(text: Mapping[str, Any], precision: str) -> int:
    """Bytes a token of one layer's keys and values out of 8 bits, which a prefill forward holds."""
    return 2 * int(text["num_key_value_heads"]) * head_dim(text) * ITEMSIZE[precision]


def work_bytes(text: Mapping[str, Any], tokens: int) -> int:
    """The most that a forward over `tokens` holds at a time: in a feed-forward layer the two products and their
    activation, in float32 where float16 is kept from overflowing, and the residual stream."""
    return int(tokens * (20 * text["intermediate_size"] + 24 * text["hidden_size"]))


def chunk(text: Mapping[str, Any], free: int) -> int:
    """Tokens a prefill forward may take where the weights leave `free` bytes."""
    return next((n for n in CHUNKS if work_bytes(text, n) <= _WORK_SHARE * free), CHUNKS[-1])


@dataclass(frozen=True, slots=True)
class Plan:
    """A precision on a device: bytes of weights, bytes to work in, whether both fit with a page, and how many pages of
    595x842 fit."""

    precision: str
    weights: int
    work: int
    fits: bool
    pages: int


def plan(parameters: int, text: Mapping[str, Any], precision: str, free: int, halves: bool = False) -> Plan:
    """What `free` bytes hold of a model of `parameters` weights, see `weight_bytes`."""
    weights = weight_bytes(parameters, text, precision, halves)
    left = max(0, free - weights)
    work = work_bytes(text, chunk(text, left))
    room = max(0, int(left * (1 - _SPARE)) - work) // kv_bytes(text, precision)
    pages = min(room, text["max_position_embeddings"]) // PAGE_TOKENS
    return Plan(precision, weights, work, room >= PAGE_TOKENS, pages)


def check(
    parameters: int,
    text: Mapping[str, Any],
    precision: str,
    free: int,
    others: Sequence[str] = (),
    halves: bool = False,
) -> None:
    """Raises EngineError `model_too_large` where a model in `precision` does not fit into `free` bytes with a page. It
    names the first of the precisions `others` that does."""
    wanted = plan(parameters, text, precision, free, halves)
    if not wanted.fits:
        fits = (found for found in (plan(parameters, text, name, free) for name in others) if found.fits)
        raise too_large(wanted, free, next(fits, None))


def too_large(wanted: Plan, free: int, instead: Plan | None = None) -> EngineError:
    need, work, have = (f"{nbytes / 1e9:.1f} GB" for nbytes in (wanted.weights, wanted.work, free))
    if instead is None:
        what = (
            "Close other programs, or choose a smaller model under Settings → Model (on the command line: --model, "
            "--engine pocket)."
        )
        how = "请关闭其他程序，或在“设置 → 模型”中选择更小的模型（命令行：--model、--engine pocket）。"
    else:
        size = f"{instead.weights / 1e9:.1f} GB"
        what = (
            f"In {instead.precision} it takes {size}, with room for {instead.pages} pages: "
            f"choose it under Settings → Precision (on the command line: --precision {instead.precision})."
        )
        how = (
            f"{instead.precision} 只需 {size}，可容纳 {instead.pages} 页：请在“设置 → 精度”中选择"
            f"（命令行：--precision {instead.precision}）。"
        )
    return EngineError(
        "model_too_large",
        f"In {wanted.precision} the model needs {need}, and {work} to work in; {have} are free. {what}",
        f"{wanted.precision} 精度下模型需要 {need}，另需 {work} 工作空间；目前空闲 {have}。{how}",
    )


def head_dim(text: Mapping[str, Any]) -> int:
    return int(text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"])
