"""What the tab for reading shows, as chat messages and HTML. All text of a document, a model or a person is escaped
here: none of it can become an element, a link or an image."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Finished, Progress
from glyph_demo.engines.loading import loaded, remaining
from glyph_demo.errors import Language
from glyph_demo.ui.markup import (
    answer_text,
    meter,
    notes,
    place_button,
    place_of,
    places_of,
    remove_button,
    waiting_text,
)
from glyph_demo.ui.passages import Passage, unfolded
from glyph_demo.ui.picker import engine_parts
from glyph_demo.ui.texts import say

FEW = 2  # notes that are no wall of text
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


def chat_messages(transcript: Sequence[Exchange], language: Language) -> list[dict[str, Any]]:
    """Two chat messages for every exchange: the question, and the answer between its thinking and its panel. An answer
    that is still being written is left out and shown by `live_answer`: what is sent twenty times a second must not grow
    with the conversation."""
    shown: list[dict[str, Any]] = []
    for index, exchange in enumerate(transcript):
        shown.append({"role": "user", "content": plain(exchange.question)})
        if exchange.running:
            continue
        content: list[Any] = [gr.HTML(thinking_view(exchange, language), render=False)] if exchange.thinking else []
        content += [plain(unfolded(exchange)[0])] if exchange.answer else []
        content.append(gr.HTML(answer_panel(exchange, index, language), render=False))
        shown.append({"role": "assistant", "content": content})
    return shown


def live_answer(exchange: Exchange, language: Language) -> str:
    """HTML of an answer that is still being written; else empty."""
    if not exchange.running:
        return ""
    parts = [*_notices(exchange, language), thinking_view(exchange, language)]
    if exchange.answer:
        parts.append(answer_text(unfolded(exchange)[0]))
    elif not exchange.thinking:
        begun = "" if exchange.progress else " glyph-begun"
        parts.append(f"<div class='glyph-wait{begun}'>{html.escape(waiting_text(exchange.progress, language))}</div>")
    return f"<div class='glyph-live' aria-busy='true'>{''.join(parts)}</div>"


def thinking_view(exchange: Exchange, language: Language) -> str:
    """HTML: the thinking, folded, with how long it took."""
    if not exchange.thinking:
        return ""
    title = say("thought", language, seconds=f"{exchange.thinking_seconds:.1f}")
    return (
        f"<details class='glyph-thinking'><summary>{title}</summary>"
        f"<div>{html.escape(exchange.thinking)}</div></details>"
    )


def answer_panel(exchange: Exchange, index: int, language: Language) -> str:
    """HTML under answer `index`: its sources, the passages that are folded, why it ended early, its figures."""
    parts = _notices(exchange, language)
    if exchange.regions and exchange.answer:
        passages = unfolded(exchange)[1]
        parts += [
            answer_sources(exchange, index, passages, language),
            more_passages(exchange, index, passages, language),
        ]
    if exchange.finished is None:
        parts.append(f"<div class='glyph-note'>{say('stopped', language)}</div>")
    else:
        if exchange.finished.reason in ("length", "repetition"):
            parts.append(f"<div class='glyph-note'>{say(exchange.finished.reason, language)}</div>")
        parts.append(answer_figures(exchange, exchange.finished, language))
    parts.append(
        f"<button type='button' class='glyph-copy' data-text='{html.escape(exchange.answer, quote=True)}'>"
        f"{say('copy', language)}</button>"
    )
    return f"<div class='glyph-panel'>{''.join(parts)}</div>"


def _notices(exchange: Exchange, language: Language) -> list[str]:
    said = [*([exchange.remark] if exchange.remark else []), *exchange.notices]
    return [f"<div class='glyph-note'>{html.escape(notice.text(language))}</div>" for notice in said]


def answer_sources(exchange: Exchange, index: int, folded: Sequence[Passage], language: Language) -> str:
    """HTML: the lines that answer `index` rests on, but for those of `folded`, each a button that shows it on its
    page."""
    hidden = {number for passage in folded for number in passage.places}
    open_lines = {number: line for number, line in enumerate(exchange.regions) if number not in hidden}
    numbers = list(open_lines)
    lines = "".join(
        f"<li>{place_button(index, numbers[number], place)}</li>"
        for place, number in places_of(list(open_lines.values()), exchange.answer, language).items()
    )
    return f"<div class='glyph-sources'><b>{say('sources', language)}</b><ul>{lines}</ul></div>"


def more_passages(exchange: Exchange, index: int, folded: Sequence[Passage], language: Language) -> str:
    """HTML: passages of answer `index` under a title that unfolds them, each with buttons that show its places."""
    if not folded:
        return ""
    title = say("more" if len(folded) > 1 else "more.one", language, count=len(folded))
    items = ""
    for passage in folded:
        places = {place_of(exchange.regions[number], language): number for number in reversed(passage.places)}
        buttons = " ".join(place_button(index, number, place) for place, number in reversed(places.items()))
        items += f"<li>“{html.escape(passage.text)}” {buttons}</li>"
    return f"<details class='glyph-sources glyph-more'><summary>{title}</summary><ul>{items}</ul></details>"


def answer_figures(exchange: Exchange, finished: Finished, language: Language) -> str:
    """HTML: an answer's times, speed and token counts, and what was reused for it."""
    usage, timings = finished.usage, finished.timings

    def seconds(value: float) -> str:
        return say("figure.seconds", language, value=f"{value:.2f}")

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
    return f"<dl class='glyph-figures'>{pairs}</dl>"


