"""Generates one answer: from the model's tokens to events, and the reason it ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence

from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.decoding.sampling import Sampling
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Event, Finished, Progress, Reason, Timings, Token, Usage
from glyph_demo.engines.local.speech import Speech, loops
from glyph_demo.engines.stops import StopFilter
from glyph_demo.errors import out_of_memory, ran_out_of_memory


class Answer:
    """`prompt` holds the token ids between the document and the answer, `quotable` those of the text that the answer
    may quote. An answer may take several rounds. Each continues from all tokens so far, and reuses the KV
    that the arena holds of them."""

    def __init__(self, prompt: list[int], speech: Speech, options: AskOptions, quotable: Suffixes | None) -> None:
        self.speech = speech
        self._prompt = prompt
        self._options = options
        self._quotable = quotable
        self._stops = StopFilter(options.stop)
        self._drafted = self._accepted = 0
        self._generated: list[int] = []  # ids from the model, or given to `say`
        self._spoke: int | None = None  # index of the first token after the thinking
        self._thought = 0
        self._computed: int | None = None  # prompt tokens that were not in the arena
        self._reason: Reason = "length"
        self._began = time.perf_counter()
        self._prefill: float | None = None
        self._first: float | None = None

    def round(self, prefix: CachedPrefix) -> Generator[Event, None, bool]:
        """Generate until the answer ends (returns True) or the thinking has reached its limit (returns False). Raises
        NonFiniteLogits."""
        done, prompt = 0, [*self._prompt, *self._generated]
        with contextlib.closing(prefix.prefilling(prompt, self._options.reuse_kv)) as steps:  # type: ignore[type-var]
            for done, missing in steps:
                yield Progress("prefill", done, missing)
        ended = True
        with contextlib.closing(prefix.complete(prompt, self._how(prefix))) as tokens:  # type: ignore[type-var]
            for token in tokens:
                self._prefill = self._prefill or self._elapsed()
                yield from self.say([token])
                if self._closed() or loops(self._generated):
                    break
                if self._thought_enough():
                    ended = False
                    break
        completion = prefix.completion
        assert completion is not None  # the iterator ended
        if completion.speculation is not None:
            self._drafted += completion.speculation.drafted
            self._accepted += completion.speculation.accepted
        if self._computed is None:
            self._computed = done + completion.computed
        if self._closed() or completion.reason == "stop":
            self._reason = "stop"
        elif completion.reason == "stopped" and ended:
            self._reason = "repetition"
        return ended

    def say(self, tokens: Sequence[int]) -> Iterator[Event]:
        """Append tokens to the answer and yield their events."""
        for token in tokens:
            self._generated.append(token)
            for event in self.speech.feed(token):
                self._first = self._first or self._elapsed()
                if isinstance(event, Token):
                    self._stops.feed(event.text)
                    self._spoke = len(self._generated) - 1 if self._spoke is None else self._spoke
                yield event

    @property
    def lasting(self) -> list[int]:
        """The tokens that a next question's prompt begins with, as far as that is known: chat templates leave thinking
        out."""
        return self._prompt if self._thought else [*self._prompt, *self._generated]

    @property
    def origin(self) -> range:
        """Positions, counted from the end of the document, whose logits produced the answer's tokens: each is one
        before its token. Tags and thinking are left out."""
        if self._spoke is None:
            return range(0)
        before = len(self._prompt) - 1
        return range(before + self._spoke, before + len(self._generated) - self.speech.done)

    def finished(self, document: int, token_bytes: int) -> Finished:
        """The last event; `document` is how many tokens come before the prompt, `token_bytes` the size of the keys and
        values of one token."""
        total = self._elapsed()
        prefill = total if self._prefill is None else self._prefill
        first = total if self._first is None else self._first
        given = document + len(self._prompt)
        cached = max(0, given - (self._computed or 0))
        said = len(self._generated)
        usage = Usage(given, cached, said, self._drafted, self._accepted, (given + said) * token_bytes)
        return Finished(usage, Timings(prefill, first, total - prefill, total), self._reason)

    def _how(self, prefix: CachedPrefix) -> Answering:
        options = self._options
        sampling = Sampling(options.temperature, options.top_k, options.top_p, options.repetition_penalty, options.seed)
        # The penalty includes the prompt, as in the servers that Glyph's published clients use.
        penalised = prefix.ids.union(self._prompt, self._generated)
        room = options.max_new_tokens - len(self._generated)
        return Answering(room, sampling, penalised=penalised, draft=self._quotable)

    def _closed(self) -> bool:
        """Whether the closing tag or a stop text has come."""
        return self.speech.done or self._stops.found

    def _thought_enough(self) -> bool:
        self._thought += self.speech.thinking
        return self.speech.thinking and 0 < self._options.thinking_tokens <= self._thought

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Turn running out of memory into GlyphError `memory_full`, which people can act on."""
    try:
        yield
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        raise out_of_memory() from error
