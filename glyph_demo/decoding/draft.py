"""Drafting an answer's next tokens from text it may quote, so that one forward can confirm several of them.

As in suffix decoding (Oliaro et al. 2024, arXiv 2411.04975), the longest end of the answer that occurs in the text is
looked up, and what followed it most often may follow here. Drafts change how many forwards an answer takes, and nothing
in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from glyph_demo.decoding.suffixes import NONE, ROOT, Suffixes

DRAFTED = 15  # the most tokens a draft: for over 7 of them CUDA reads keys and values twice (kernels.py)
GAIN = 1.1  # a draft must promise this many times the tokens that the same time gives without one
# How often a foretold token is right, until the answer has shown it: where the text goes on in several ways, and where
# it goes on in one way behind 1, 2, ... matched tokens. Rounded from the answers of benchmarks/drafted_answers.json.
TRUST = (0.15, 0.35, 0.55, 0.65, 0.75, 0.75, 0.8, 0.8, 0.95)
TRUSTED = 2.0  # the tokens of the answer that weigh as much as that
FORGET = 0.95  # what a token weighs less with each later one
# The time that a token of a draft adds to a step, as a share of one without: 110 ms for 81, with 8 (performance.md).
ADDED = 0.05
DEAREST = 0.5  # as much at most: drafts that are nearly certain are still made, so that a wrong measurement is mended
TIMED = 9  # steps of either kind whose median counts


@dataclass(slots=True)
class Speculation:
    """What drafting did for one answer: forwards after the prompt's, tokens drafted, those of them that were right."""

    forwards: int = 0
    drafted: int = 0
    accepted: int = 0


class Costs:
    """How long steps take on this device, with a draft and without. It begins with `ADDED`, and goes by the steps seen
    once they are the most of the last `TIMED`: the first of a width may have its kernels to make."""

    def __init__(self) -> None:
        self._plain: deque[float] = deque(maxlen=TIMED)
        self._added = deque([ADDED] * TIMED, maxlen=TIMED)

    def took(self, drafted: int, seconds: float) -> None:
        """A step with `drafted` tokens of a draft took `seconds`."""
        if not drafted:
            self._plain.append(seconds)
        elif self._plain:
            plain = median(self._plain)
            self._added.append(max(0.0, seconds - plain) / (plain * drafted))

    @property
    def added(self) -> float:
        """The time that a token of a draft adds to a step, as a share of a step without, at most `DEAREST`. Devices
        that run ahead of the host cannot time a step: there it stays `ADDED`."""
        return min(median(self._added), DEAREST)


class Drafter:
    """Follows one answer through the text of `document`, the tokens of `prompt`, and the answer itself.

    It foretells the next tokens at every step, which takes microseconds, and keeps count of how often that was right.
    So it knows what a draft is worth without making one: as many tokens are drafted, at most `DRAFTED`, as promise the
    most tokens in the time of a step, and none where that is less than without a draft."""

    def __init__(self, document: Suffixes, prompt: Sequence[int] = (), costs: Costs | None = None) -> None:
        self.counts = Speculation()
        self.costs = costs or Costs()
        self._document, self._state, self._matched = document, ROOT, 0
        self._said = Suffixes(prompt)
        self._foretold: list[tuple[int, int]] = []  # tokens, and each one's index into `_trust`
        self._right = 0  # how many of them came true
        self._size = 0  # how many of them were drafted
        self._trust = [(share * TRUSTED, TRUSTED) for share in TRUST]  # tokens that were right, and all

    def take(self, token: int) -> None:
        """The answer goes on with `token`."""
        if self._right < len(self._foretold):
            foretold, kind = self._foretold[self._right]
            right, every = self._trust[kind]
            self._trust[kind] = right * FORGET + (token == foretold), every * FORGET + 1
            if token == foretold:
                self.counts.accepted += self._right < self._size
                self._right += 1
            else:
                self._foretold = []
        self._state, self._matched = self._document.follow(self._state, self._matched, token)
        self._said.append(token)

    def draft(self, most: int) -> list[int]:
        """At most `most` tokens that may come next; often none."""
        self._foretold, self._right, self._size = self._foretell(), 0, 0
        chance = expected = 1.0
        best, added = GAIN, self.costs.added
        for size, (_, kind) in enumerate(self._foretold[: max(0, most)], 1):
            right, every = self._trust[kind]
            chance *= right / every
            expected += chance
            if (gain := expected / (1 + added * size)) > best:
                best, self._size = gain, size
        self.counts.forwards += 1
        self.counts.drafted += self._size
        return [token for token, _ in self._foretold[: self._size]]

    def _foretell(self) -> list[tuple[int, int]]:
        """What follows the longest end of the answer that occurs in the document, or before in what was said."""
        text, (state, matched) = self._said, self._said.again
        if self._matched > matched:
            text, state, matched = self._document, self._state, self._matched
        found: list[tuple[int, int]] = []
        while len(found) < DRAFTED and state != ROOT:
            token, state, alone = text.likeliest(state)
            if state == NONE:
                break
            found.append((token, min(matched, len(TRUST) - 1) if alone else 0))
            matched += 1
        return found