def reading_progress(reading: Reading | None, language: Language) -> str:
    """HTML: a bar for each stage while a document is being read, then a line of figures."""
    if reading is None or reading.state in ("failed", "closed"):
        return ""
    if reading.state == "waiting":
        return f"<div class='glyph-note'>{say('reading.waiting', language)}</div>"
    if reading.state == "ready":
        texts = [warning.text(language) for warning in reading.warnings]
        noted = notes(texts, language, unfolded=len(texts) <= FEW)
        return f"<div role='status'><div class='glyph-note'>{_done(reading, language)}</div>{noted}</div>"
    total = expected_pages(reading)
    about = "" if reading.total is not None else "~"
    seconds = reading.timings
    bars = [
        _bar("extract", int(reading.document is not None), 1, "", language),
        _bar("render", len(reading.pages), total, about, language, _pace(len(reading.pages), seconds.render, language)),
        _bar(
            "encode", reading.encoded, total, about, language, _pace(reading.encoded, seconds.encode, language, total)
        ),
        _bar("prefill", reading.prefilled, total, about, language),
    ]
    loading = reading.engine.loading
    model = f"<div class='glyph-note'>{waiting_text(loading, language)}</div>" if loading else ""
    return model + "".join(bars)


def expected_pages(reading: Reading) -> int | None:
    """The number of pages. While pages are still being drawn it is estimated from the text on those drawn so far."""
    if reading.total is not None or not reading.pages or not reading.document:
        return reading.total
    drawn, shown = len(reading.pages), reading.pages[-1].span[1] - reading.pages[0].span[0]
    rest = len(reading.document.text) - reading.pages[-1].span[1]
    return drawn + math.ceil(rest * drawn / shown) if shown > 0 else None


def _done(reading: Reading, language: Language) -> str:
    values = {stage: f"{getattr(reading.timings, stage):.2f}" for stage in ("extract", "render", "encode")}
    pages, characters = len(reading.pages), len(reading.document.text) if reading.document else 0
    stored = reading.pages_from_store
    line = say("reading.done", language, pages=pages, characters=f"{characters:,}", stored=stored, **values)
    if reading.compression is not None:
        line += " · " + say("reading.compression", language, value=f"{reading.compression:.1f}")
    return line


def _pace(done: int, seconds: float, language: Language, total: int | None = None) -> str:
    """Pages a second, or seconds a page where it takes more than one, and the time left if `total` is given."""
    if not done or seconds <= 0:
        return ""
    slow = done < seconds
    parts = [say("pace.slow" if slow else "pace", language, rate=f"{seconds / done if slow else done / seconds:.1f}")]
    if total is not None and total > done:
        parts.append(remaining((total - done) * seconds / done).text(language))
    return " · ".join(parts)


