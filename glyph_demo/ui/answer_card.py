"""An answer as a card: its words with the numbers of the passages that bear them out, the passages with their places,
and what there is to know about it. All text of a document, a model or a person is escaped here."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.row import Row
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Finished
from glyph_demo.errors import Language
from glyph_demo.ui.claims import marked, tally
from glyph_demo.ui.markup import answer_text, notes, notice, place_of, places_of, waiting_text
from glyph_demo.ui.passages import Layout, Words, layout
from glyph_demo.ui.texts import say

WORD_JOINER = "\u2060"  # invisible, and part of no tag or character reference
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_CHARACTER_REFERENCE = re.compile(r"&(?=#|\w{1,40})")


def plain(text: str) -> str:
    """`text` for a message of gr.Chatbot(render_markdown=False), which shows HTML but no Markdown. An invisible word
    joiner breaks tags and character references. Entities would do so too, but people would copy and edit them."""

    def broken(match: re.Match[str]) -> str:
        reference = text[match.start() : match.start() + 40]  # longer than any named reference
        return "&" if html.unescape(reference).startswith(reference[:2]) else "&" + WORD_JOINER

    return _TAG_START.sub("<" + WORD_JOINER, _CHARACTER_REFERENCE.sub(broken, text))


def typed(text: str) -> str:
    """`text` without what `plain` put into it: a message that a person has edited."""
    return text.replace(WORD_JOINER, "")


def chat_messages(transcript: Sequence[Exchange], language: Language, first: int = 0) -> list[dict[str, Any]]:
    """Two chat messages for every exchange from number `first` on: the question, and the card of the answer. An answer
    that is still being written is left out and shown by `live_answer`: what is sent twenty times a second must not grow
    with the conversation."""
    shown: list[dict[str, Any]] = []
    for index, exchange in enumerate(transcript[first:], first):
        shown.append({"role": "user", "content": plain(exchange.question)})
        if not exchange.running:
            card = gr.HTML(answer_card(exchange, index, language), render=False)
            shown.append({"role": "assistant", "content": [card]})
    return shown


def earlier_button(count: int, language: Language) -> str:
    """HTML: a button that shows more of the `count` exchanges that are not shown; empty if all are."""
    if not count:
        return ""
    text = say("earlier" if count > 1 else "earlier.one", language, count=count)
    return f"<button type='button' class='glyph-act' data-act='earlier'>{text}</button>"


def scroll_to(turn: int) -> str:
    """HTML that has talk.js scroll to a turn, by its number from 0 of those that are shown. No two are equal: a page
    shows only what has changed."""
    return f"<i id='turn-{secrets.token_hex(4)}' data-turn='{turn}'></i>"


def live_answer(exchange: Exchange, index: int, language: Language) -> str:
    """HTML of answer `index` of a conversation while it is being written; else empty. What will be folded is not shown:
    it would be seen for a moment and go."""
    if not exchange.running:
        return ""
    parts = [_name(exchange), *_notices(exchange, language), _thinking(exchange, language)]
    if exchange.answer:
        parts += _words_and_passages(exchange, index, layout(exchange), language)
        parts += _others(exchange, index, language)
        if exchange.document:
            parts.append(f"<div class='glyph-wait'>{say('everyone.waits', language)}</div>")
    elif not exchange.thinking:
        parts.append(f"<div class='glyph-wait'>{html.escape(waiting_text(exchange.progress, language))}</div>")
    return f"<div class='glyph-live' aria-busy='true'>{''.join(parts)}</div>"


def answer_card(exchange: Exchange, index: int, language: Language) -> str:
    """HTML of answer `index` of a conversation."""
    laid_out = layout(exchange)
    parts = [_name(exchange), *_notices(exchange, language), _thinking(exchange, language)]
    parts += _words_and_passages(exchange, index, laid_out, language)
    parts.append(_folded(exchange, index, laid_out, language))
    if exchange.finished is None:
        parts.append(f"<div class='glyph-note'>{say('stopped', language)}</div>")
    elif exchange.finished.reason in ("length", "repetition"):
        parts.append(f"<div class='glyph-note'>{say(exchange.finished.reason, language)}</div>")
    found = _tally(exchange.claims, language)
    if exchange.document:
        parts += [found, *_others(exchange, index, language)]
        found = ""
    copy = (
        f"<button type='button' class='glyph-copy' data-text='{html.escape(_copied(exchange), quote=True)}'>"
        f"{say('copy', language)}</button>"
    )
    figures = details(exchange, exchange.finished, language) if exchange.finished else ""
    return f"<div class='glyph-panel'>{''.join(parts)}<div class='glyph-foot'>{figures}{found}{copy}</div></div>"


def _tally(claims: Sequence[Claim], language: Language) -> str:
    return f"<span class='glyph-note'>{count}</span>" if (count := tally(claims, language)) else ""


def _copied(exchange: Exchange) -> str:
    """The answer as text; those of several documents each under its name."""
    if not exchange.document:
        return exchange.answer
    parts = [(exchange.document, exchange.answer), *((row.file, row.error or row.answer) for row in exchange.others)]
    return "\n\n".join(f"{name}\n{said}" for name, said in parts)


def _name(exchange: Exchange) -> str:
    """HTML: the document that answers, if others answer too."""
    return f"<h3>{html.escape(exchange.document)}</h3>" if exchange.document else ""


def _others(exchange: Exchange, index: int, language: Language) -> list[str]:
    """HTML of the answers of the documents that are not in front."""
    parts = []
    for number, row in enumerate(exchange.others):
        shows = f"data-act='other' data-event='select' data-exchange='{index}' data-other='{number}'"
        places = "".join(
            f"<li><button type='button' {shows} data-line='{line}'>{place}</button></li>"
            for place, line in places_of(row.quotes, row.answer, language).items()
            if not _says(row, place)
        )
        said = notice(row.error) if row.error else _said(row, shows, language)
        noted = notes(row.notices, language, unfolded=row.reason == "not_found")
        parts.append(
            f"<div class='glyph-other'><h3>{html.escape(row.file)}</h3>{said}{noted}<ul>{places}</ul>"
            f"{_tally(row.claims, language)}</div>"
        )
    return parts


def _says(row: Row, place: str) -> bool:
    """Whether the answer names the place itself, and links what it has from there."""
    named = re.search(rf"{re.escape(place)}(?!\d)", html.escape(row.answer, quote=True), re.I)
    return named is not None and any(claim.place is not None for claim in row.claims)


def _said(row: Row, shows: str, language: Language) -> str:
    if not row.answer:
        return answer_text(say("many.empty", language))
    return f"<div class='glyph-answer'>{marked(row.answer, row.claims, shows, language)}</div>"


def _notices(exchange: Exchange, language: Language) -> list[str]:
    said = [*([exchange.remark] if exchange.remark else []), *exchange.notices]
    return [f"<div class='glyph-note'>{html.escape(notice.text(language))}</div>" for notice in said]


def _thinking(exchange: Exchange, language: Language) -> str:
    """HTML: the thinking, folded, with how long it took."""
    if not exchange.thinking:
        return ""
    title = say("thought", language, seconds=f"{exchange.thinking_seconds:.1f}")
    return (
        f"<details class='glyph-thinking'><summary>{title}</summary>"
        f"<div>{html.escape(exchange.thinking)}</div></details>"
    )


def _words_and_passages(exchange: Exchange, index: int, laid_out: Layout, language: Language) -> list[str]:
    """HTML of what stands open. A passage that has no words above it is the answer itself."""
    has_words = any(isinstance(part, Words) for part in laid_out.open)
    return [
        _words(exchange, index, part, laid_out, language)
        if isinstance(part, Words)
        else _passage(exchange, index, part, laid_out, language, "" if has_words else " glyph-answer")
        for part in laid_out.open
    ]


def _words(exchange: Exchange, index: int, words: Words, laid_out: Layout, language: Language) -> str:
    cited = "".join(" " + _citation(exchange, index, number, laid_out, language) for number in words.cited)
    shows = f"data-act='claim' data-answer='{index}'"
    text = marked(exchange.answer, exchange.claims, shows, language, part=(words.start, words.end))
    return f"<div class='glyph-answer'>{text}{cited}</div>"


def _citation(exchange: Exchange, index: int, number: int, laid_out: Layout, language: Language) -> str:
    """A button [1] that shows the place of the passage of this number."""
    line = laid_out.passages[number].places[0]
    label = say("source", language, number=number + 1, place=place_of(exchange.regions[line], language))
    return (
        f"<button type='button' class='glyph-cite' {_shows(index, line)} aria-label='{label}'>[{number + 1}]</button>"
    )


def _shows(index: int, line: int) -> str:
    return f"data-act='line' data-exchange='{index}' data-line='{line}'"


def _passage(exchange: Exchange, index: int, number: int, laid_out: Layout, language: Language, kind: str = "") -> str:
    """A passage as a card that shows its place, with a button for each further place."""
    passage = laid_out.passages[number]
    places: dict[str, int] = {}
    for line in passage.places:
        places.setdefault(place_of(exchange.regions[line], language), line)
    (place, line), *more = places.items()
    others = "".join(f" <button type='button' {_shows(index, at)}>{name}</button>" for name, at in more)
    return (
        f"<div class='glyph-card{kind}'><button type='button' class='glyph-passage' {_shows(index, line)}>"
        f"<span class='glyph-number'>{number + 1}</span><q>{html.escape(passage.text)}</q> "
        f"<span class='glyph-where'>{place}</span></button>{others}</div>"
    )


def _folded(exchange: Exchange, index: int, laid_out: Layout, language: Language) -> str:
    """Passages under a title that unfolds them."""
    if not laid_out.folded:
        return ""
    count = len(laid_out.folded)
    title = say("more" if count > 1 else "more.one", language, count=count)
    cards = "".join(_passage(exchange, index, number, laid_out, language) for number in laid_out.folded)
    return f"<details class='glyph-more'><summary>{title}</summary>{cards}</details>"


def details(exchange: Exchange, finished: Finished, language: Language) -> str:
    """HTML: one line on how long an answer took and what was reused for it, which unfolds to all its figures."""
    usage, timings = finished.usage, finished.timings

    def seconds(value: float, digits: int = 2) -> str:
        return say("figure.seconds", language, value=f"{value:.{digits}f}")

    shown = [("figure.first_token", seconds(timings.first_token))]
    if usage.output and timings.decode > 0:
        shown.append(("figure.speed", f"{usage.output / timings.decode:.1f}"))
    shown.append(("figure.total", seconds(timings.total)))
    if usage.input:  # an engine that counts no tokens says 0
        counts = say("figure.cached", language, input=f"{usage.input:,}", cached=f"{usage.cached:,}")
        shown += [("figure.input", counts), ("figure.output", f"{usage.output:,}")]
    shown.append(("figure.reused", f"{exchange.reused[0]} / {exchange.reused[1]}"))
    if usage.drafted:
        # Every accepted draft token saved one decode step.
        gain = usage.output / max(1, usage.output - usage.accepted)
        shown.append(("figure.speculation", f"×{gain:.1f} ({usage.accepted} / {usage.drafted})"))
    pairs = "".join(f"<div><dt>{say(key, language)}</dt><dd>{value}</dd></div>" for key, value in shown)
    total = seconds(timings.total, 1 if timings.total >= 0.95 else 2)
    line = say("details", language, seconds=total, reused=exchange.reused[0], pages=exchange.reused[1])
    return f"<details class='glyph-details'><summary>{line}</summary><dl class='glyph-figures'>{pairs}</dl></details>"
