"""From logits to the next token: greedy, or drawn with temperature, top-k, top-p and a repetition penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 leave all tokens in.
    `repetition_penalty` (Keskar et al. 2019, arXiv 1909.05858, section 4.1) divides positive and multiplies negative
    logits of the tokens seen; 1 is none. Greedy decoding obeys it too."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0


GREEDY = Sampling()


class NonFiniteLogits(ArithmeticError):
    """The model's numbers overflowed: no token can be chosen."""


class Sampler:
    """Chooses the tokens of one answer with a random generator of its own: equal seeds give equal answers, whatever
    else draws numbers in the process. `penalised` are ids that the repetition penalty holds down from the start."""

    def __init__(
        self, sampling: Sampling, device: torch.device | str = "cpu", penalised: frozenset[int] = frozenset()
    ) -> None:
        self._sampling = sampling
        self._penalised = penalised
        self._generator = torch.Generator(device).manual_seed(sampling.seed)

    def __call__(self, logits: torch.Tensor, seen: Sequence[int] = ()) -> int:
        """The next token id for `logits` (vocabulary,). `seen` are the answer's ids so far, which the repetition
        penalty holds down too. Raises NonFiniteLogits."""
        settings = self._sampling
        if not torch.isfinite(logits).all():
            raise NonFiniteLogits
        if settings.repetition_penalty != 1.0 and (seen or self._penalised):
            logits = _penalised(logits, self._penalised.union(seen), settings.repetition_penalty)
        if settings.temperature == 0.0:
            return int(logits.argmax())
        scores = logits.float() / settings.temperature
        if 0 < settings.top_k < scores.numel():
            scores = scores.masked_fill(scores < scores.topk(settings.top_k).values[-1], -torch.inf)
        probabilities = scores.softmax(0)
        if settings.top_p < 1.0:
            probabilities = _nucleus(probabilities, settings.top_p)
        return int(torch.multinomial(probabilities, 1, generator=self._generator))


def _penalised(logits: torch.Tensor, seen: frozenset[int], penalty: float) -> torch.Tensor:
    ids = torch.tensor(sorted(seen), device=logits.device)
    scores = logits[ids]
    return logits.index_copy(0, ids, torch.where(scores > 0, scores / penalty, scores * penalty))


def _nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """The fewest likeliest tokens that together reach `top_p` (Holtzman et al. 2020, arXiv 1904.09751); never none.
    The result need not sum to 1: torch.multinomial takes weights."""
    ordered, order = probabilities.sort(descending=True)
    beyond = ordered.cumsum(0) - ordered >= top_p
    beyond[0] = False
    return probabilities.index_fill(0, order[beyond], 0.0)