def document_list(opened: Mapping[str, Reading], front: str | None, language: Language) -> str:
    """HTML: a list of the documents, each with details, a button that puts it in front and one that removes it."""
    if not opened:
        return ""
    rows = "".join(_row(identifier, reading, identifier == front, language) for identifier, reading in opened.items())
    label = say("documents", language)
    return f"<h2>{label}</h2><ul class='glyph-documents' aria-label='{label}'>{rows}</ul>"


def _row(identifier: str, reading: Reading, front: bool, language: Language) -> str:
    name = html.escape(reading.name, quote=True)
    current = " aria-current='true'" if front else ""
    return (
        f"<li><button type='button' class='glyph-open' title='{name}' data-act='open' data-id='{identifier}'{current}>"
        f"<span class='glyph-name'>{name}</span><span class='glyph-detail'>{_detail(reading, language)}</span></button>"
        f"{remove_button('id', identifier, reading.name, language)}</li>"
    )


def _detail(reading: Reading, language: Language) -> str:
    """Its pages, its tokens (or characters, if the engine counts no tokens) and where its page features are kept."""
    if reading.state != "ready" or reading.handle is None:
        return say(f"state.{reading.state}", language, pages=len(reading.pages) or "…")
    parts = [say("detail.pages", language, pages=len(reading.pages))]
    if reading.handle.tokens is not None:
        parts.append(say("detail.tokens", language, tokens=f"{reading.handle.tokens:,}"))
    elif reading.document is not None and reading.document.text:  # page images have none
        parts.append(say("detail.characters", language, characters=f"{len(reading.document.text):,}"))
    parts.append(say(f"kept.{reading.kept()}", language))
    return " · ".join(parts)


def _bar(stage: str, done: int, total: int | None, about: str, language: Language, pace: str = "") -> str:
    """`about` is written before the total, to mark an estimate."""
    name = say(f"stage.{stage}", language)
    share, count = (0.0, str(done or "")) if total is None else (done / max(total, 1), f"{done} / {about}{total}")
    figures = " · ".join(filter(None, (count, pace)))
    return f"<div class='glyph-stage'><span>{name}</span><span>{figures}</span>{meter(share, name)}</div>"


def loading_notice(progress: Progress, language: Language) -> str:
    """HTML: how much of a model is loaded."""
    bar = meter(progress.done / progress.total, say("wait.load", language)) if progress.total else ""
    return f"<div class='glyph-notice hint'>{html.escape(waiting_text(progress, language))}{bar}</div>"


def offer_notice(hosts: Sequence[str], language: Language) -> str:
    """HTML: the offer to download the full model from the first of `hosts` that answers; none without hosts."""
    if not hosts:
        return ""
    button = say("offer.download", language, host=say("offer.or", language).join(hosts))
    return _with_button(html.escape(say("offer", language)), "download", button)


def download_notice(progress: Progress | None, model: str, language: Language) -> str:
    """HTML: how far the download of a model is; none once that is loaded."""
    if progress is None:
        return ""
    running = say("offer.running", language, name=model.rpartition("/")[2])
    bar = meter(progress.done / progress.total, running) if progress.total else ""
    so_far = f" {loaded(progress, language)}" if progress.total else ""
    return _with_button(html.escape(running + so_far) + bar, "cancel", say("offer.cancel", language))


def _with_button(inner: str, act: str, label: str) -> str:
    button = f"<button type='button' class='glyph-act' data-act='{act}'>{html.escape(label)}</button>"
    return f"<div class='glyph-notice hint' role='status'>{inner} {button}</div>"


def title_view(engine: Engine, language: Language) -> str:
    """HTML: the app's name, and the engine in use with its model and device."""
    line, remark = say("engine.line", language, parts=engine_parts(engine, language)), engine.kind.remark
    if remark is not None:
        line += f"（{remark.zh}）" if language == "zh" else f" ({remark.text(language)})"
    return (
        f"<h1>{say('title', language)}</h1><p class='tagline'>{say('tagline', language)}</p>"
        f"<p class='glyph-engine'>{html.escape(line)}</p>"
    )
