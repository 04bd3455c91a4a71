import pytest

from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.errors import GlyphError
from tests.decoding.tiny import NEVER, RecordingDecoder

SHORT = Answering(max_tokens=4)


def ids_of(document: int) -> list[int]:
    """Thirty tokens; with question and answer a prefix takes 48 entries, three blocks."""
    return [(document * 7 + i * 3) % 90 for i in range(30)]


def filled(decoder: RecordingDecoder, documents: int, room: int) -> tuple[PrefixPool, list[CachedPrefix]]:
    pool = PrefixPool(decoder, budget=room * decoder.bytes_per_entry)
    prefixes = [pool.open([text(ids_of(i))], NEVER) for i in range(documents)]
    for one in prefixes:
        list(one.complete([5, 6], SHORT))
        assert pool.nbytes <= pool.budget
    return pool, prefixes


def test_the_prefix_unused_for_longest_is_evicted_first(decoder):
    pool, (first, second, third) = filled(decoder, documents=3, room=144)
    assert all(d.nbytes for d in (first, second, third))
    list(first.complete([7], SHORT))  # now the second is the oldest
    fourth = pool.open([text(ids_of(4))], NEVER)
    fourth.prefill()
    assert [bool(d.nbytes) for d in (first, second, third, fourth)] == [True, False, True, True]
    assert pool.nbytes <= pool.budget


def test_an_evicted_prefix_returns_as_if_it_had_stayed(decoder, oracle):
    _, prefixes = filled(decoder, documents=3, room=100)
    assert prefixes[0].nbytes == 0
    prompt = [5, 6, *prefixes[0].completion.ids, 7]
    expected, _ = oracle.answer([*ids_of(0), *prompt], NEVER, 4)
    assert list(prefixes[0].complete(prompt, SHORT)) == expected
    assert prefixes[0].completion.cached == 0


def test_a_prefix_longer_than_the_whole_budget_is_refused_without_evicting_others(decoder):
    pool, (first, second) = filled(decoder, documents=2, room=100)
    giant = pool.open([text([5] * 120)], NEVER)
    with pytest.raises(GlyphError) as caught:
        list(giant.complete([7], SHORT))
    assert caught.value.code == "context_full"
    assert first.nbytes
    assert second.nbytes


def test_a_prefix_that_is_answering_is_never_evicted(decoder, oracle):
    pool, (first, second) = filled(decoder, documents=2, room=60)
    answer = second.complete([5, 6], SHORT)
    said = [next(answer)]
    with pytest.raises(GlyphError) as caught:
        list(first.complete([7], SHORT))
    assert caught.value.code == "memory_full"
    assert caught.value.text("zh").endswith("。")
    assert [*said, *answer] == oracle.answer([*ids_of(1), 5, 6], NEVER, 4)[0]
    list(first.complete([7], SHORT))
    assert pool.nbytes <= pool.budget


def test_closing_gives_the_memory_back(decoder):
    pool, (first, second) = filled(decoder, documents=2, room=100)
    answer = first.complete([5, 6], SHORT)
    next(answer)
    with pytest.raises(GlyphError) as caught:
        pool.close(first)
    assert caught.value.code == "busy"
    answer.close()
    pool.close(first)
    pool.close(second)
    assert pool.nbytes == 0
    assert first.nbytes == 0
