"""The precisions a Glyph model computes in, and what keeps float16 from overflowing.

GLM-4 text models are known to overflow in plain float16 (llama.cpp computes their down projection in float32, vLLM
refuses them). Here float16 is for the matrix products: norms and the residual stream are float32, and what enters a
down projection is scaled by a power of two, so that nothing that comes out is over float16's range. Softmax is
computed in float32 by the attention kernels."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn

from glyph_demo.errors import EngineError
from glyph_demo.models.memory import INT4_GROUP, QUANTISED, on_processor

# Given a text model in 16 bits and its head, keeps weights so from which the model will compute in float32.
Pack = Callable[[Any, Any], None]
Precision = Literal["auto", "fp16", "bf16", "fp32", "int8", "int4"]

# What activations are in. torchao's int4 kernel for CUDA takes bfloat16 alone.
_DTYPES = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp32": torch.float32,
    "int8": torch.bfloat16,
    "int4": torch.bfloat16,
}
ROWS = 4096  # tokens that a guarded feed-forward part computes at a time: enough to keep a GPU busy
_NORMS = ("input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm", "post_mlp_layernorm")


def resolve(precision: Precision, device: torch.device, parameters: int = 0) -> Precision:
    """The precision that `auto` stands for, of a model of so many numbers: float16 on CUDA, which halves memory and
    traffic; on a CPU what `memory.on_processor` says. Raises EngineError `precision_unavailable`."""
    if precision == "auto":
        return "fp16" if device.type == "cuda" else on_processor(parameters)
    if precision in QUANTISED and importlib.util.find_spec("torchao") is None:
        raise _unavailable(
            precision,
            "the package torchao is missing. Run `pip install torchao` and start again, or choose another",
            "缺少软件包 torchao。请运行 `pip install torchao` 后重新启动，或选择其他精度",
        )
    if precision == "int4" and device.type != "cuda":
        raise _unavailable(
            precision, "it needs an NVIDIA GPU. Choose int8 or fp32", "它需要 NVIDIA GPU。请选择 int8 或 fp32"
        )
    return precision


def activations(precision: Precision) -> torch.dtype:
    """The dtype that a model computes in, for a resolved precision."""
    return _DTYPES[precision]


def adapt(model: Any, precision: Precision, device: torch.device) -> None:
    """Change a `Glm4vForConditionalGeneration`, loaded in the dtype of `activations`, to compute in `precision` on
    `device`. A model that is to be quantised may come in host memory: it moves to the device layer by layer. int8 and
    int4 hold the matrices of the text model's layers so, one scale a row or a group; embeddings, lm_head and vision
    tower, 2.1 of Glyph's 10.3 B numbers, stay in bfloat16: page features are those of bf16. Raises EngineError
    `precision_unavailable`."""
    if precision == "fp16":
        _guard(model.model.language_model, model.model.visual)
    elif precision in QUANTISED:
        from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

        tiled = {"group_size": INT4_GROUP, "int4_packing_format": "tile_packed_to_4d"}
        config = Int8WeightOnlyConfig() if precision == "int8" else Int4WeightOnlyConfig(**tiled)
        quantize_(model.model.language_model.layers, config, device=device)
        model.to(device)


class SafeNorm(nn.Module):
    """RMSNorm in float32, weight and all. The result is in float32 for the residual stream, in the model's dtype where
    a matrix product follows."""

    like: torch.Tensor

    def __init__(self, norm: Any, *, residual: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(norm.weight.detach().float(), requires_grad=False)
        self.eps = norm.variance_epsilon
        self.residual = residual
        # Follows `model.to(dtype)`, as the products' weights do.
        self.register_buffer("like", torch.empty(0, dtype=norm.weight.dtype), persistent=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., hidden) in any floating dtype."""
        hidden = hidden.float()
        scaled = hidden * torch.rsqrt(hidden.square().mean(-1, keepdim=True) + self.eps) * self.weight.float()
        return scaled if self.residual else scaled.to(self.like.dtype)


class SafeDown(nn.Module):
    """A down projection that cannot overflow: what goes in is divided by a power of two, token by token, wherever its
    sum of magnitudes times the largest weight could leave the dtype's range; what comes out is multiplied by it, in
    float32. A power of two loses nothing but the smallest numbers."""

    largest: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        largest = linear.weight.detach().abs().amax().float()
        self.register_buffer("largest", largest.clamp(min=1.0), persistent=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., width), float32, to (..., out), float32."""
        dtype = self.linear.weight.dtype
        # Half the range: the sum below is rounded too.
        bound = hidden.abs().sum(-1, keepdim=True) * self.largest.float() / (torch.finfo(dtype).max / 2)
        scale = torch.exp2(torch.ceil(torch.log2(bound.clamp(min=1.0))))
        return self.linear((hidden / scale).to(dtype)).float() * scale


class SafeMlp(nn.Module):
    """The gated feed-forward part of a block, text or vision, with its product and its sum guarded."""

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        self.fused = hasattr(mlp, "gate_up_proj")
        if self.fused:
            self.gate_up_proj = mlp.gate_up_proj
        else:
            self.gate_proj, self.up_proj = mlp.gate_proj, mlp.up_proj
        self.down_proj = SafeDown(mlp.down_proj)
        self.act = mlp.activation_fn if self.fused else mlp.act_fn

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., hidden) in the weights' dtype to (..., hidden), float32."""
        if not torch.compiler.is_compiling() and hidden.shape[-2] > ROWS:
            # In float32 what is between the products takes more than all else that the vision tower holds.
            return torch.cat([self._rows(rows) for rows in hidden.split(ROWS, dim=-2)], dim=-2)
        return self._rows(hidden)

    def _rows(self, hidden: torch.Tensor) -> torch.Tensor:
        if self.fused:
            gate, up = self.gate_up_proj(hidden).chunk(2, dim=-1)
        else:
            gate, up = self.gate_proj(hidden), self.up_proj(hidden)
        return self.down_proj(self.act(gate.float()) * up.float())


def widen(model: Any, pack: Pack | None) -> None:
    """Make a model in 16 bits one in float32, all but what `pack` takes."""
    if pack is not None:
        pack(model.get_decoder(), model.get_output_embeddings())
    model.float()


def _guard(text: Any, visual: Any) -> None:
    """Put the safe modules where transformers' are. A sum of float16 and float32 is float32, so once a norm or a down
    projection gives float32 the residual stream is float32 from there on. A tower with other norms than GLM-4's stays
    as it is: where its numbers overflow, the engine goes on in bfloat16."""
    for layer in text.layers:
        for name in (name for name in _NORMS if hasattr(layer, name)):
            residual = name in ("post_self_attn_layernorm", "post_mlp_layernorm")
            setattr(layer, name, SafeNorm(getattr(layer, name), residual=residual))
        layer.mlp = SafeMlp(layer.mlp)
    text.norm = SafeNorm(text.norm, residual=False)
    if not hasattr(visual, "post_conv_layernorm"):
        return
    visual.post_conv_layernorm = SafeNorm(visual.post_conv_layernorm, residual=True)
    for block in visual.blocks:
        block.norm1, block.norm2 = SafeNorm(block.norm1, residual=False), SafeNorm(block.norm2, residual=False)
        block.mlp = SafeMlp(block.mlp)
    visual.post_layernorm = SafeNorm(visual.post_layernorm, residual=False)


def _unavailable(precision: Precision, en: str, zh: str) -> EngineError:
    return EngineError(
        "precision_unavailable",
        f"The precision '{precision}' cannot be used here: {en}.",
        f"此处无法使用精度“{precision}”：{zh}。",
    )
