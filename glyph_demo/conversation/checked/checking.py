"""An answer → its claims, each with where the document has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from glyph_demo.conversation.checked.claim import Claim, Kind
from glyph_demo.conversation.checked.figures import Figure, figures
from glyph_demo.conversation.checked.folding import Folded
from glyph_demo.conversation.checked.names import Name, is_edge, names
from glyph_demo.conversation.checked.quotations import find_quotation, quotations
from glyph_demo.conversation.checked.source import Source, Span
from glyph_demo.conversation.drawing import PageView
from glyph_demo.documents.model import Document
from glyph_demo.engines.events import Region

MOST_ANSWER = 50_000  # characters of an answer that are checked
MOST_CLAIMS = 2000  # that are looked up: an answer of nothing but numbers would take seconds
AROUND = 80  # characters beside a claim that say which of several places is meant

# What engines write around what they say: numbers of items, footnotes, places.
_OWN = re.compile(
    r"^[ \t>]*(?:[-*•][ \t]+)?[*_#]{0,6}[ \t]?"
    r"(?:\d{1,3}[.)、．](?!\d)|[（(]\d{1,3}[)）]|[一二三四五六七八九十]{1,3}、)"
    r"|\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]|【\d{1,3}】|https?://\S+"
    r"|\b(?:pages?|pp?\.|lines?)\s?\d+(?:\s?(?:[-–,]|to|and)\s?\d+)*(?:\s\(labelled\s[^)\n]{1,40}\))?"
    r"|第\s?\d+\s?(?:[-–至到]\s?\d+\s?)?[页頁行](?:（页码\s[^）\n]{1,40}）)?",
    re.M | re.I,
)
_WORDS = re.compile(r"[a-z]{3,}|(?=([\u3400-\u9fff]{2}))")


class Checker:
    """Checks the answers about one document, and keeps the document's side once no more of it will be read."""

    def __init__(self) -> None:
        self._source: Source | None = None

    def check(
        self,
        answer: str,
        document: Document,
        pages: Sequence[PageView],
        lines: Callable[[], Sequence[Region] | None],
        all_read: bool,
    ) -> tuple[Claim, ...]:
        """`check`; see `Source.of` for `lines` and `all_read`."""
        source = self._source
        if source is None:
            source = Source.of(document, pages, lines(), all_read)
            # Until all is read there will be more lines of pages that are pictures.
            self._source = source if all_read or document.images is None else None
        return check(answer, source, pages)


def check(answer: str, source: Source, pages: Sequence[PageView]) -> tuple[Claim, ...]:
    """The claims of an answer in order, none within another. Left out is what the document has on none of `pages`,
    and what it does not have where its text is not all known."""
    answer = answer[:MOST_ANSWER]
    folded = Folded.of(answer)
    taken = bytearray(len(answer))
    for own in _OWN.finditer(answer):
        taken[own.start() : own.end()] = b"\1" * (own.end() - own.start())
    claims = []
    for start, end, kind, places, sure in islice(_statements(answer, folded, source), MOST_CLAIMS):
        if any(taken[start:end]):
            continue
        taken[start:end] = b"\1" * (end - start)
        if places:
            place = source.place(_nearest(folded.text, (start, end), source, places), pages)
            if place is not None:
                claims.append(Claim(start, end, kind, place))
        elif sure and source.whole:
            claims.append(Claim(start, end, kind))
    return tuple(sorted(claims, key=lambda claim: claim.start))


def _statements(answer: str, folded: Folded, source: Source) -> Iterator[tuple[int, int, Kind, list[Span], bool]]:
    """(start, end, kind, places in the document, whether to tell if there are none) of all that can be looked up, what
    may hold others before them."""
    for start, end in quotations(answer):
        words = answer[start:end]
        yield start, end, "quotation", find_quotation(words, source), source.writes(words)
    said = list(figures(folded.text))
    yield from (_figure(figure, source) for figure in said if figure.kind == "date")
    for name in names(answer):
        form, places, sure = _find_name(name, answer, source)
        yield *form, "name", places, sure
    yield from (_figure(figure, source) for figure in said if figure.kind == "number" and not figure.plain)


def _figure(figure: Figure, source: Source) -> tuple[int, int, Kind, list[Span], bool]:
    return figure.start, figure.end, figure.kind, source.find_figure(figure), True


def _find_name(name: Name, answer: str, source: Source) -> tuple[Span, list[Span], bool]:
    """The longest form that the document has as a whole name, its places, and whether to tell if it has none. Where it
    is part of a longer word it may be another name, and nothing is said."""
    whole, text = name.forms[0], source.folded.text
    sure = name.sure and (name.code or source.writes(answer[slice(*whole)]))
    for start, end in name.forms:
        places = source.folded.find(Folded.of(answer[start:end]).bare)
        kept = [
            (first, last)
            for first, last in places
            if (start == whole[0] or is_edge(text, first, "start")) and (end == whole[1] or is_edge(text, last, "end"))
        ]
        if kept:
            return (start, end), kept, sure
        sure = sure and not places
    return whole, [], sure


def _nearest(text: str, claim: Span, source: Source, places: list[Span]) -> Span:
    """The place whose line, and then whose surroundings, share most words with those of the claim; of equals the
    first."""
    if len(places) == 1:
        return places[0]
    said = _words(" ".join(_beside(text, claim)))

    def shared(place: Span) -> tuple[int, int]:
        before, after = _beside(source.folded.text, place)
        line = f"{before.rpartition(chr(10))[2]} {after.partition(chr(10))[0]}"
        return len(said & _words(line)), len(said & _words(f"{before} {after}"))

    return max(places, key=shared)


def _beside(text: str, span: Span) -> tuple[str, str]:
    return text[max(0, span[0] - AROUND) : span[0]], text[span[1] : span[1] + AROUND]


def _words(text: str) -> set[str]:
    return {match[0] or match[1] for match in _WORDS.finditer(text)}
