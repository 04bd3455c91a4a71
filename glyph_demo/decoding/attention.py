"""Grouped-query attention of a sequence's last tokens over all its keys and values. The query heads that share a KV
head become its rows, so that keys and values are read once and never repeated.

transformers' own `sdpa` repeats them for every query head as soon as there is a mask, and without one each query head
reads them anew. CPU milliseconds of one layer, one thread, KV not in the CPU's cache (float32, head_dim 128):

    8 heads on 2 KV heads, 2,546 entries        1 query    9 queries
    sdpa, KV repeated                           3.5        5.1
    sdpa(enable_gqa)                            1.2        2.4
    packed                                      0.6        2.0

Of one query in float32 two products take less than `sdpa`, of its keys by the query and not the other way round: on
another processor 0.55 ms where packed took 0.80, and 1.71 of 2.54 over 8,192 entries.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

from glyph_demo.decoding.probe import Observer

PACKED_ATTENTION = "packed_gqa"
PACKED = 128  # queries; with 512 both ways take as long, for then the products are the work
SPLITS = 64  # parts that the values are multiplied in: two KV heads alone would keep two of a GPU's processors busy


def use_packed_attention(model: PreTrainedModel) -> None:
    """Have a model that attends by `sdpa`, every token to all before it, do so by `attend`. Results are the same up to
    rounding."""
    kinds = getattr(model.config, "layer_types", None)
    window = getattr(model.config, "sliding_window", None) if kinds is None else set(kinds) - {"full_attention"}
    if model.config._attn_implementation == "sdpa" and not window:
        model.config._attn_implementation = PACKED_ATTENTION


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None = None) -> torch.Tensor:
    """Causal attention (1, heads, n, head_dim) of the last n of `entries` tokens, given as queries (1, heads, n,
    head_dim), over keys and values (1, kv_heads, entries, head_dim)."""
    _, heads, n, dim = query.shape
    kv_heads, entries = key.shape[1:3]
    # A CUDA device's flash attention shares KV heads, needs no mask and divides the entries among processors by itself.
    if 1 < n == entries or n > (1 if query.device.type == "cuda" else PACKED):
        return _attend_many(query, key, value, scaling)
    group = heads // kv_heads
    # Row r of a KV head is query r % n of its head r // n.
    rows = query.reshape(1, kv_heads, group * n, dim)
    if n == 1 and query.device.type == "cpu" and query.dtype == torch.float32:
        return _attend_one(rows[0] * (dim**-0.5 if scaling is None else scaling), key[0], value[0]).view(query.shape)
    mask = None
    if n > 1:
        mask = torch.ones(n, entries, dtype=torch.bool, device=key.device).tril(entries - n).repeat(group, 1)
    # Not `view`: CUDA's kernel for float32 gives its result in another order.
    return scaled_dot_product_attention(rows, key, value, attn_mask=mask, scale=scaling).reshape(1, heads, n, dim)


def attend_static(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
    """`attend` over the whole capacity of an arena, filled in part, by operations whose shapes and launches are the
    same every time, so that a CUDA graph can hold them. `beyond` (n, entries) is true where a query may not
    look; keys and values there must be finite. Queries come scaled. Returns (1, heads, n, head_dim), float32.

    Values are multiplied in parts, as in flash-decoding (https://pytorch.org/blog/flash-decoding)."""
    _, heads, n, dim = query.shape
    kv_heads, entries = key.shape[1:3]
    rows, parts = heads // kv_heads * n, math.gcd(entries, SPLITS)
    scores = _product(query.reshape(kv_heads, rows, dim), key[0].transpose(1, 2))
    scores.view(kv_heads, -1, n, entries).masked_fill_(beyond, -torch.inf)
    weights = scores.softmax(-1).view(kv_heads, rows, parts, -1).transpose(1, 2)
    split = torch.empty(weights.shape, dtype=value.dtype, device=value.device).copy_(weights)
    shares = _product(split.view(kv_heads * parts, rows, -1), value.reshape(kv_heads * parts, entries // parts, dim))
    return shares.view(kv_heads, parts, rows, dim).sum(1).view(1, heads, n, dim)


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    observe: Observer | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """`attend` as transformers' AttentionInterface calls it. Returns (1, n, heads, head_dim). `observe` is shown the
    layer's queries and keys first."""
    if observe is not None:
        observe(int(module.layer_idx), query, key, query.shape[-1] ** -0.5 if scaling is None else scaling)
    return attend(query, key, value, scaling).transpose(1, 2).contiguous(), None


def _attend_one(rows: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Attention (kv_heads, group, head_dim) of a token, by its scaled queries (kv_heads, group, head_dim), to keys and
    values (kv_heads, entries, head_dim)."""
    scores = torch.bmm(keys, rows.transpose(1, 2)).transpose(1, 2)
    return torch.bmm(scores.softmax(-1), values)


def _attend_many(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None = None
) -> torch.Tensor:
    """No mask is made for a CUDA device: its kernels take the shape of this one for granted."""
    if query.device.type == "cuda" and query.dtype == torch.float32:
        # Of CUDA's kernels those that take float32 cannot share KV heads.
        group = query.shape[1] // key.shape[1]
        key, value = (tensor.repeat_interleave(group, dim=1) for tensor in (key, value))
    mask = causal_lower_right(query.shape[2], key.shape[2])
    shared = query.shape[1] != key.shape[1]
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling, enable_gqa=shared)


def _product(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The products (batch, n, m), in float32, of (batch, n, k) and (batch, k, m)."""
    if first.device.type == "cuda" and first.dtype != torch.float32:
        return torch.bmm(first, second, out_dtype=torch.float32)
    return torch.bmm(first.float(), second.float())


def _no_mask(*args: Any, **kwargs: Any) -> None:
    """`attend` needs none."""


AttentionInterface.register(PACKED_ATTENTION, packed_attention)
AttentionMaskInterface.register(PACKED_ATTENTION, _no_mask)
