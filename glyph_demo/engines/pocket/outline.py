"""A document's own words on what it is about: its title, its outline and the first sentence of each part."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from glyph_demo.engines.pocket.matching import has_term, subject_terms
from glyph_demo.engines.pocket.quotes import Quote, count_words, quote_of
from glyph_demo.engines.pocket.sentences import Sentence
from glyph_demo.engines.pocket.terms import terms
from glyph_demo.errors import Message

MAX_PARTS = 5  # parts whose first sentence is quoted
MAX_OUTLINE = 12  # headings that are listed
SECTION = 4  # sentences or points of a part that is asked for
_FROM = Message("From the document:", "文档中的原文：")
_MARKS = re.compile(r"^[#\s]+|<!--.*?-->")
_END = re.compile(r"[.!?。！？…][\"'”’」』)）]*$")
_BOILERPLATE = re.compile(r"^(?:©|copyright|page \d|https?:)|^\d+$|^\W+$", re.I)
BEGINNING = 6  # sentences among which the authors are named
_ASKS_AUTHOR = re.compile(
    r"\bauthors?\b|\bwho (?:wrote|prepared|compiled|is the author|are the authors)\b(?: of)? ?(?:this|the) "
    r"(?:document|report|paper|text|article|book)|作者|(?:文件|文档|报告|文章|论文|本书"
    r"|白皮书).{0,4}谁.{0,3}[写编撰]|执笔",
    re.I,
)
_WRITTEN_BY = re.compile(
    r"\b(?:written|prepared|compiled|edited|drafted) by [A-Z]|\bauthors?\s*[:：]|^by [A-Z]|(?:作者|执笔|编写"
    r"|撰写|编者|主编)\s*[:：]",
    re.I,
)
_NAMES = re.compile(r"^(?:[A-Z][\w.’'-]*(?: [A-Z][\w.’'-]*){1,3}\s*(?:,|and|&|;|$)\s*){2,}")
# A request for a part by what parts are often called.
_PART = re.compile(
    r"\b(?:risks?|conclusions?|recommendations?|findings|results|limitations?|next steps|goals?|objectives?|assumptions"
    r"|requirements|benefits|advantages|disadvantages|introduction|abstract|background|method(?:s|ology)?"
    r"|scope|summary)\b"
    r"|风险|结论|建议|发现|结果|局限|下一步|目标|要求|背景|方法|优点|缺点|引言|前言",
    re.I,
)
_ASKS_WHOLE = re.compile(
    r"^(?:what (?:are|is|were|was)|list|give|name|show|tell|which|summari[sz]e)\b|有?哪些|什么|概括|总结|列出", re.I
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the document: the indices of its heading, None before the first, and of the sentences below it."""

    heading: int | None
    body: tuple[int, ...]


def parts_of(sentences: Sequence[Sentence]) -> list[Part]:
    """The parts in reading order; headings without text below belong to the next part's outline only."""
    found: list[Part] = []
    heading: int | None = None
    body: list[int] = []
    for i, sentence in enumerate(sentences):
        if is_heading(sentence):
            if heading is not None or body:
                found.append(Part(heading, tuple(body)))
            heading, body = i, []
        elif not sentence.row:
            body.append(i)
    if heading is not None or body:
        found.append(Part(heading, tuple(body)))
    return found


def summary(
    sentences: Sequence[Sentence], length: int | None, name: Callable[[Quote], str], language: str
) -> list[str | Quote]:
    """What is shown for "what is this about?": the title, the headings with their pages as `name` gives them, and the
    first sentence of each part, or of `length` parts; empty for a document without text."""
    parts = parts_of(sentences)
    leads = [lead for part in parts if (lead := _lead(sentences, part)) is not None]
    if not sentences:
        return []
    title = title_of(sentences)
    shown: list[str | Quote] = [_FROM.text("zh" if language == "zh" else "en")]
    if title is not None and length is None:
        quote = quote_of(sentences, [title])
        shown.append(replace(quote, text=clean(quote.text)))
    headings = [part.heading for part in parts if part.heading is not None and part.heading != title]
    if len(headings) > 1 and length is None:
        listed = [f"- {clean(sentences[i].text)} ({name(quote_of(sentences, [i]))})" for i in headings[:MAX_OUTLINE]]
        shown.append("\n".join([*listed, *(["- …"] if len(headings) > MAX_OUTLINE else [])]))
    if len(leads) < (length or 2):
        leads = _central(sentences, leads, length or 3)
    chosen = leads[: length or MAX_PARTS]
    return [*shown, *(quote_of(sentences, [i]) for i in chosen)]


