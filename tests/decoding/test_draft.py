"""Drafts change how many forwards an answer takes and nothing else.

The quoted text is what the model itself would say, so that every accepted token rests on the keys and values of the
drafted ones before it."""

import random
from dataclasses import replace

import pytest
import torch

from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.draft import ADDED, DEAREST, DRAFTED, Costs, Drafter
from glyph_demo.decoding.prefix import Answering, CachedPrefix, Completion
from glyph_demo.decoding.sampling import Choice, Sampling
from glyph_demo.decoding.suffixes import Suffixes
from tests.decoding.tiny import NEVER, RecordingDecoder

PREFIX = tuple(range(10, 40))
LONG = 48
NOISE = list(range(3, 90, 7))


class Untimed(Costs):
    """The same on a busy machine, so that forwards can be counted."""

    def took(self, drafted: int, seconds: float) -> None:
        pass


def opened(decoder: RecordingDecoder, stop_ids: frozenset[int] = NEVER, maximum: int | None = None) -> CachedPrefix:
    prefix = CachedPrefix(decoder, decoder.arena(maximum), [text(PREFIX)], stop_ids)
    prefix._costs = Untimed()
    return prefix


def answered(prefix: CachedPrefix, prompt: list[int], how: Answering) -> Completion:
    list(prefix.complete(prompt, how))
    assert prefix.completion is not None
    return prefix.completion


def corrupted(answer: tuple[int, ...], every: int) -> Suffixes:
    """The answer with every so many tokens replaced, so that drafts from it break off."""
    return Suffixes((token + 1) % 97 if i % every == every - 1 else token for i, token in enumerate(answer))


def test_an_answer_that_quotes_takes_less_than_half_the_forwards(decoder, oracle):
    expected, _ = oracle.answer([*PREFIX, 5, 6, 7], NEVER, LONG)
    done = answered(opened(decoder), [5, 6, 7], Answering(LONG, draft=Suffixes([*NOISE, *expected, *NOISE])))
    assert list(done.ids) == expected
    assert 2 * done.speculation.forwards <= LONG
    assert done.speculation.accepted >= LONG // 2
    # Every token but the last comes from a forward of its own or was accepted as a draft.
    assert done.speculation.forwards + done.speculation.accepted == LONG - 1


SAMPLINGS = {
    "greedy": Sampling(),
    "penalty": Sampling(repetition_penalty=1.3),
    "sampled": Sampling(temperature=1.0, seed=3),
    "sampled, top p, penalty": Sampling(0.8, top_k=40, top_p=0.9, repetition_penalty=1.2, seed=4),
}


@pytest.mark.parametrize("every", [2, 7, 9, 1000])
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_the_answer_is_the_same_token_by_token_whether_drafts_hold_or_break(sampling, every, decoder):
    """Also when sampling: each token is drawn as without drafts, so that equal seeds give equal answers."""
    prefix = opened(decoder)
    forwards = drafts = accepted = 0
    for question in ([5, 6, 7], [8], [60, 61]):
        plain = answered(prefix, question, Answering(LONG, sampling, penalised=frozenset(PREFIX)))
        how = Answering(LONG, sampling, penalised=frozenset(PREFIX), draft=corrupted(plain.ids, every))
        drafted = answered(prefix, question, how)
        assert drafted.ids == plain.ids
        forwards += drafted.speculation.forwards
        drafts += drafted.speculation.drafted
        accepted += drafted.speculation.accepted
    assert 0 < accepted < drafts or every in (2, 1000)
    assert 2 * forwards < 3 * LONG or every < 1000


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(5, 10))])
def test_conversations_with_drafts_go_as_those_without(seed, decoder):
    """Asking on, stopping midway, undoing, editing; what the arena holds counts to the entry."""
    draw = random.Random(seed)
    plain, drafting = opened(decoder), opened(decoder)
    turns: list[list[int]] = []  # of each, question and answer
    for _ in range(12):
        del turns[draw.choice([0, max(0, len(turns) - 1), 5, 5]) :]
        question = [draw.randrange(3, 90) for _ in range(draw.randint(1, 5))]
        prompt = [*(i for turn in turns for i in (*turn, 2)), *question]
        expected = list(plain.complete(prompt, Answering(30)))
        how = Answering(30, draft=corrupted(tuple(expected), draw.choice([3, 7, 13, 99])))
        if draw.random() < 0.3:
            stop = draw.randint(1, 30)
            answers = [drafting.complete(prompt, how), plain.complete(prompt, Answering(30))]
            assert [[next(answer) for _ in range(stop)] for answer in answers] == [expected[:stop]] * 2
            for answer in answers:
                answer.close()
        else:
            assert list(drafting.complete(prompt, how)) == expected
        assert drafting._arena.mark() == plain._arena.mark()
        assert drafting._written == plain._written
        turns.append([*question, *drafting.completion.ids])


