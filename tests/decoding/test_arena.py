from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from glyph_demo.decoding.arena import START, KVArena, Mark
from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.loop import prefill
from glyph_demo.errors import GlyphError


def test_a_new_arena_takes_no_memory_and_counts_what_it_allocates():
    arena = KVArena(layers=3, kv_heads=2, head_dim=8, maximum=100)
    assert arena.nbytes == 0
    arena.reserve(5)  # rounded up to a block of 16 entries
    assert arena.capacity == 16
    assert arena.nbytes == 2 * 3 * 2 * 8 * 4 * 16
    arena.free()
    assert arena.nbytes == 0


def test_an_arena_has_room_up_to_its_maximum_and_says_so_beyond():
    arena = KVArena(layers=1, kv_heads=1, head_dim=4, maximum=20)
    arena.reserve(20)
    assert arena.capacity == 20
    with pytest.raises(GlyphError) as caught:
        arena.reserve(21)
    assert caught.value.code == "context_full"
    assert "20" in caught.value.text("en")
    assert "20" in caught.value.text("zh")


def test_growth_is_asked_for_before_it_happens():
    asked = []

    @contextmanager
    def refuse_beyond_32_entries(extra: int) -> Iterator[None]:
        asked.append(extra)
        if sum(asked) > 32 * 32:
            raise MemoryError
        yield

    arena = KVArena(1, 1, 4, maximum=100, growth=refuse_beyond_32_entries)  # 32 bytes an entry
    arena.reserve(16)
    arena.reserve(32)
    with pytest.raises(MemoryError):
        arena.reserve(33)
    assert asked == [16 * 32, 16 * 32, 16 * 32]
    assert arena.capacity == 32


def test_rolling_back_goes_only_backwards():
    arena = KVArena(1, 1, 4, maximum=100)
    arena.reserve(10)
    arena.advance(10, position=7)
    mark = arena.mark()
    assert mark == Mark(10, 7)
    arena.rollback(Mark(4, 3))
    assert (arena.length, arena.position) == (4, 3)
    with pytest.raises(ValueError, match="roll back"):
        arena.rollback(mark)
    arena.free()
    assert arena.mark() == START


def test_entries_that_were_not_reserved_cannot_be_counted():
    arena = KVArena(1, 1, 4, maximum=100)
    arena.reserve(10)
    with pytest.raises(ValueError, match="do not fit"):
        arena.advance(17, position=17)


def test_entries_survive_growth(decoder, oracle):
    arena = decoder.arena()
    for start in range(0, 60, 3):
        hidden = prefill(decoder, arena, text(range(start, start + 3)))
    assert arena.capacity > 48
    assert (decoder.logits(hidden) - oracle.logits(range(60))).abs().max() < 1e-4


def test_decoding_writes_into_the_arena_in_place(decoder):
    arena = decoder.arena()
    arena.reserve(64)
    places = [(layer.keys.data_ptr(), layer.values.data_ptr()) for layer in arena.layers]
    prefill(decoder, arena, text(range(20)))
    for token in range(20):
        prefill(decoder, arena, text([token]))
    assert [(layer.keys.data_ptr(), layer.values.data_ptr()) for layer in arena.layers] == places
    assert arena.length == 40


def test_a_forward_that_fails_leaves_the_arena_as_it_was(decoder, oracle):
    arena = decoder.arena()
    prefill(decoder, arena, text(range(5)))
    with pytest.raises(RuntimeError):
        decoder.extend(arena, torch.zeros(2, 3), torch.arange(2)[None])  # 3 is not the hidden size
    assert arena.mark() == Mark(5, 5)
    hidden = prefill(decoder, arena, text([5, 6]))
    assert (decoder.logits(hidden) - oracle.logits(range(7))).abs().max() < 1e-4
