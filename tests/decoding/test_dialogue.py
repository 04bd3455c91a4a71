from __future__ import annotations

import threading

import pytest
import torch

from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.dialogue import Answering, Dialogue
from glyph_demo.decoding.sampling import Sampling
from glyph_demo.errors import GlyphError
from tests.decoding.tiny import Oracle, RecordingDecoder

NEVER: frozenset[int] = frozenset()
PAGES = (list(range(10, 30)), list(range(40, 55)))
PREFIX = PAGES[0] + PAGES[1]
SHORT = Answering(max_tokens=5)


def opened(decoder: Decoder, stop_ids: frozenset[int] = NEVER) -> Dialogue:
    return Dialogue(decoder, decoder.arena(), [text(page) for page in PAGES], stop_ids, answer_end=(2,))


def test_a_later_question_computes_only_what_is_new(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    list(dialogue.ask([5, 6, 7], SHORT))
    decoder.computed = 0
    list(dialogue.ask([8, 9], SHORT))
    # The last token of the first answer, its end, and the question; then four of five generated tokens.
    assert decoder.computed == 1 + 1 + 2 + 4
    assert dialogue.turns[1].computed == 4
    assert dialogue.turns[1].cached == len(PREFIX) + 3 + 4


def test_the_prefix_is_marked_at_every_page(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    dialogue.prepare()
    assert [mark.length for mark in dialogue.marks] == [0, 20, 35]
    assert decoder.computed == 35
    dialogue.append(text(range(60, 64)))
    dialogue.prepare()
    assert [mark.length for mark in dialogue.marks] == [0, 20, 35, 39]
    assert decoder.computed == 39


def test_another_prefix_keeps_what_both_begin_with(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    before = list(dialogue.ask([5, 6, 7], SHORT))
    decoder.computed = 0
    dialogue.arrange([text(PAGES[0]), text([60, 61]), text(PAGES[1])])
    longer = list(dialogue.complete([5, 6, 7], SHORT))
    assert decoder.computed == 2 + len(PAGES[1]) + 3 + 4
    dialogue.arrange([text(PAGES[0])])
    shorter = list(dialogue.complete([5, 6, 7], SHORT))
    dialogue.arrange([text(page) for page in PAGES])
    assert list(dialogue.complete([5, 6, 7], SHORT)) == before
    for prefix, answer in (([*PAGES[0], 60, 61, *PAGES[1]], longer), (PAGES[0], shorter)):
        afresh = Dialogue(decoder, decoder.arena(), [text(prefix)], NEVER)
        assert list(afresh.ask([5, 6, 7], SHORT)) == answer


def test_undoing_and_asking_again_computes_only_the_last_token(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    first = list(dialogue.ask([5, 6, 7], SHORT))
    dialogue.undo()
    assert dialogue.turns == []
    assert list(dialogue.ask([5, 6, 7], SHORT)) == first
    assert dialogue.turns[0].computed == 1


def test_without_reuse_everything_is_computed_anew_with_the_same_answer(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    first = list(dialogue.ask([5, 6, 7], SHORT))
    assert list(dialogue.retry(Answering(max_tokens=5, reuse=False))) == first
    assert (dialogue.turns[0].cached, dialogue.turns[0].computed) == (0, len(PREFIX) + 3)


def test_closing_computes_nothing_more_and_keeps_what_was_said(decoder: RecordingDecoder, oracle: Oracle) -> None:
    dialogue = opened(decoder)
    answer = dialogue.ask([5, 6, 7])
    said = [next(answer), next(answer)]
    computed = decoder.computed
    answer.close()
    assert decoder.computed == computed
    turn = dialogue.turns[0]
    assert (list(turn.answer), turn.reason) == (said, "stopped")
    expected, _ = oracle.answer([*PREFIX, 5, 6, 7, *said, 2, 8], NEVER, 5)
    assert list(dialogue.ask([8], SHORT)) == expected


def test_an_abandoned_iterator_leaves_the_dialogue_free(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    for _ in dialogue.ask([5, 6, 7]):
        break
    assert len(dialogue.turns) == 1
    list(dialogue.ask([8], SHORT))


def test_a_stop_id_ends_the_answer_and_is_no_part_of_it(decoder: RecordingDecoder, oracle: Oracle) -> None:
    free, _ = oracle.answer([*PREFIX, 5, 6, 7], NEVER, 5)
    stop = free[3]
    dialogue = opened(decoder, frozenset([stop]))
    assert list(dialogue.ask([5, 6, 7], SHORT)) == free[: free.index(stop)]
    assert dialogue.turns[0].reason == "stop"


def test_an_answer_ends_at_its_token_limit(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    assert len(list(dialogue.ask([5], SHORT))) == 5
    assert dialogue.turns[0].reason == "length"


def test_an_answer_ends_where_the_context_does(decoder: RecordingDecoder) -> None:
    dialogue = Dialogue(decoder, decoder.arena(maximum=20), [text(range(10))], NEVER)
    # Nine more entries behind eleven, and the last token, which never enters the arena.
    assert len(list(dialogue.ask([5]))) == 10
    assert dialogue.turns[0].reason == "length"


def test_a_prompt_over_the_context_is_refused_before_any_work_and_changes_nothing(
    decoder: RecordingDecoder, oracle: Oracle
) -> None:
    dialogue = opened(decoder)
    list(dialogue.ask([5, 6, 7], SHORT))
    before, decoder.computed = list(dialogue.turns), 0
    with pytest.raises(GlyphError) as caught:
        list(dialogue.edit(0, [9] * 400, SHORT))
    assert caught.value.code == "context_full"
    assert (dialogue.turns, decoder.computed) == (before, 0)
    expected, _ = oracle.answer([*PREFIX, 5, 6, 7, *before[0].answer, 2, 8], NEVER, 5)
    assert list(dialogue.ask([8], SHORT)) == expected


class Enough(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_stopping_between_chunks_of_the_prompt_keeps_the_dialogue_sound(
    after: int, decoder: RecordingDecoder, oracle: Oracle
) -> None:
    """Chunks are 7 tokens: 1 stops inside the first page, 3 at its end, 4 inside the second, 6 in the question."""
    calls = []

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == after:
            raise Enough

    dialogue = opened(decoder)
    question = list(range(60, 80))
    with pytest.raises(Enough):
        list(dialogue.ask(question, Answering(5, progress=progress)))
    assert dialogue.turns == []
    assert all(total == len(PREFIX) + 20 for _, total in calls)
    assert [done for done, _ in calls] == [7, 14, 20, 27, 34, 35, 42][:after]

    expected, _ = oracle.answer([*PREFIX, 61, 62], NEVER, 5)
    dialogue.prepare()
    assert list(dialogue.ask([61, 62], SHORT)) == expected


def test_a_second_answer_during_the_first_is_refused_and_harmless(decoder: RecordingDecoder, oracle: Oracle) -> None:
    dialogue = opened(decoder)
    answer = dialogue.ask([5, 6, 7], SHORT)
    said = [next(answer)]
    for forbidden in (
        lambda: list(dialogue.ask([8])),
        dialogue.undo,
        dialogue.prepare,
        lambda: dialogue.append(text([1])),
    ):
        with pytest.raises(GlyphError) as caught:
            forbidden()
        assert caught.value.code == "busy"
    assert not dialogue.release()
    said += answer
    assert said == oracle.answer([*PREFIX, 5, 6, 7], NEVER, 5)[0]


def test_two_dialogues_may_answer_in_turns_and_in_threads(decoder: RecordingDecoder, oracle: Oracle) -> None:
    questions = [[5, 6, 7], [8, 9]]
    expected = [oracle.answer([*PREFIX, *question], NEVER, 5)[0] for question in questions]
    dialogues = [opened(decoder) for _ in questions]
    in_turns = zip(*(d.ask(q, SHORT) for d, q in zip(dialogues, questions, strict=True)), strict=True)
    assert [list(tokens) for tokens in zip(*in_turns, strict=True)] == expected

    answers: dict[int, list[int]] = {}
    threads = [
        threading.Thread(target=lambda i=i: answers.update({i: list(dialogues[i].retry(SHORT))})) for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[0], answers[1]] == expected


def test_there_is_nothing_to_undo_retry_or_edit_at_first(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    for impossible in (dialogue.undo, lambda: list(dialogue.retry()), lambda: list(dialogue.edit(0, [5]))):
        with pytest.raises(GlyphError) as caught:
            impossible()
        assert caught.value.code == "no_such_turn"
        assert caught.value.text("zh").endswith("。")


def test_sampling_is_repeatable_through_the_cache(decoder: RecordingDecoder) -> None:
    dialogue = opened(decoder)
    warm = Answering(max_tokens=12, sampling=Sampling(temperature=1.5, seed=3))
    first = list(dialogue.ask([5, 6, 7], warm))
    assert list(dialogue.retry(warm)) == first
    assert list(dialogue.retry(Answering(12, Sampling(temperature=1.5, seed=4)))) != first


def test_the_last_token_of_an_answer_is_not_in_the_arena(decoder: RecordingDecoder) -> None:
    arena = decoder.arena()
    dialogue = Dialogue(decoder, arena, [text(PREFIX)], NEVER)
    list(dialogue.ask([5, 6, 7], SHORT))
    assert arena.length == len(PREFIX) + 3 + 4
    assert torch.isfinite(decoder.rows[-1]).all()
