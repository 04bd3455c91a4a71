import threading

import pytest
import torch

from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.decoding.sampling import Sampling
from glyph_demo.errors import GlyphError
from tests.decoding.tiny import NEVER

PAGES = (list(range(10, 30)), list(range(40, 55)))
PREFIX = PAGES[0] + PAGES[1]
SHORT = Answering(max_tokens=5)


def opened(decoder: Decoder, stop_ids: frozenset[int] = NEVER) -> CachedPrefix:
    return CachedPrefix(decoder, decoder.arena(), [text(page) for page in PAGES], stop_ids)


def computed(prefix: CachedPrefix, prompt: list[int], how: Answering = SHORT) -> tuple[list[int], int]:
    """The answer, and how many tokens of the prompt were computed."""
    answer = list(prefix.complete(prompt, how))
    assert list(prefix.completion.ids) == answer
    assert prefix.completion.cached + prefix.completion.computed == sum(map(len, PAGES)) + len(prompt)
    return answer, prefix.completion.computed


def test_a_later_question_computes_only_what_is_new(decoder):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    decoder.computed = 0
    # The last token of the first answer, its end, and the question; then four of five generated tokens.
    assert computed(prefix, [5, 6, 7, *first, 2, 8, 9])[1] == 4
    assert decoder.computed == 4 + 4


def test_undoing_and_asking_again_computes_only_the_last_token(decoder):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    assert computed(prefix, [5, 6, 7]) == (first, 1)


def test_editing_a_turn_computes_from_where_its_question_differs(decoder, oracle):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    computed(prefix, [5, 6, 7, *first, 2, 8])
    edited = [5, 6, 9, 9]
    assert computed(prefix, edited) == (oracle.answer([*PREFIX, *edited], NEVER, 5)[0], 2)


def test_the_prefix_is_computed_once_a_forward_at_a_time(decoder):
    prefix = opened(decoder)
    assert list(prefix.prefilling()) == [(done, 35) for done in (7, 14, 20, 27, 34, 35)]
    prefix.prefill()
    assert decoder.computed == 35
    prefix.append(text(range(60, 64)))
    prefix.prefill()
    assert [mark.length for mark in prefix._marks] == [0, 20, 35, 39]
    assert decoder.computed == 39


def test_a_long_prompt_is_computed_a_forward_at_a_time_and_goes_on_where_it_was_left(decoder, oracle):
    prefix, prompt = opened(decoder), [i % 50 for i in range(40)]
    steps = prefix.prefilling(prompt)
    assert [next(steps) for _ in range(8)] == [(done, 75) for done in (7, 14, 20, 27, 34, 35, 42, 49)]
    steps.close()
    assert list(prefix.prefilling(prompt)) == [(done, 26) for done in (7, 14, 19)]
    decoder.computed = 0
    answer = list(prefix.complete(prompt, SHORT))
    assert decoder.computed == 7 + 4
    assert answer == oracle.answer([*PREFIX, *prompt], NEVER, 5)[0]


def test_forwards_on_a_cpu_are_smaller_the_more_a_token_costs(decoder, monkeypatch):
    decoder.chunk = 512
    assert decoder.forward_tokens(0) == 512
    monkeypatch.setattr("glyph_demo.decoding.decoder.FORWARD_OPERATIONS", 2 * decoder._weights * 100)
    assert decoder.forward_tokens(0) == 100
    sizes = [decoder.forward_tokens(entries) for entries in (100, 1000, 10_000)]
    assert 100 > sizes[0] > sizes[1] >= sizes[2] == 32
    decoder.dtype = torch.bfloat16  # of which a processor does more in the same time
    assert decoder.forward_tokens(0) == 300


def test_another_prefix_keeps_what_both_begin_with(decoder):
    prefix = opened(decoder)
    before = list(prefix.complete([5, 6, 7], SHORT))
    decoder.computed = 0
    prefix.arrange([text(PAGES[0]), text([60, 61]), text(PAGES[1])])
    longer = list(prefix.complete([5, 6, 7], SHORT))
    assert decoder.computed == 2 + len(PAGES[1]) + 3 + 4
    prefix.arrange([text(PAGES[0])])
    shorter = list(prefix.complete([5, 6, 7], SHORT))
    prefix.arrange([text(page) for page in PAGES])
    assert list(prefix.complete([5, 6, 7], SHORT)) == before
    for ids, answer in (([*PAGES[0], 60, 61, *PAGES[1]], longer), (PAGES[0], shorter)):
        afresh = CachedPrefix(decoder, decoder.arena(), [text(ids)], NEVER)
        assert list(afresh.complete([5, 6, 7], SHORT)) == answer


def test_without_reuse_everything_is_computed_anew_with_the_same_answer(decoder):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    assert computed(prefix, [5, 6, 7], Answering(5, reuse=False)) == (first, len(PREFIX) + 3)


def test_memory_given_back_is_computed_again_with_the_same_answer(decoder):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    assert prefix.release()
    assert prefix.nbytes == 0
    assert computed(prefix, [5, 6, 7]) == (first, len(PREFIX) + 3)


