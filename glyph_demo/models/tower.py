"""The vision tower of Glyph and its siblings as a graph of one page size: what runtimes compile or export."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.vision_utils import get_vision_position_ids

_ROWS = 512  # queries at a time, so that their scores stay in the CPU's cache


class FixedTower(nn.Module):
    """transformers' `Glm4vVisionModel` for pages of `high` by `wide` patches, one page a call. Position embeddings and
    RoPE do not depend on what is on a page: they are buffers. Convolutions whose stride is their kernel are matrix
    products. Blocks and weights are those of the tower, so it follows the tower's precision."""

    position: torch.Tensor
    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, visual: Any, high: int, wide: int) -> None:
        super().__init__()
        self.tokens = high * wide
        self.blocks = visual.blocks
        self.merger = visual.merger
        self.post_conv_layernorm, self.post_layernorm = visual.post_conv_layernorm, visual.post_layernorm
        self.embed = _product(visual.patch_embed.proj, visual.patch_embed.proj.weight.flatten(1))
        # Patches come with the four of a merged token side by side: (tokens, merge * merge * hidden).
        self.downsample = _product(visual.downsample, visual.downsample.weight.permute(0, 2, 3, 1).flatten(1))
        self.merged = self.tokens // visual.spatial_merge_size**2
        with torch.no_grad():
            grid = torch.tensor([[1, high, wide]], device=visual.device)
            places = get_vision_position_ids(grid, visual.spatial_merge_size)
            zeros = torch.zeros(self.tokens, visual.config.hidden_size, device=visual.device, dtype=visual.dtype)
            position = visual.embeddings(zeros, [self.tokens], grid, places[:, 0], places[:, 1])
            cos, sin = visual.rotary_pos_emb(zeros, places)
        half = sin.shape[-1] // 2
        self.register_buffer("position", position, persistent=False)
        self.register_buffer("cos", cos[:, None].float(), persistent=False)
        # The table holds the sign of the half that rotates to the front: x * cos + swapped(x) * sin.
        signed = torch.cat([-sin[:, :half], sin[:, half:]], dim=-1)
        self.register_buffer("sin", signed[:, None].float(), persistent=False)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches (high * wide, channels * temporal * patch * patch) to embeddings (merged tokens, hidden)."""
        hidden = self.post_conv_layernorm(self.embed(patches)) + self.position
        for block in self.blocks:
            hidden = hidden + self._attention(block.attn, block.norm1(hidden))
            hidden = hidden + block.mlp(block.norm2(hidden))
        hidden = self.post_layernorm(hidden)
        return self.merger(self.downsample(hidden.reshape(self.merged, -1)))

    def _attention(self, attention: Any, hidden: torch.Tensor) -> torch.Tensor:
        query, key, value = attention.qkv(hidden).view(self.tokens, 3, attention.num_heads, -1).unbind(1)
        seen = self._attend(self._rotated(query), self._rotated(key), value, attention.scaling)
        return attention.proj(seen)

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """Attention of all tokens to all (tokens, hidden), from states (tokens, heads, head_dim)."""
        query, key, value = (part.transpose(0, 1)[None] for part in (query, key, value))
        seen = functional.scaled_dot_product_attention(query, key, value, scale=scale)
        return seen[0].transpose(0, 1).reshape(self.tokens, -1)

    def _rotated(self, states: torch.Tensor) -> torch.Tensor:
        """RoPE in float32, as in transformers."""
        wide = states.float()
        front, back = wide.chunk(2, dim=-1)
        return (wide * self.cos + torch.cat([back, front], dim=-1) * self.sin).to(states.dtype)


class FusedTower(FixedTower):
    """FixedTower with attention as one operator of ONNX Runtime, which keeps no matrix of scores. For export only, and
    not for TensorRT, which does not know the operator."""

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        states = [part.reshape(1, self.tokens, -1) for part in (query, key, value)]
        seen = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            states,
            {"num_heads": query.shape[1], "scale": float(scale)},
            dtype=query.dtype,
            shape=states[0].shape,
            version=1,
        )
        return seen[0]


class MixedTower(FixedTower):
    """FixedTower in float32 with its matrix products, attention's too, in bfloat16; norms, softmax and the residual
    stay in float32. A CPU with bfloat16 products does twice as many of them a second as in float32. For compilation
    only: what is between the products is then fused."""

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """As FixedTower's, float32 in and out."""
        with torch.autocast(patches.device.type, dtype=torch.bfloat16):
            return super().forward(patches).float()

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        query, key, value = (part.transpose(0, 1).bfloat16() for part in (query * scale, key, value))
        key = key.transpose(1, 2).contiguous()
        seen = [torch.matmul(torch.matmul(rows, key).float().softmax(-1), value) for rows in query.split(_ROWS, dim=1)]
        return torch.cat(seen, dim=1).transpose(0, 1).reshape(self.tokens, -1)


def _product(convolution: Any, weight: torch.Tensor) -> nn.Linear:
    """A convolution as a matrix product; `weight` is (out, in)."""
    with torch.device("meta"):
        linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight = nn.Parameter(weight.detach().contiguous(), requires_grad=False)
    linear.bias = nn.Parameter(convolution.bias.detach(), requires_grad=False)
    return linear
