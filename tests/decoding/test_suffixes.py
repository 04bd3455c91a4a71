"""The automaton knows every place of a text, as a search through all of it does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_demo.decoding.suffixes import NONE, REACH, ROOT, WAYS, Suffixes

TEXTS = st.integers(1, 4).flatmap(lambda most: st.lists(st.integers(0, most), max_size=60))


def places(text: list[int], part: list[int]) -> list[int]:
    """Where `part` ends in `text`."""
    return [i for i in range(len(part), len(text) + 1) if text[i - len(part) : i] == part]


def longest(text: list[int], said: list[int]) -> list[int]:
    """The longest end of `said` that occurs in `text`."""
    return next(said[i:] for i in range(len(said) + 1) if i == len(said) or places(text, said[i:]))


def state_of(suffixes: Suffixes, part: list[int]) -> int:
    state = ROOT
    for token in part:
        state = suffixes.step(state, token)
        if state == NONE:
            break
    return state


@given(TEXTS, st.lists(st.integers(0, 5), max_size=40))
def test_the_longest_end_of_an_answer_that_occurs_is_found_at_every_token(text, said):
    suffixes, state, matched = Suffixes(text), ROOT, 0
    for i, token in enumerate(said, 1):
        state, matched = suffixes.follow(state, matched, token)
        expected = longest(text, said[:i])
        assert matched == len(expected)
        assert state == state_of(suffixes, expected)


@given(TEXTS)
def test_the_longest_end_that_occurred_before_is_known_while_the_text_grows(text):
    suffixes = Suffixes()
    for i, token in enumerate(text, 1):
        suffixes.append(token)
        found = next(j for j in range(1, i + 1) if j == i or places(text[: i - 1], text[j:i]))
        assert suffixes.again == (state_of(suffixes, text[found:i]), i - found)


@given(TEXTS, st.lists(st.integers(0, 4), max_size=6))
def test_a_string_is_a_path_if_and_only_if_it_occurs(text, part):
    assert (state_of(Suffixes(text), part) != NONE) == (not part or bool(places(text, part)))


@given(st.integers(1, 4).flatmap(lambda most: st.lists(st.integers(0, most), max_size=REACH)))
def test_what_followed_most_often_is_foretold_and_of_equal_ones_the_latest(text):
    suffixes = Suffixes(text)
    for end in range(1, len(text)):
        for start in range(end):
            part = text[start:end]
            state = state_of(suffixes, part)
            ways = {token: places(text, [*part, token]) for token in set(text)}
            ways = {token: ends for token, ends in ways.items() if ends}
            token, to, alone = suffixes.likeliest(state)
            if not ways:
                assert (token, to) == (NONE, NONE)
                continue
            assert token == max(ways, key=lambda token: (len(ways[token]), max(ways[token])))
            assert to == suffixes.step(state, token)
            assert alone == (len(ways) == 1)


def test_what_may_go_on_in_too_many_ways_foretells_nothing():
    few, many = ([token for i in range(ways) for token in (1, 10 + i)] for ways in (WAYS, WAYS + 1))
    for text, expected in ((few, 10 + WAYS - 1), (many, NONE)):
        suffixes = Suffixes(text)
        assert suffixes.likeliest(state_of(suffixes, [1]))[0] == expected
    assert Suffixes([1, 1, 1, 2]).likeliest(ROOT) == (NONE, NONE, False)


LENGTH = 131_072
HARD = {
    "one token": lambda i, draw: 5,
    "two tokens at random": lambda i, draw: draw.randrange(2),
    "no token twice": lambda i, draw: i,
    "two runs": lambda i, draw: int(i == LENGTH // 2),
    "a period of 100": lambda i, draw: i % 100,
}


class Counted(Suffixes):
    """Counts the transitions looked up, which every pass of every loop begins with."""

    looked_up = 0

    def step(self, state: int, token: int) -> int:
        self.looked_up += 1
        return super().step(state, token)


@pytest.mark.parametrize("kind", HARD)
def test_texts_made_to_be_hard_take_no_more_steps_and_no_more_memory_a_token(kind):
    draw = random.Random(3)
    text = [HARD[kind](i, draw) for i in range(LENGTH)]
    suffixes = Counted(text)
    assert suffixes.looked_up <= 8 * LENGTH
    assert len(suffixes._length) <= 2 * LENGTH
    assert sum(map(len, suffixes._more.values())) <= LENGTH
    if kind == "one token":
        assert max(suffixes._count) == REACH + 1  # no string counts itself by more links than that
    suffixes.looked_up, state, matched = 0, ROOT, 0
    said = text[LENGTH // 2 : LENGTH // 2 + 5000]
    for token in [*said, 7, *said]:
        state, matched = suffixes.follow(state, matched, token)
    assert matched >= 5000
    assert suffixes.looked_up <= 5 * len(said)
