"""Questions that a document answers, made from its own sentences, rows and headings, and kept only if the document,
asked, shows first what each was made from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest

from glyph_demo.engines.pocket.answering import Document, Shown
from glyph_demo.engines.pocket.intents import wants_summary, wants_writing
from glyph_demo.engines.pocket.matching import is_wide
from glyph_demo.engines.pocket.outline import clean, parts_of
from glyph_demo.engines.pocket.own_question import KINDS, Candidate
from glyph_demo.engines.pocket.own_questions_en import EnglishRules
from glyph_demo.engines.pocket.own_questions_zh import ChineseRules
from glyph_demo.engines.pocket.quotes import Quote
from glyph_demo.engines.pocket.sentences import Sentence

MOST = 3
MAX_LENGTH = {True: 40, False: 90}  # characters of a question with and without Chinese characters
MAX_SENTENCES = 1500  # from the beginning on, that questions are made from
MAX_SENTENCE = {True: 120, False: 260}  # characters of such a sentence
MAX_TRIES = 24  # questions that a document of up to FEW sentences is asked
FEW = 400
MIN_TRIES = 6
_PLAIN = re.compile(r"[\w .,:;'’\"“”‘’?？，。、：（）()《》「」·%&/+–-]+")
_POINT = re.compile(r"^[A-Z][^\s.,:;]*(?: [^\s.,:;]+){0,4}: (?=[A-Z])")  # what an item of a list is about
_BETWEEN_WIDE = re.compile(r"(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fff])")
_NO_WORDS = re.compile(r"https?:|www\.|@|//")
_MARK = re.compile(
    r"^(?:[-•·●▪–—*]\s+|\(?\d{1,2}(?:\.\d+)*[.)、]\s*(?!\d)|\(?[a-z]\)\s+|[(（][一二三四五六七八九十\d]+[)）]\s*"
    r"|第[〇零一二三四五六七八九十百\d]+条\s*)"
)

Ask = Callable[[str], tuple[Shown, bool]]


def own_questions(document: Document, ask: Ask) -> tuple[str, ...]:
    """Up to MOST questions in the document's language, of different kinds if there are. `ask` answers one: what is
    shown, and whether it is sure."""
    sentences = document.sentences
    wide = _is_wide(sentences)
    tries = max(MIN_TRIES, min(MAX_TRIES, MAX_TRIES * FEW // max(1, len(sentences))))
    kept: list[Candidate] = []
    second: list[Candidate] = []  # answered by their sentence together with those before it
    for candidate in _by_turns(_candidates(document, wide)):
        if len(kept) == MOST or not tries:
            break
        if any(_repeats(candidate, other) for other in kept):
            continue
        tries -= 1
        parts, sure = ask(candidate.question)
        place = _place(candidate, sentences[candidate.sentence], parts) if sure else None
        if place is not None:
            (second if place else kept).append(candidate)
    for candidate in second:
        if len(kept) < MOST and not any(_repeats(candidate, other) for other in kept):
            kept.append(candidate)
    return tuple(candidate.question for candidate in kept)


def _by_turns(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One of each kind, then the next of each."""
    kinds = [[one for one in candidates if one.kind == kind] for kind in KINDS]
    return [one for turn in zip_longest(*kinds) for one in turn if one is not None]


def _candidates(document: Document, wide: bool) -> list[Candidate]:
    sentences = document.sentences[:MAX_SENTENCES]
    rules = ChineseRules() if wide else EnglishRules("\n".join(sentence.text for sentence in sentences))
    found: list[Candidate] = []
    for table in document.tables:
        found += rules.of_table(table)
    forms = Counter(label for form in document.forms for label in form.values)
    for form in document.forms:
        for label, (value, i) in form.values.items():
            if forms[label] == 1:
                found += rules.of_label(f"{label}: {value}", i)
    for part in parts_of(sentences):
        if part.heading is not None and part.body:
            found += rules.of_heading(clean(sentences[part.heading].text), part.body[0])
    taken = {row.sentence for table in document.tables for row in table.rows}
    for i, sentence in enumerate(sentences):
        if i not in taken and not sentence.heading and len(sentence.text) <= MAX_SENTENCE[wide]:
            text = _MARK.sub("", " ".join(sentence.text.split()))
            if is_wide(text) == wide:
                found += rules.of_label(text, i) if sentence.row else rules.of_sentence(_POINT.sub("", text), i)
    tidy = (one._replace(question=_BETWEEN_WIDE.sub("", one.question)) for one in found)
    return [candidate for candidate in tidy if _is_fit(candidate, wide)]


def _is_fit(candidate: Candidate, wide: bool) -> bool:
    """Whether a question is short and plain, is not a request for something else, and does not hold its answer."""
    question = candidate.question
    return (
        len(question) <= MAX_LENGTH[wide]
        and question.isprintable()
        and _PLAIN.fullmatch(question) is not None
        and not _NO_WORDS.search(question)
        and not (candidate.answer and candidate.answer.casefold() in question.casefold())
        and not wants_summary(question)
        and not wants_writing(question)
    )


def _repeats(candidate: Candidate, other: Candidate) -> bool:
    return candidate.sentence == other.sentence or candidate.question == other.question


def _place(candidate: Candidate, source: Sentence, parts: Shown) -> int | None:
    """Where in the first quote that is shown the question's sentence stands, from 0. None if it does not, or if what is
    said in short is not the answer."""
    quote = next((part for part in parts if isinstance(part, Quote)), None)
    if quote is None or source.text not in quote.sentences or source.lines[0] not in quote.lines:
        return None
    short = parts[0] if isinstance(parts[0], str) else candidate.answer
    if candidate.answer not in quote.text or not (candidate.answer in short or short in candidate.answer):
        return None
    return quote.sentences.index(source.text)


def _is_wide(sentences: Sequence[Sentence]) -> bool:
    """Whether the document is Chinese: most of its sentences are."""
    return sum(is_wide(sentence.text) for sentence in sentences) * 2 > len(sentences)
