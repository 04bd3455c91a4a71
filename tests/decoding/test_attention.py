"""Packed attention is sdpa's, for every number of queries a forward may have, in both kinds of model."""

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from glyph_demo.decoding import attention
from glyph_demo.decoding.attention import packed_attention
from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.loop import prefill
from tests.decoding.tiny import Oracle, RecordingDecoder, tiny_llama


@pytest.mark.parametrize("before", [0, 50])
@pytest.mark.parametrize("queries", [1, 2, 9, attention.PACKED, attention.PACKED + 1])
@pytest.mark.parametrize(("heads", "kv_heads"), [(8, 2), (32, 2), (4, 4), (9, 3)])
def test_attention_is_that_of_queries_over_repeated_heads_under_a_mask(queries, heads, kv_heads, before):
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(1, queries, heads, 16, generator=draw).transpose(1, 2)
    # Views of a larger arena, as in decoding.
    kept = [torch.randn(1, kv_heads, 256, 16, generator=draw) for _ in range(2)]
    key, value = (tensor[:, :, : before + queries] for tensor in kept)
    seen = torch.arange(before + queries)[None] <= torch.arange(before, before + queries)[:, None]
    module = torch.nn.Module()
    module.num_key_value_groups = heads // kv_heads
    expected, _ = sdpa_attention_forward(module, query, key, value, seen[None, None], scaling=0.3)
    packed, _ = packed_attention(module, query, key, value, None, scaling=0.3)
    assert packed.shape == (1, queries, heads, 16)
    assert (packed - expected).abs().max() < 1e-5
    if before + queries < 256:
        beyond = torch.arange(256) > torch.arange(before, before + queries)[:, None]
        static = attention.attend_static(query * 0.3, *kept, beyond).transpose(1, 2)
        assert (static - expected).abs().max() < 1e-5


def test_a_model_that_attends_within_a_window_is_left_alone():
    model = MistralForCausalLM(
        MistralConfig(
            vocab_size=97,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            sliding_window=8,
        )
    ).eval()
    decoder = RecordingDecoder(model)
    assert decoder._body.config._attn_implementation == "sdpa"
    expected = Oracle(model).logits(range(40))
    hidden = prefill(decoder, decoder.arena(), text(range(40)))
    assert (decoder.logits(hidden) - expected).abs().max() < 1e-4


def test_a_decoder_packs_the_heads_of_a_model_that_attends_by_sdpa_and_of_no_other():
    assert RecordingDecoder(tiny_llama(9, 3))._body.config._attn_implementation == attention.PACKED_ATTENTION
    eager = tiny_llama(9, 3)
    eager.set_attn_implementation("eager")
    assert RecordingDecoder(eager)._body.config._attn_implementation == "eager"


def test_a_packed_forward_repeats_neither_keys_nor_values(monkeypatch):
    seen = []
    several, one = attention.scaled_dot_product_attention, attention._attend_one

    def spy(query, key, value, **kwargs):
        seen.append((tuple(key.shape[1:3]), key.data_ptr()))
        return several(query, key, value, **kwargs)

    def spy_one(rows, keys, values):
        seen.append((tuple(keys.shape[:2]), keys.data_ptr()))
        return one(rows, keys, values)

    monkeypatch.setattr(attention, "scaled_dot_product_attention", spy)
    monkeypatch.setattr(attention, "_attend_one", spy_one)
    decoder = RecordingDecoder(tiny_llama(9, 3))
    arena = decoder.arena()
    arena.reserve(40)
    prefill(decoder, arena, text(range(20)))
    seen.clear()
    prefill(decoder, arena, text(range(5)))
    prefill(decoder, arena, text([7]))
    places = [layer.keys.data_ptr() for layer in arena.layers]
    assert [at for _, at in seen] == places * 2  # the arena itself, not a copy
    assert [shape for shape, _ in seen] == [(3, 25)] * 3 + [(3, 26)] * 3
