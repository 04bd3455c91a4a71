"""Answers that decode beside each other share every step, and say what each says alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.draft import Drafter
from glyph_demo.decoding.loop import decode, prefill
from glyph_demo.decoding.products import available
from glyph_demo.decoding.sampling import Sampler, Sampling
from glyph_demo.decoding.suffixes import Suffixes
from tests.decoding.tiny import tiny_llama

PROMPTS = [[(7 * row + 3 * i) % 90 for i in range(5 + 40 * row)] for row in range(6)]


class Counting(Decoder):
    """Remembers how many rows each forward had."""

    def __init__(self, model):
        super().__init__(model)
        self.widths = []
        assert self.prepare_step() is None
        self.widths.clear()

    def _together(self, rows):
        self.widths.append(len(rows))
        return super()._together(rows)


@pytest.fixture(scope="module")
def model():
    return tiny_llama(4, 2)


def answer(decoder, prompt, sampling, tokens=40, draft=False, stop=frozenset()):
    arena = decoder.arena()
    hidden = prefill(decoder, arena, text(prompt))
    drafter = Drafter(Suffixes(prompt)) if draft else None
    sampler = Sampler(sampling, decoder.device, frozenset(prompt))
    return list(decode(decoder, arena, hidden, sampler, stop, tokens, [], drafter))


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.1, seed=5)])
def test_each_answer_is_what_it_is_alone(model, sampling, draft):
    decoder = Counting(model)
    alone = [answer(decoder, prompt, sampling, draft=draft) for prompt in PROMPTS]
    assert len({tuple(tokens) for tokens in alone}) == len(PROMPTS)
    assert set(decoder.widths) == {1}

    decoder.widths.clear()
    decoder.batch_steps(8, 30.0)
    all_there = threading.Barrier(len(PROMPTS))

    def beside_others(prompt):
        all_there.wait()
        return answer(decoder, prompt, sampling, draft=draft)

    with ThreadPoolExecutor(len(PROMPTS)) as threads:
        together = list(threads.map(beside_others, PROMPTS))
    assert together == alone
    assert max(decoder.widths) >= 4
    assert len(decoder.widths) < sum(decoder.widths)


def test_rows_join_and_leave_between_steps_and_no_forward_is_wider_than_allowed(model):
    decoder = Counting(model)
    lengths = [10, 60, 25, 5, 40, 33]
    alone = [answer(decoder, prompt, Sampling(), tokens) for prompt, tokens in zip(PROMPTS, lengths, strict=True)]
    decoder.widths.clear()
    decoder.batch_steps(3, 5.0)
    with ThreadPoolExecutor(len(PROMPTS)) as threads:
        together = list(threads.map(lambda row: answer(decoder, PROMPTS[row], Sampling(), lengths[row]), range(6)))
    assert together == alone
    assert 1 < max(decoder.widths) <= 3


def test_a_closed_answer_frees_its_row(model):
    decoder = Counting(model)
    decoder.batch_steps(8, 60.0)
    arenas = [decoder.arena() for _ in range(2)]
    streams = []
    for arena, prompt in zip(arenas, PROMPTS, strict=False):
        hidden = prefill(decoder, arena, text(prompt))
        sampler = Sampler(Sampling(), decoder.device, frozenset())
        streams.append(decode(decoder, arena, hidden, sampler, frozenset(), 50, []))
    for _ in range(2):  # a step of its own, so that the next one is waited for
        next(streams[0])
    next(streams[1])
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(next, streams[1])
        while not decoder._batcher._calls:
            time.sleep(0.001)
        next(streams[0])
        late.result()
    assert decoder._batcher._expected == set(arenas)
    streams[0].close()
    assert decoder._batcher._expected == {arenas[1]}  # or the next step waits a minute for the one that is gone
    assert len(list(streams[1])) == 48


def test_one_forward_over_several_arenas_gives_what_each_gives(model):
    decoder = Counting(model)
    rows, alone = [], []
    for prompt, count in zip(PROMPTS, (1, 3, 1, 9, 2, 1), strict=True):
        arena = decoder.arena()
        prefill(decoder, arena, text(prompt))
        ids, before = list(range(20, 20 + count)), arena.mark()
        alone.append(decoder.step(arena, ids))
        arena.rollback(before)
        rows.append((arena, torch.tensor(ids)))
    for together, expected in zip(decoder._together(rows), alone, strict=True):
        assert torch.equal(together, expected) if available() else (together - expected).abs().max() < 1e-4


def test_in_bfloat16_a_forward_of_a_processor_has_no_more_rows_than_are_known_to_be_equal(monkeypatch):
    decoder, forwards = Counting(tiny_llama(4, 2).bfloat16()), []
    arenas = [decoder.arena() for _ in range(3)]
    for arena, prompt in zip(arenas, PROMPTS, strict=False):
        prefill(decoder, arena, text(prompt))
        arena.reserve(arena.length + 8)
    heads, plainly, logits = [], decoder._step._plainly, decoder.logits
    monkeypatch.setattr(decoder, "logits", lambda hidden: (heads.append(len(hidden)), logits(hidden))[1])
    monkeypatch.setattr(
        decoder._step, "_plainly", lambda rows: (forwards.append([len(ids) for _, ids in rows]), plainly(rows))[1]
    )
    rows = [(arena, torch.arange(count)) for arena, count in zip(arenas, (8, 7, 3), strict=True)]
    together = decoder._together(rows)
    assert forwards == [[8, 7], [3]]
    assert heads == [16, 2]
    for row, beside in zip(rows, together, strict=True):
        (alone,) = decoder._together([row])
        torch.testing.assert_close(alone, beside, atol=0.02, rtol=0.02)