def test_closing_computes_nothing_more_and_keeps_what_was_said(decoder, oracle):
    prefix = opened(decoder)
    answer = prefix.complete([5, 6, 7])
    said = [next(answer), next(answer)]
    before = decoder.computed
    answer.close()
    assert decoder.computed == before
    assert (list(prefix.completion.ids), prefix.completion.reason) == (said, "stopped")
    prompt = [5, 6, 7, *said, 2, 8]
    assert computed(prefix, prompt) == (oracle.answer([*PREFIX, *prompt], NEVER, 5)[0], 3)


def test_an_abandoned_iterator_leaves_the_prefix_free(decoder):
    prefix = opened(decoder)
    for _ in prefix.complete([5, 6, 7]):
        break
    assert prefix.completion is not None
    list(prefix.complete([8], SHORT))


def test_a_stop_id_ends_the_answer_and_is_no_part_of_it(decoder, oracle):
    free, _ = oracle.answer([*PREFIX, 5, 6, 7], NEVER, 5)
    stop = free[3]
    prefix = opened(decoder, frozenset([stop]))
    assert list(prefix.complete([5, 6, 7], SHORT)) == free[: free.index(stop)]
    assert prefix.completion.reason == "stop"


def test_an_answer_ends_at_its_token_limit_and_where_the_context_does(decoder):
    prefix = opened(decoder)
    assert len(list(prefix.complete([5], SHORT))) == 5
    assert prefix.completion.reason == "length"
    small = CachedPrefix(decoder, decoder.arena(maximum=20), [text(range(10))], NEVER)
    # Nine more entries behind eleven, and the last token, which never enters the arena.
    assert len(list(small.complete([5]))) == 10
    assert small.completion.reason == "length"


def test_a_prompt_over_the_context_is_refused_before_any_work_and_changes_nothing(decoder, oracle):
    prefix = opened(decoder)
    first, _ = computed(prefix, [5, 6, 7])
    decoder.computed = 0
    with pytest.raises(GlyphError) as caught:
        list(prefix.complete([9] * 400, SHORT))
    assert caught.value.code == "context_full"
    assert (prefix.completion, decoder.computed) == (None, 0)
    prompt = [5, 6, 7, *first, 2, 8]
    assert computed(prefix, prompt) == (oracle.answer([*PREFIX, *prompt], NEVER, 5)[0], 3)


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_a_forward_that_fails_between_chunks_of_the_prompt_keeps_the_prefix_sound(after, decoder, oracle, monkeypatch):
    """Chunks are 7 tokens: 1 fails inside the first page, 3 at its end, 4 inside the second, 6 in the question."""
    forwards, extend = [], decoder.extend

    def until_memory_runs_out(arena, embeds, positions):
        if len(forwards) == after:
            raise torch.OutOfMemoryError
        forwards.append(len(embeds))
        return extend(arena, embeds, positions)

    prefix = opened(decoder)
    monkeypatch.setattr(decoder, "extend", until_memory_runs_out)
    with pytest.raises(torch.OutOfMemoryError):
        list(prefix.complete(list(range(60, 80)), SHORT))
    assert prefix.completion is None
    assert forwards == [7, 7, 6, 7, 7, 1, 7][:after]

    monkeypatch.undo()
    expected, _ = oracle.answer([*PREFIX, 61, 62], NEVER, 5)
    prefix.prefill()
    assert list(prefix.complete([61, 62], SHORT)) == expected


def test_a_second_answer_during_the_first_is_refused_and_harmless(decoder, oracle):
    prefix = opened(decoder)
    answer = prefix.complete([5, 6, 7], SHORT)
    said = [next(answer)]
    for forbidden in (lambda: list(prefix.complete([8])), prefix.prefill, lambda: prefix.append(text([1]))):
        with pytest.raises(GlyphError) as caught:
            forbidden()
        assert caught.value.code == "busy"
    assert not prefix.release()
    said += answer
    assert said == oracle.answer([*PREFIX, 5, 6, 7], NEVER, 5)[0]


def test_two_prefixes_may_answer_in_turns_and_in_threads(decoder, oracle):
    prompts = [[5, 6, 7], [8, 9]]
    expected = [oracle.answer([*PREFIX, *prompt], NEVER, 5)[0] for prompt in prompts]
    prefixes = [opened(decoder) for _ in prompts]
    in_turns = zip(*(p.complete(ids, SHORT) for p, ids in zip(prefixes, prompts, strict=True)), strict=True)
    assert [list(tokens) for tokens in zip(*in_turns, strict=True)] == expected

    answers: dict[int, list[int]] = {}
    threads = [
        threading.Thread(target=lambda i=i: answers.update({i: list(prefixes[i].complete(prompts[i], SHORT))}))
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[0], answers[1]] == expected


def test_sampling_is_repeatable_through_the_cache(decoder):
    prefix = opened(decoder)
    warm = Answering(max_tokens=12, sampling=Sampling(temperature=1.5, seed=3))
    first = list(prefix.complete([5, 6, 7], warm))
    assert list(prefix.complete([5, 6, 7], warm)) == first
    assert list(prefix.complete([5, 6, 7], Answering(12, Sampling(temperature=1.5, seed=4)))) != first


def test_the_last_token_of_an_answer_is_not_in_the_arena(decoder):
    prefix = opened(decoder)
    list(prefix.complete([5, 6, 7], SHORT))
    assert prefix._arena.length == len(PREFIX) + 3 + 4
    assert torch.isfinite(decoder.rows[-1]).all()