def section(question: str, sentences: Sequence[Sentence]) -> list[Quote]:
    """The beginning of the part that a question asks for by what its heading says ("the main risks"); empty if it asks
    for none, or no heading says that."""
    if not (_PART.search(question) and _ASKS_WHOLE.search(question.strip())):
        return []
    asked = subject_terms(question)
    asked = {term: weight for term, weight in asked.items() if term not in _GENERIC}
    for part in parts_of(sentences):
        if part.heading is None or not part.body:
            continue
        named = {term for term, _ in terms(sentences[part.heading].text)}
        if asked and all(has_term(term, named) for term in asked):
            paragraphs: dict[int, int] = {}
            for i in part.body:
                if count_words(sentences[i].text) >= 2:
                    paragraphs.setdefault(sentences[i].paragraph, i)
            firsts = list(paragraphs.values())[:SECTION]
            return [quote_of(sentences, [i]) for i in firsts]
    return []


_GENERIC = frozenset(term for term, _ in terms("main key most important principal document report paper major")) | {
    "主要",
    "重要",
}


def authors(question: str, sentences: Sequence[Sentence]) -> list[Quote]:
    """The line at the beginning that says who wrote the document, if that is asked; empty if none does."""
    if not _ASKS_AUTHOR.search(question):
        return []
    for i in range(min(BEGINNING, len(sentences))):
        text = sentences[i].text
        if _WRITTEN_BY.search(text) or (i < 3 and _NAMES.match(text)):
            return [quote_of(sentences, [i])]
    return []


def title_of(sentences: Sequence[Sentence]) -> int | None:
    """The sentence that is the document's title: the first line that stands by itself at its beginning."""
    for i, sentence in enumerate(sentences[:3]):
        if (sentence.row or sentence.heading) and " | " not in sentence.text and not _BOILERPLATE.match(sentence.text):
            return i
    return None


def clean(text: str) -> str:
    return _MARKS.sub("", text).strip()


def is_heading(sentence: Sentence) -> bool:
    """Whether a sentence is a heading of a part."""
    return sentence.heading and " | " not in sentence.text and not _BOILERPLATE.match(clean(sentence.text))


def _lead(sentences: Sequence[Sentence], part: Part) -> int | None:
    """The first whole sentence of a part."""
    return next((i for i in part.body if _is_whole(sentences[i].text)), None)


def _is_whole(text: str) -> bool:
    return count_words(text) >= 6 and _END.search(text) is not None and not _BOILERPLATE.match(text)


def _central(sentences: Sequence[Sentence], leads: list[int], most: int) -> list[int]:
    """The leads and the sentences that share most words with the whole document, in reading order."""
    prose = [i for i, s in enumerate(sentences) if not s.row and not s.heading and _is_whole(s.text)]
    frequency: dict[str, int] = {}
    for i in prose:
        for term in {term for term, _ in terms(sentences[i].text)}:
            frequency[term] = frequency.get(term, 0) + 1

    def weight(i: int) -> float:
        own = {term for term, _ in terms(sentences[i].text)}
        return sum(frequency[term] for term in own if frequency[term] > 1) / (len(own) + 10)

    rest = sorted((i for i in prose if i not in leads), key=lambda i: -weight(i))
    return sorted([*leads, *rest[: max(0, most - len(leads))]])
