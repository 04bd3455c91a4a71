"""Packed attention is sdpa's, for every number of queries a forward may have, in both kinds of model."""

from __future__ import annotations

import pytest
import torch
from tiny import RecordingDecoder, tiny_llama
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from glyph_demo.decoding import attention
from glyph_demo.decoding.attention import packed_attention
from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.loop import prefill


@pytest.mark.parametrize("queries", [1, 2, 9, attention.PACKED, attention.PACKED + 1])
@pytest.mark.parametrize(("heads", "kv_heads"), [(8, 2), (32, 2), (4, 4), (9, 3)])
def test_packed_attention_equals_sdpa(queries: int, heads: int, kv_heads: int) -> None:
    draw = torch.Generator().manual_seed(0)
    before = 50
    query = torch.randn(1, queries, heads, 16, generator=draw).transpose(1, 2)
    # Views of a larger arena, as in decoding.
    key, value = (torch.randn(1, kv_heads, 256, 16, generator=draw)[:, :, : before + queries] for _ in range(2))
    seen = torch.arange(before + queries)[None] <= torch.arange(before, before + queries)[:, None]
    mask = seen[None, None] if queries > 1 else None
    module = torch.nn.Module()
    module.num_key_value_groups = heads // kv_heads
    packed, _ = packed_attention(module, query, key, value, mask, scaling=0.3)
    expected, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=0.3)
    assert packed.shape == (1, queries, heads, 16)
    assert (packed - expected).abs().max() < 1e-5


def test_queries_without_anything_before_them_see_only_what_is_behind() -> None:
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, heads, 5, 16, generator=draw) for heads in (4, 2, 2))
    module = torch.nn.Module()
    module.num_key_value_groups = 2
    packed, _ = packed_attention(module, query, key, value, None)
    alone, _ = packed_attention(module, query[:, :, :1], key[:, :, :1], value[:, :, :1], None)
    assert (packed[:, :1] - alone).abs().max() < 1e-5


def test_a_decoder_packs_the_heads_of_a_model_that_attends_by_sdpa_and_of_no_other() -> None:
    assert RecordingDecoder(tiny_llama(9, 3))._body.config._attn_implementation == attention.NAME
    eager = tiny_llama(9, 3)
    eager.set_attn_implementation("eager")
    assert RecordingDecoder(eager)._body.config._attn_implementation == "eager"


def test_a_packed_forward_repeats_neither_keys_nor_values(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = attention.scaled_dot_product_attention

    def spy(query, key, value, **kwargs):
        seen.append((key.shape, key.data_ptr()))
        return original(query, key, value, **kwargs)

    monkeypatch.setattr(attention, "scaled_dot_product_attention", spy)
    decoder = RecordingDecoder(tiny_llama(9, 3))
    arena = decoder.arena()
    arena.reserve(40)
    prefill(decoder, arena, text(range(20)))
    seen.clear()
    prefill(decoder, arena, text(range(5)))
    prefill(decoder, arena, text([7]))
    places = [layer.keys.data_ptr() for layer in arena.layers]
    assert [at for _, at in seen] == places * 2  # the arena itself, not a copy
    assert [shape[1:3] for shape, _ in seen] == [(3, 25)] * 3 + [(3, 26)] * 3
