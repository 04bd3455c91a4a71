"""Quotes → one sentence by a small language model, shown only if the quotes support it.

Imported lazily: it loads torch."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile

from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.engines.pocket.terms import terms
from glyph_demo.models.base import LanguageModel

MAX_TOKENS = 48  # of a phrased sentence
CONTEXT = 1024  # tokens of prompt and answer; three quotes of 120 words are about 300

_INSTRUCTION = (
    "Answer the question in one short sentence, using only words and numbers that stand in the quotes. "
    "Add nothing of your own."
)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s+[A-Z\"“])|\n")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing|without|\w+n['’]t)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence that the quotes support, or None; and prompt tokens cached and computed, and tokens generated."""

    sentence: str | None
    cached: int
    computed: int
    generated: int


class Phraser:
    """Phrases one answer at a time. The instruction is prefilled once; every question rolls back to it."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        decoder = Decoder(model.model)
        decoder.prepare_step()
        self._instruction = _shared(self._prompt("a", ["b"]), self._prompt("c", ["d"]))
        self._prefix = CachedPrefix(decoder, decoder.arena(CONTEXT), [text(self._instruction)], model.stop_ids)
        self._prefix.prefill()

    def phrase(
        self, question: str, quotes: Sequence[str], sources: Sequence[str], max_tokens: int, reuse: bool = True
    ) -> Generator[tuple[int, int], None, Phrase]:
        """Yield (tokens done, maximum) at every decoding step, and return the Phrase. Closing the generator stops
        decoding. `sources` are the sentences of the quotes. Raises GlyphError `context_full` if the question does not
        fit."""
        most = min(max_tokens, MAX_TOKENS)
        prompt = self._prompt(question, quotes)[len(self._instruction) :]
        answer: list[int] = []
        how = Answering(max_tokens=most, reuse=reuse)
        with closing(self._prefix.complete(prompt, how)) as tokens:  # type: ignore[type-var]
            for token in tokens:
                answer.append(token)
                yield len(answer), most
                if _SENTENCE_END.search(self._model.text(answer)):
                    break
        completion = self._prefix.completion
        sentence = _SENTENCE_END.split(self._model.text(answer).strip())[0].strip()
        cached, computed = (completion.cached, completion.computed) if completion else (0, 0)
        return Phrase(sentence if is_supported(sentence, sources) else None, cached, computed, len(answer))

    def _prompt(self, question: str, quotes: Sequence[str]) -> list[int]:
        listed = "\n".join(quotes)
        return self._model.prompt(
            [
                {"role": "system", "content": _INSTRUCTION},
                {"role": "user", "content": f"Quotes:\n{listed}\n\nQuestion: {question}"},
            ]
        )


def _shared(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """The ids that two prompts begin with."""
    return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def is_supported(sentence: str, sources: Sequence[str]) -> bool:
    """Whether one sentence of the quotes supports `sentence`: it contains all its content words and numbers, and either
    both or neither are negated. Words of two sources, or of a source and the question, could together make a statement
    that neither makes."""
    said = {term for term, _ in terms(sentence)}
    if not said or not re.search(r"[.!]$", sentence):
        return False
    denies = _NEGATION.search(sentence) is not None
    return any(
        said <= {term for term, _ in terms(source)} and (_NEGATION.search(source) is not None) == denies
        for source in sources
    )
