"""What a forward consists of beside attention: functions of a model's own layers, run as they are or compiled.

`compiled` has torch.compile fuse what is around the matrix products, from one layer's attention to the next one's; one
compilation serves all layers. A product with a single row is nothing but reading weights; on CUDA it is made by
`kernels_row`, where Triton is."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import linear

States = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # queries, keys and values (1, heads, n, head_dim)
Joined = tuple[torch.Tensor, torch.Tensor]  # weight and bias that make all three


class Pieces(NamedTuple):
    """`project`: what a layer's attention takes, of the hidden states before it; `pass_on`: from one layer's attention
    to the next one's; `finish`: from the last one's to the end."""

    project: Callable[..., States]
    pass_on: Callable[..., tuple[torch.Tensor, States]]
    finish: Callable[..., torch.Tensor]


def compiled(options: dict[str, Any] | None = None, dynamic: bool = False) -> Pieces:
    """The pieces compiled, for each number of tokens or, if `dynamic`, for any from 2 on."""
    project, pass_on, finish = (_compiled(piece, options, dynamic) for piece in PLAIN)
    return Pieces(project, pass_on, finish)


def options(by_row: bool) -> dict[str, Any]:
    """What torch.compile is told on CUDA. Where `kernels_row` cannot take the products of one row, torch makes kernels
    of them only if it tunes all it makes; and it is not to try those of eight rows filled up to more, for nothing."""
    return {"shape_padding": False} if by_row else {"shape_padding": False, "coordinate_descent_tuning": True}


def takes_rows(body: Any) -> bool:
    """Whether `kernels_row` takes the layers' products: those of plain weights, with SiLU behind the gate."""
    return body.config.hidden_act == "silu" and all(map(_is_plain, body.layers))


def stream_dtype(layer: Any, dtype: torch.dtype) -> torch.dtype:
    """Of the residual stream, where a model computes in `dtype`."""
    return torch.float32 if _is_guarded(layer.mlp) else dtype


def _project(
    layer: Any,
    rotate: Any,
    hidden: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    joined: Joined | None = None,
    by_row: bool = False,
) -> States:
    """The states that a layer makes of hidden states (1, n, hidden); `by_row` of a single one, by `kernels_row`."""
    attention = layer.self_attn
    normed = layer.input_layernorm(hidden)
    shape = (1, hidden.shape[1], -1, attention.head_dim)
    if joined is not None:
        product = torch.ops.glyph_demo.row_product if by_row else linear
        states = product(normed, *joined).view(shape).transpose(1, 2)
        values = attention.v_proj.out_features // attention.head_dim
        turned, value = states[:, :-values], states[:, -values:]
        if hasattr(attention, "q_norm"):
            turned = torch.cat([attention.q_norm(turned[:, :-values]), attention.k_norm(turned[:, -values:])], dim=1)
        turned = rotate(turned, turned, cos, sin)[0]
        return turned[:, :-values], turned[:, -values:], value
    query = attention.q_proj(normed).view(shape).transpose(1, 2)
    key = attention.k_proj(normed).view(shape).transpose(1, 2)
    value = attention.v_proj(normed).view(shape).transpose(1, 2)
    if hasattr(attention, "q_norm"):
        query, key = attention.q_norm(query), attention.k_norm(key)
    return (*rotate(query, key, cos, sin), value)


def _pass_on(
    layer: Any,
    following: Any,
    rotate: Any,
    hidden: torch.Tensor,
    attended: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    joined: Joined | None,
    by_row: bool = False,
) -> tuple[torch.Tensor, States]:
    """From one layer's attention to the next one's: the hidden states between them, and the states of the next."""
    hidden = _finish(layer, hidden, attended, by_row)
    return hidden, _project(following, rotate, hidden, cos, sin, joined, by_row)


