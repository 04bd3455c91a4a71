"""A question about a document → what is shown: a few words that answer it where they are certain, then quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from glyph_demo.engines.base import Turn
from glyph_demo.engines.pocket.cells import asked_cells, asked_value
from glyph_demo.engines.pocket.confidence import is_near, is_sure
from glyph_demo.engines.pocket.follow_up import has_own_words, leans, resolved, resolved_turns, topic
from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.intents import wanted_length, wants_summary
from glyph_demo.engines.pocket.kinds import kind_asked
from glyph_demo.engines.pocket.lists import asks_for_list, list_after
from glyph_demo.engines.pocket.outline import authors, section, summary
from glyph_demo.engines.pocket.quotes import RIVAL, Quote, choose_quotes, quote_of
from glyph_demo.engines.pocket.retrieval import Index, Match
from glyph_demo.engines.pocket.sentences import Sentence
from glyph_demo.engines.pocket.short_answers import short_answer
from glyph_demo.engines.pocket.tables import find_forms, find_tables, header_sentences
from glyph_demo.engines.pocket.vectors import Near
from glyph_demo.errors import Language

DEFINES = 0.4  # bonus, as a share of the best score, for a sentence that defines what is asked
DEPENDS = 3  # sentences before one, in its paragraph, that it may depend on

Shown = list[str | Quote]

_DEFINITION = re.compile(
    r"^what(?:'s| is| are| was| were) (?:an? |the )?(?P<is>[^?]{2,60}?)(?: used for)?\s*\??$"
    r"|^define (?P<define>[^?]{2,60})"
    r"|^what does (?:an? |the )?(?P<mean>[^?]{2,60}?) (?:mean|stand for)"
    r"|^(?:请问)?(?:什么(?:是|叫做?)|何谓)(?P<zh>[^?？]{2,30})"
    r"|^(?P<zh_after>[^?？什么]{2,30}?)(?:是什么(?:意思)?|指的?是?什么)[?？。]?$",
    re.I,
)

_IS = (
    r"[^.。;；]{0,25}?(?:\b(?:is|are|was|were|means?|refers? to|denotes?|stands for)\b"
    r"|，?是指|指的?是|，?是|，?即|[:：])"
)


class Document:
    """What was read of a document: its sentences, their index and its tables."""

    def __init__(self, sentences: list[Sentence], near: Near | None = None) -> None:
        self.sentences = sentences
        self.index = Index(sentences, near)
        self.tables = find_tables(sentences)
        self.forms = find_forms(sentences, self.tables)
        self._about = " ".join(sentence.text for sentence in sentences[:1] + [s for s in sentences if s.heading])
        self._headers = header_sentences(self.tables, sentences)

    def answer(
        self, question: str, history: Sequence[Turn], language: Language, place: Callable[[Quote], str]
    ) -> tuple[Shown, bool]:
        """The texts and quotes to show, in order, and whether they seem to answer; nothing if nothing is near. `place`
        names the page of a quote."""
        if wants_summary(question):
            return summary(self.sentences, wanted_length(question), place, language), True
        part = section(question, self.sentences) or authors(question, self.sentences)
        if part:
            return list(part), True
        history = resolved_turns(history)
        question = resolved(question, history)
        before, said = "", ""
        if history and not has_own_words(question):
            before, said = topic(history), history[-1].answer
        elif history and leans(question):
            before = topic(history)
        cells = asked_cells(question, before, self.tables, self._about) or asked_value(question, self.forms)
        kind = kind_asked(question)
        if cells is not None and (kind is None or kind.needed is None or kind.needed.search(cells.text)):
            return [cells.text, *(quote_of(self.sentences, [i]) for i in cells.sentences[:3])], True
        matches = self._ranked(question, self.index.search(question, before, said))
        if not is_near(matches):
            return [], False
        parts = self._quoted(question, matches)
        quotes = [part for part in parts if isinstance(part, Quote)]
        sure = is_sure(question, self.sentences, matches, "\n".join(quote.text for quote in quotes))
        return parts if sure else list(quotes), sure

    def _ranked(self, question: str, matches: list[Match]) -> list[Match]:
        """Without headers of tables, running heads, and headings below the best. Definitions of what is asked come
        first."""
        matches = [match for match in matches if match.sentence not in self._headers]
        matches = [match for match in matches if not self.sentences[match.sentence].running] or matches
        matches = matches[:1] + [match for match in matches[1:] if not self.sentences[match.sentence].heading]
        asked = _DEFINITION.match(question.strip())
        if asked is None or not matches:
            return matches
        subject = next(group for group in asked.groups() if group)
        defines = re.compile(rf"^\W*(?:\w+ ){{0,2}}{re.escape(simplified(subject))}(?:{_IS})", re.I)
        bonus = DEFINES * matches[0].score
        ranked = [
            match._replace(score=match.score + bonus)
            if defines.match(simplified(self.sentences[match.sentence].text))
            else match
            for match in matches
        ]
        return sorted(ranked, key=lambda match: -match.score)

    def _quoted(self, question: str, matches: list[Match]) -> Shown:
        best = matches[0].sentence
        asked = 3 if asks_for_list(question) else 1
        run = list_after(self.sentences, [match.sentence for match in matches[:asked]])
        if run:
            return [quote_of(self.sentences, run)]
        short = self._short(question, best)
        rivals = {
            self._short(question, match.sentence) for match in matches[1:3] if match.score >= RIVAL * matches[0].score
        }
        if short and rivals <= {"", short}:
            return [short, quote_of(self.sentences, [best], matches[0].score)]
        return list(choose_quotes(self.index, matches, question))

    def _short(self, question: str, i: int) -> str:
        return short_answer(question, self.sentences[i].text, self._around(i))

    def _around(self, i: int) -> str:
        """What a sentence depends on: the heading above it and the sentences before it in its paragraph."""
        sentences = self.sentences
        before = [j for j in range(max(0, i - DEPENDS), i) if sentences[j].paragraph == sentences[i].paragraph]
        return " ".join([sentences[i].context, *(sentences[j].text for j in before)])
