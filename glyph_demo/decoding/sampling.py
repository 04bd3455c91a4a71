"""From logits to the next token: greedy, or drawn with temperature, top-k, top-p and a repetition penalty. All of it
happens on the device of the logits; only reading the token waits."""

from __future__ import annotations

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
    """Chooses the tokens of one answer with a random generator of its own: equal seeds give equal answers on a device,
    whatever else draws numbers in the process. `penalised` are ids that the repetition penalty holds down from the
    start; those it chose come to them."""

    def __init__(
        self, sampling: Sampling, device: torch.device | str = "cpu", penalised: frozenset[int] = frozenset()
    ) -> None:
        self._sampling = sampling
        self._generator = torch.Generator(device).manual_seed(sampling.seed)
        self._penalised = torch.tensor(sorted(penalised), dtype=torch.int64, device=device)
        self._seen: torch.Tensor | None = None  # (vocabulary,), bool
        self._marks: list[tuple[torch.Tensor, torch.Tensor | None]] = []  # before each but the first of `together`

    def __call__(self, logits: torch.Tensor) -> Choice:
        """The next token for `logits` (vocabulary,). It is chosen on their device, and nothing waits for it."""
        token, checked = self._chosen(logits)
        return Choice(token, checked)

    def together(self, logits: torch.Tensor) -> list[int]:
        """The next tokens for `logits` (n, vocabulary), each as if those before it had been said; -1 where no token can
        be chosen. Waits for the device once. Tell `keep` how many of them are said, if not all."""
        self._marks, checked = [], []
        for i, row in enumerate(logits):
            if i:
                seen = None if self._seen is None else self._seen.clone()
                self._marks.append((self._generator.get_state(), seen))
            checked.append(self._chosen(row)[1])
        return Choice(checked[0], torch.stack(checked)).read_all()

    def keep(self, count: int) -> None:
        """Of the tokens that `together` chose last the first `count` >= 1 are said: go on from there."""
        if count <= len(self._marks):
            state, self._seen = self._marks[count - 1]
            self._generator.set_state(state)

    def _chosen(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The next token, and the same or -1 where the logits are not finite; both 0-d, on the device."""
        settings = self._sampling
        finite = torch.isfinite(logits).all()
        if settings.repetition_penalty != 1.0:
            logits = self._held_down(logits)
        greedy = settings.temperature == 0.0
        token = logits.argmax() if greedy else self._drawn(logits.float() / settings.temperature)
        if self._seen is not None:
            self._seen.scatter_(0, token[None], True)
        return token, torch.where(finite, token, -1)

    def _drawn(self, scores: torch.Tensor) -> torch.Tensor:
        settings = self._sampling
        if 0 < settings.top_k < scores.numel():
            scores = scores.masked_fill(scores < scores.topk(settings.top_k).values[-1], -torch.inf)
        probabilities = scores.softmax(0)
        if settings.top_p < 1.0:
            probabilities = _nucleus(probabilities, settings.top_p)
        # As torch.multinomial draws, without its checks, which wait for the device.
        noise = torch.empty_like(probabilities).exponential_(1.0, generator=self._generator)
        return (probabilities / noise).argmax()

    def _held_down(self, logits: torch.Tensor) -> torch.Tensor:
        if self._seen is None:
            self._seen = torch.zeros_like(logits, dtype=torch.bool).index_fill_(0, self._penalised, True)
        penalty = self._sampling.repetition_penalty
        return torch.where(self._seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


class Choice:
    """A token that was chosen: on the device, `token`, 0-d int64, at once; in host memory when `read` is called."""

    def __init__(self, token: torch.Tensor, checked: torch.Tensor) -> None:
        self.token = token
        self._host = checked
        self._copied: torch.cuda.Event | None = None
        if token.device.type == "cuda":
            host = torch.empty(checked.shape, dtype=torch.int64, pin_memory=True)
            self._host = host.copy_(checked, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def read_all(self) -> list[int]:
        """The ids of several tokens, -1 for those that could not be chosen. Waits for the device."""
        if self._copied is not None:
            self._copied.synchronize()
        ids: list[int] = self._host.tolist()
        return ids

    def read(self) -> int:
        """The token's id. Waits for the device to have chosen it. Raises NonFiniteLogits."""
        if self._copied is not None:
            self._copied.synchronize()
        token = int(self._host)
        if token < 0:
            raise NonFiniteLogits
        return token


def _nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """The fewest likeliest tokens that together reach `top_p` (Holtzman et al. 2020, arXiv 1904.09751); never none.
    The result need not sum to 1."""
    ordered, order = probabilities.sort(descending=True)
    beyond = ordered.cumsum(0) - ordered >= top_p
    beyond[0] = False
    return torch.empty_like(probabilities).scatter_(0, order, ordered.masked_fill(beyond, 0.0))
