"""Quotes → one sentence by a small language model, shown only if the quotes support it.

Imported lazily: it loads torch."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from glyph_demo.decoding.decoder import Decoder, text
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.engines.pocket.terms import stem, terms
from glyph_demo.models.base import LanguageModel

MAX_TOKENS = 48  # of a phrased sentence
CONTEXT = 1024  # tokens of prompt and answer; three quotes of 120 words are about 300

_INSTRUCTION = (
    "Answer the question in one short sentence, using only words and numbers that stand in the quotes. "
    "Add nothing of your own."
)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s+[A-Z\"“])|\n")
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_ARTICLES = frozenset({"a", "an", "the"})
_PREPOSITIONS = frozenset({"at", "in", "near", "of", "on"})  # not by, for, from, to, which say who gives and takes


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
    """Whether one sentence of the quotes supports `sentence`, which must be that sentence shortened: its words stand
    there in the same order, and nothing was left out between them that could change who or what a figure or a name
    belongs to. The check ends at the first word that does not fit."""
    said = _words(sentence)
    if not re.search(r"[.!]$", sentence) or not any(word.content for word in said):
        return False
    return any(_shortens(said, _words(source)) for source in sources)


class _Word(NamedTuple):
    """`may_go` says that a sentence means the same without it: articles, prepositions and plain words do, and names
    that a preposition attaches ("on Canal Street"). Figures, other names, auxiliaries and negations do not."""

    stem: str
    content: bool
    may_go: bool


def _words(text: str) -> list[_Word]:
    words, attached = [], False
    for token in _TOKEN.findall(text):
        plain = token.lower().replace("’", "'")
        content = any(True for _ in terms(token))
        if plain in _ARTICLES:
            continue
        preposition, name = plain in _PREPOSITIONS, content and token[0].isupper()
        attached = preposition or (attached and name)
        figure = any(character.isdigit() for character in token)
        may_go = preposition or (content and not figure and (not name or attached))
        words.append(_Word(re.sub("(?<=[0-9]),(?=[0-9]{3})", "", stem(plain)), content, may_go))
    return words


def _shortens(said: Sequence[_Word], source: Sequence[_Word]) -> bool:
    """Whether `said` begins as `source` does, leaves out only words that may go, and ends before a function word or
    where `source` ends ("crowns" alone does not mean "crowns less than planned")."""
    ends = {-1}  # indices of the source where what was said so far can end
    for word in said:
        ends = {
            i
            for i, found in enumerate(source)
            if found.stem == word.stem and any(end < i and _may_skip(source, end, i) for end in ends)
        }
    return any(end + 1 == len(source) or not source[end + 1].content for end in ends)


def _may_skip(source: Sequence[_Word], end: int, start: int) -> bool:
    skipped = source[end + 1 : start]
    return not skipped or (end >= 0 and all(word.may_go for word in skipped))