def _finish(layer: Any, hidden: torch.Tensor, attended: torch.Tensor, by_row: bool = False) -> torch.Tensor:
    """Hidden states behind a layer, from those before it and the attention's result (1, n, heads * head_dim)."""
    projection = layer.self_attn.o_proj
    attended = attended.to(projection.weight.dtype)
    if by_row:
        out = torch.ops.glyph_demo.row_product(attended, projection.weight, projection.bias)
    else:
        out = projection(attended)
    if hasattr(layer, "post_self_attn_layernorm"):
        out = layer.post_self_attn_layernorm(out)
    hidden = _stored(hidden + out)
    normed = layer.post_attention_layernorm(hidden)
    out = _fed(layer.mlp, normed).to(stream_dtype(layer, normed.dtype)) if by_row else layer.mlp(normed)
    if hasattr(layer, "post_mlp_layernorm"):
        out = layer.post_mlp_layernorm(out)
    return hidden + out


def _fed(mlp: Any, row: torch.Tensor) -> torch.Tensor:
    """A feed-forward part of one row, float32 between its products: no guard against float16's range is needed."""
    gate, up = (
        mlp.gate_up_proj.weight.chunk(2) if hasattr(mlp, "gate_up_proj") else (mlp.gate_proj.weight, mlp.up_proj.weight)
    )
    inner = torch.ops.glyph_demo.gated_row(row, gate, up)
    return torch.ops.glyph_demo.row_product(inner, _down(mlp).weight, None)


def _down(mlp: Any) -> Any:
    return mlp.down_proj.linear if _is_guarded(mlp) else mlp.down_proj


def _is_guarded(mlp: Any) -> bool:
    """Whether the part is guarded against float16's range (models/precision.py): it gives float32."""
    return hasattr(mlp.down_proj, "linear")


def _is_plain(layer: Any) -> bool:
    attention, mlp = layer.self_attn, layer.mlp
    if not hasattr(mlp, "down_proj") or not (hasattr(mlp, "gate_up_proj") or hasattr(mlp, "gate_proj")):
        return False
    fed = [mlp.gate_up_proj] if hasattr(mlp, "gate_up_proj") else [mlp.gate_proj, mlp.up_proj]
    fed.append(_down(mlp))
    products = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj, *fed)
    quantised = any(hasattr(product.weight, "__tensor_flatten__") for product in products)
    return not quantised and all(product.bias is None for product in fed)


def join(attention: Any) -> Joined | None:
    """One weight for all states of a layer, of which the weights that the model has become views. None where they are
    not plain ones."""
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    if any(hasattr(part.weight, "__tensor_flatten__") for part in parts):
        return None
    with torch.no_grad():
        weight = torch.cat([part.weight for part in parts])
        zeros = weight.new_zeros
        bias = torch.cat([zeros(part.out_features) if part.bias is None else part.bias for part in parts])
    for part, piece in zip(parts, weight.split([part.out_features for part in parts]), strict=True):
        part.weight = nn.Parameter(piece, requires_grad=False)
    # Parameters: torch takes their shapes for fixed where those of other tensors may change.
    return nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)


def _stored(tensor: torch.Tensor) -> torch.Tensor:
    """The same, for torch.compile kept in memory at this point: else each of those that read it computes it again."""
    return tensor.as_strided(tensor.shape, tensor.stride())


def flat(attended: torch.Tensor) -> torch.Tensor:
    """(1, n, heads * head_dim) of (1, heads, n, head_dim)."""
    return attended.transpose(1, 2).flatten(2)


def _compiled(piece: Callable[..., Any], options: dict[str, Any] | None, dynamic: bool) -> Callable[..., Any]:
    """`piece` compiled, as a copy of its own: torch compiles the same code 8 times at most, for all models of the
    process together. What cannot be compiled as a whole raises: run as it is, it would be slow in silence."""
    own = types.FunctionType(piece.__code__.replace(), piece.__globals__, piece.__name__)
    own.__defaults__ = piece.__defaults__
    return torch.compile(own, dynamic=dynamic, fullgraph=True, options=options)


PLAIN = Pieces(_project, _pass_on, _finish)