@pytest.mark.parametrize("said", [1, 3, 4, 5, 8, 9, 10, 17, 19])
def test_closing_anywhere_within_an_accepted_draft_leaves_a_sound_arena(said, oracle):
    decoder = RecordingDecoder(oracle._model)
    expected, _ = oracle.answer([*PREFIX, 5], NEVER, 20)
    prefix = opened(decoder)
    answer = prefix.complete([5], Answering(LONG, draft=Suffixes(expected)))
    assert [next(answer) for _ in range(said)] == expected[:said]
    answer.close()
    assert prefix._arena.length == len(PREFIX) + 1 + said - 1
    prompt = [5, *expected[:said], 2, 8]
    assert list(prefix.complete(prompt, Answering(4))) == oracle.answer([*PREFIX, *prompt], NEVER, 4)[0]


def test_a_stop_id_inside_a_draft_ends_the_answer_there(decoder):
    free = answered(opened(decoder), [5, 6, 7], Answering(LONG)).ids
    stop = next(token for i, token in enumerate(free) if i > 12 and token not in free[:i])
    prefix = opened(decoder, frozenset([stop]))
    done = answered(prefix, [5, 6, 7], Answering(LONG, draft=Suffixes(free)))
    assert (done.ids, done.reason) == (free[: free.index(stop)], "stop")
    assert done.speculation.accepted > 0
    assert prefix._arena.length == len(PREFIX) + 3 + len(done.ids)


@pytest.mark.parametrize("tokens", [1, 2, 4, 5, 8, 9, 13, 17, 24])
def test_drafts_end_where_the_answer_must(tokens, decoder):
    """At the token limit, and at the end of the context; and they take no memory of their own."""
    free = answered(opened(decoder), [5], Answering(LONG)).ids
    assert answered(opened(decoder), [5], Answering(tokens, draft=Suffixes(free))).ids == free[:tokens]

    plain, drafting = (opened(decoder, maximum=len(PREFIX) + tokens) for _ in range(2))
    expected = answered(plain, [5], Answering(LONG))
    done = answered(drafting, [5], Answering(LONG, draft=Suffixes(free)))
    assert (done.ids, done.reason) == (expected.ids, "length")
    assert drafting.nbytes == plain.nbytes


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_the_host_waits_for_the_device_once_a_forward_however_many_tokens_it_gives(sampling, decoder, monkeypatch):
    how = Answering(LONG, sampling, penalised=frozenset(PREFIX))
    plain, waits = answered(opened(decoder), [5], how).ids, []
    for name in ("read", "read_all"):
        original = getattr(Choice, name)
        monkeypatch.setattr(Choice, name, lambda self, original=original: waits.append(1) or original(self))
    done = answered(opened(decoder), [5], replace(how, draft=Suffixes(plain)))
    assert done.ids == plain
    assert done.speculation.accepted >= LONG // 2
    assert len(waits) == done.speculation.forwards + 1  # and one behind the prompt


def test_an_answer_that_quotes_nothing_is_left_alone(decoder):
    strange = torch.randint(0, 97, (2000,), generator=torch.Generator().manual_seed(1)).tolist()
    sampling = Sampling(temperature=2.0, seed=1)
    done = answered(opened(decoder), [5, 6, 7], Answering(200, sampling, draft=Suffixes(strange)))
    assert done.speculation.forwards >= 195
    # The time of all steps, counted in steps without a draft.
    assert done.speculation.forwards + ADDED * done.speculation.drafted <= 1.03 * 199


def fed(drafter: Drafter, tokens: list[int]) -> None:
    for token in tokens:
        drafter.take(token)


def test_a_place_that_is_found_again_is_quoted_from_its_second_token_on():
    drafter = Drafter(Suffixes(range(100, 150)))
    assert drafter.draft(DRAFTED) == []
    fed(drafter, [100, 101])
    drafted = drafter.draft(DRAFTED)
    assert drafted == list(range(102, 102 + len(drafted)))
    fed(drafter, [102, 103, 104, 7])
    assert drafter.draft(DRAFTED) == []
    assert (drafter.counts.forwards, drafter.counts.drafted, drafter.counts.accepted) == (3, len(drafted), 3)


