from __future__ import annotations

import pytest

from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.dialogue import Answering, Dialogue
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.errors import GlyphError
from tests.decoding.tiny import Oracle, RecordingDecoder

NEVER: frozenset[int] = frozenset()
SHORT = Answering(max_tokens=4)


def prefix(document: int) -> list[int]:
    """Thirty tokens; with question and answer a dialogue takes 48 entries, three blocks."""
    return [(document * 7 + i * 3) % 90 for i in range(30)]


def filled(decoder: RecordingDecoder, documents: int, room: int) -> tuple[PrefixPool, list[Dialogue]]:
    pool = PrefixPool(decoder, budget=room * decoder.bytes_per_entry)
    dialogues = [pool.open([text(prefix(i))], NEVER) for i in range(documents)]
    for dialogue in dialogues:
        list(dialogue.ask([5, 6], SHORT))
        assert pool.nbytes <= pool.budget
    return pool, dialogues


def test_the_dialogue_unused_for_longest_is_evicted_first(decoder: RecordingDecoder) -> None:
    pool, (first, second, third) = filled(decoder, documents=3, room=144)
    assert all(d.nbytes for d in (first, second, third))
    list(first.ask([7], SHORT))  # now the second is the oldest
    fourth = pool.open([text(prefix(4))], NEVER)
    fourth.prepare()
    assert [bool(d.nbytes) for d in (first, second, third, fourth)] == [True, False, True, True]
    assert pool.nbytes <= pool.budget


def test_an_evicted_dialogue_returns_as_if_it_had_stayed(decoder: RecordingDecoder, oracle: Oracle) -> None:
    _, dialogues = filled(decoder, documents=3, room=100)
    assert dialogues[0].nbytes == 0
    turn = dialogues[0].turns[0]
    expected, _ = oracle.answer([*prefix(0), *turn.question, *turn.answer, 7], NEVER, 4)
    assert list(dialogues[0].ask([7], SHORT)) == expected
    assert dialogues[0].turns[1].cached == 0


def test_a_dialogue_longer_than_the_whole_budget_is_refused_without_evicting_others(decoder: RecordingDecoder) -> None:
    pool, (first, second) = filled(decoder, documents=2, room=100)
    giant = pool.open([text([5] * 120)], NEVER)
    with pytest.raises(GlyphError) as caught:
        list(giant.ask([7], SHORT))
    assert caught.value.code == "context_full"
    assert first.nbytes
    assert second.nbytes


def test_a_dialogue_that_is_answering_is_never_evicted(decoder: RecordingDecoder, oracle: Oracle) -> None:
    pool, (first, second) = filled(decoder, documents=2, room=60)
    answer = second.retry(SHORT)
    said = [next(answer)]
    with pytest.raises(GlyphError) as caught:
        list(first.ask([7], SHORT))
    assert caught.value.code == "memory_full"
    assert caught.value.text("zh").endswith("。")
    assert [*said, *answer] == oracle.answer([*prefix(1), 5, 6], NEVER, 4)[0]
    list(first.ask([7], SHORT))
    assert pool.nbytes <= pool.budget


def test_closing_gives_the_memory_back(decoder: RecordingDecoder) -> None:
    pool, (first, second) = filled(decoder, documents=2, room=100)
    answer = first.retry(SHORT)
    next(answer)
    with pytest.raises(GlyphError) as caught:
        pool.close(first)
    assert caught.value.code == "busy"
    answer.close()
    pool.close(first)
    pool.close(second)
    assert pool.nbytes == 0
    assert first.nbytes == 0
