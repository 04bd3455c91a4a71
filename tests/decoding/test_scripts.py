"""The promise that matters most: whatever a conversation does, the cached path answers as if computed from nothing."""

import random
from dataclasses import dataclass, field

import pytest
import torch

from glyph_demo.decoding.decoder import text
from glyph_demo.decoding.pool import PrefixPool
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from tests.decoding.tiny import VOCABULARY, Oracle, RecordingDecoder

STOP_IDS = frozenset(range(90, VOCABULARY))
ANSWER_END = (2, 3)
MAX_TOKENS = 6
STEPS = 36
TOLERANCE = 1e-4


@dataclass
class Shadow:
    """What a document and its turns ought to be."""

    prefix: list[int]
    turns: list[tuple[list[int], list[int]]] = field(default_factory=list)

    def prompt(self, keep: int, question: list[int]) -> list[int]:
        """The ids behind the prefix."""
        ids: list[int] = []
        for asked, answered in self.turns[:keep]:
            ids += [*asked, *answered, *ANSWER_END]
        return ids + question


class Script:
    """One seeded conversation over three documents in a pool that has room for about one and a half of them."""

    def __init__(self, seed: int, decoder: RecordingDecoder, oracle: Oracle) -> None:
        self.random = random.Random(seed)
        self.decoder, self.oracle = decoder, oracle
        self.pool = PrefixPool(decoder, budget=200 * decoder.bytes_per_entry)
        self.evictions = 0
        self.shadows, self.prefixes = [], []
        for _ in range(3):
            pages = [self.ids(15, 35) for _ in range(self.random.randint(1, 3))]
            self.shadows.append(Shadow([token for page in pages for token in page]))
            self.prefixes.append(self.pool.open([text(page) for page in pages], STOP_IDS))
        self.now = 0

    def ids(self, least: int, most: int) -> list[int]:
        return [self.random.randrange(4, 90) for _ in range(self.random.randint(least, most))]

    def run(self) -> None:
        kinds = ["ask", "ask", "ask", "stop", "stop", "undo", "edit", "retry", "append", "anew", *["switch"] * 5]
        for _ in range(STEPS):
            shadow, prefix = self.shadows[self.now], self.prefixes[self.now]
            kind = self.random.choice(kinds)
            if kind == "switch":
                self.now = self.random.randrange(3)
            elif kind == "append" and len(shadow.prefix) < 100:
                page = self.ids(3, 9)
                shadow.prefix += page
                prefix.append(text(page))
            elif kind == "undo" and shadow.turns:
                shadow.turns.pop()
            elif len(shadow.turns) < 4 or kind in ("edit", "retry"):
                self.answer(kind, shadow, prefix)
            assert self.pool.nbytes <= self.pool.budget

    def answer(self, kind: str, shadow: Shadow, prefix: CachedPrefix) -> None:
        """Ask, edit or retry, to the end or stopped midway, and compare tokens and logits with the oracle's."""
        keep, question = len(shadow.turns), self.ids(1, 9)
        if kind == "edit" and shadow.turns:
            keep = self.random.randrange(len(shadow.turns))
        elif kind == "retry" and shadow.turns:
            keep, question = len(shadow.turns) - 1, shadow.turns[-1][0]
        prompt = shadow.prompt(keep, question)
        tokens = prefix.complete(prompt, Answering(MAX_TOKENS, reuse=kind != "anew"))
        expected, rows = self.oracle.answer([*shadow.prefix, *prompt], STOP_IDS, MAX_TOKENS)
        if kind == "stop" and expected:
            expected = expected[: self.random.randint(1, len(expected))]

        self.decoder.rows.clear()
        others = [p for p in self.prefixes if p is not prefix and p.nbytes]
        if kind == "stop" and expected:
            answer = [next(tokens) for _ in expected]
            tokens.close()
        else:
            answer = list(tokens)
        self.evictions += sum(other.nbytes == 0 for other in others)

        assert answer == expected == list(prefix.completion.ids)
        given = torch.stack(self.decoder.rows)[: len(rows)]  # running ahead computes one that nobody asks for
        assert (given - rows[: len(given)]).abs().max() < TOLERANCE
        shadow.turns[keep:] = [(question, answer)]


@pytest.mark.parametrize("first", range(0, 20, 4))
def test_a_cached_conversation_answers_like_one_computed_from_nothing(first, decoder, oracle):
    scripts = [Script(seed, decoder, oracle) for seed in range(first, first + 4)]
    for script in scripts:
        script.run()
    assert sum(script.evictions for script in scripts) >= 2
