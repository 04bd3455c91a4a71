from collections import Counter

import pytest
import torch

from glyph_demo.decoding.sampling import GREEDY, NonFiniteLogits, Sampler, Sampling

PROBABILITIES = [0.5, 0.25, 0.15, 0.07, 0.03]
LOGITS = torch.tensor(PROBABILITIES).log()


def drawn(sampling: Sampling, times: int = 2000) -> Counter[int]:
    sampler = Sampler(sampling)
    return Counter(sampler(LOGITS).read() for _ in range(times))


def test_greedy_takes_the_likeliest():
    assert Sampler(GREEDY)(LOGITS).read() == 0


def test_equal_seeds_draw_equal_tokens_whatever_else_is_drawn():
    def answer(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.0, seed=seed))
        tokens = []
        for _ in range(50):
            torch.rand(1)  # the global generator moves on
            tokens.append(sampler(LOGITS).read())
        return tokens

    assert answer(7) == answer(7)
    assert answer(7) != answer(8)


def test_temperature_one_draws_the_distribution_itself():
    counts = drawn(Sampling(temperature=1.0))
    for token, probability in enumerate(PROBABILITIES):
        assert counts[token] / 2000 == pytest.approx(probability, abs=0.04)


def test_a_low_temperature_sharpens():
    # p^2 normalised: 0.25 / (0.25 + 0.0625 + 0.0225 + 0.0049 + 0.0009)
    assert drawn(Sampling(temperature=0.5))[0] / 2000 == pytest.approx(0.734, abs=0.04)


@pytest.mark.parametrize(("top_k", "left"), [(1, {0}), (3, {0, 1, 2}), (99, {0, 1, 2, 3, 4})])
def test_top_k_leaves_the_k_likeliest(top_k, left):
    assert set(drawn(Sampling(temperature=1.0, top_k=top_k))) == left


# Of the two that top_k leaves, token 0 has 0.67 of the weight: with 0.6 it stands alone.
@pytest.mark.parametrize(
    ("top_p", "top_k", "left"),
    [(0.01, 0, {0}), (0.45, 0, {0}), (0.7, 0, {0, 1}), (0.8, 0, {0, 1, 2}), (1.0, 0, set(range(5))), (0.6, 2, {0})],
)
def test_top_p_leaves_the_fewest_tokens_that_reach_p_behind_top_k(top_p, top_k, left):
    assert set(drawn(Sampling(temperature=1.0, top_p=top_p, top_k=top_k))) == left


def test_the_repetition_penalty_holds_seen_tokens_down_on_both_sides_of_zero():
    logits = torch.tensor([4.0, 3.0, -1.0])
    sampler = Sampler(Sampling(repetition_penalty=2.0))
    assert [sampler(logits).read() for _ in range(4)] == [0, 1, 0, 0]  # 4 / 2 once, however often seen
    below = Sampler(Sampling(repetition_penalty=2.0), penalised=frozenset({0}))
    assert below(torch.tensor([-1.0, -1.5])).read() == 1  # -1 * 2
    assert logits.tolist() == [4.0, 3.0, -1.0]


def test_numbers_that_are_not_finite_are_found_when_the_token_is_read():
    for bad in (torch.nan, torch.inf, -torch.inf):
        choice = Sampler(Sampling(temperature=1.0, repetition_penalty=1.1))(torch.tensor([1.0, bad, 2.0]))
        assert 0 <= int(choice.token) < 3  # it may already be on its way into the next step
        with pytest.raises(NonFiniteLogits):
            choice.read()


@pytest.mark.parametrize("seed", range(20))
def test_tokens_are_drawn_as_multinomial_draws_them(seed):
    logits = torch.randn(5000, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    sampler = Sampler(Sampling(temperature=0.7, seed=seed))
    for _ in range(3):
        expected = torch.multinomial((logits / 0.7).softmax(0), 1, generator=generator)
        assert sampler(logits).read() == int(expected)