def test_a_place_that_goes_on_coming_true_is_quoted_with_the_longest_drafts():
    drafter = Drafter(Suffixes(range(100, 200)))
    fed(drafter, [100, 101])
    lengths, at = [], 102
    while len(lengths) < 5:
        drafted = drafter.draft(DRAFTED)
        lengths.append(len(drafted))
        fed(drafter, [*drafted, at + len(drafted)])
        at += len(drafted) + 1
    assert lengths == sorted(lengths)
    assert lengths[-1] == DRAFTED


def test_what_it_said_itself_and_the_question_are_quoted_too():
    drafter = Drafter(Suffixes(), [20, 21, 22, 23])
    fed(drafter, [21, 22])
    assert drafter.draft(3)[:1] == [23]
    fed(drafter, [23, 40, 41, 42, 22, 23, 40])
    assert drafter.draft(2) == [41, 42]


def test_the_longest_match_decides_then_the_most_frequent_one_then_the_latest():
    text = Suffixes([2, 3, 50, 9, 3, 60, 8, 3, 60, 7, 3, 70])
    drafter = Drafter(text)
    fed(drafter, [2, 3])
    assert drafter._foretell()[0][0] == 50
    drafter = Drafter(text)
    fed(drafter, [1, 3])
    assert drafter._foretell()[0][0] == 60  # twice, and the later 70 once
    assert text.likeliest(text.follow(0, 0, 60)[0])[0] == 7  # as often as 8, and later


def test_no_more_is_drafted_than_asked_for():
    for most in (-1, 0, 1, 3, DRAFTED, 20):
        drafter = Drafter(Suffixes(range(100, 150)))
        fed(drafter, [100, 101, 102])
        assert len(drafter.draft(most)) <= max(0, most)
        assert len(drafter.draft(min(most, 3))) == max(0, min(most, 3))


def test_places_that_mislead_are_no_longer_drafted_from_and_are_again_once_they_foretell():
    drafter = Drafter(Suffixes(range(1000)))
    drafted = []
    for start in range(0, 800, 20):
        fed(drafter, [start, start + 1])
        drafted.append(len(drafter.draft(DRAFTED)))
        drafter.take(2000)
    assert drafted[0] > 4
    assert drafted[-10:] == [0] * 10
    fed(drafter, [801, 802])
    waited = 0
    while not drafter.draft(DRAFTED):
        drafter.take(803 + waited)
        waited += 1
    assert 0 < waited < 8


def taken(pairs: list[tuple[float, float]], drafted: int) -> Costs:
    """The costs after steps that took so long without a draft, and with one."""
    costs = Costs()
    for without, with_draft in pairs:
        costs.took(0, without)
        costs.took(drafted, with_draft)
    return costs


def test_what_a_draft_costs_is_measured_and_single_slow_steps_do_not_count():
    costs = Costs()
    costs.took(7, 1.0)  # compared with nothing yet
    assert costs.added == ADDED
    assert taken([(0.1, 9.0), (9.0, 9.0)], 4).added == ADDED  # kernels being made
    assert taken([(0.1, 9.0), (9.0, 9.0), *[(0.1, 0.2)] * 6, (0.1, 9.0)], 4).added == pytest.approx(0.25)
    assert taken([(0.1, 0.09)] * 9, 4).added == 0
    assert taken([(0.1, 9.0)] * 9, 4).added == DEAREST


def test_a_device_on_which_drafts_cost_much_drafts_only_what_is_nearly_certain():
    lengths = []
    for costs in (Costs(), taken([(0.1, 9.0)] * 9, 4)):
        drafter = Drafter(Suffixes(range(100, 150)), costs=costs)
        fed(drafter, [100, 101])
        lengths.append(len(drafter.draft(DRAFTED)))
    assert lengths[0] > 4
    assert lengths[1] == 0
    fed(drafter, list(range(102, 112)))
    assert len(drafter.draft(DRAFTED)) > 4


def test_a_conversation_measures_what_drafts_cost_here(decoder):
    prefix = CachedPrefix(decoder, decoder.arena(), [text(PREFIX)], NEVER)
    plain = answered(prefix, [5, 6, 7], Answering(LONG)).ids
    for _ in range(3):
        answered(prefix, [5, 6, 7], Answering(LONG, draft=corrupted(plain, 7)))
    assert ADDED not in prefix._costs._added
