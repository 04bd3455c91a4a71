"""What the tab for reading shows, as chat messages and HTML. All text of a document, a model or a person is escaped
here: none of it can become an element, a link or an image."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from glyph_demo.conversation.reading import Reading
from glyph_demo.engines.base import Engine
from glyph_demo.engines.events import Progress
from glyph_demo.engines.loading import amount, loaded, remaining
from glyph_demo.errors import Language
from glyph_demo.ui.markup import closable, meter, notes, waiting_text
from glyph_demo.ui.picker import engine_parts
from glyph_demo.ui.texts import say

FEW = 2  # notes that are no wall of text


def reading_progress(reading: Reading | None, language: Language) -> str:
    """HTML: one bar while a document is being read; then, folded, what was done, and what there is to know of it."""
    if reading is None or reading.state in ("failed", "closed"):
        return ""
    if reading.state == "waiting":
        return f"<div class='glyph-note'>{say('reading.waiting', language)}</div>"
    if reading.state == "ready":
        texts = [warning.text(language) for warning in reading.warnings]
        noted = notes(texts, language, unfolded=len(texts) <= FEW)
        seconds = say("figure.seconds", language, value=f"{reading.timings.extract + reading.timings.encode:.1f}")
        title = say("reading.title", language, seconds=seconds)
        done = f"<details class='glyph-details'><summary>{title}</summary>{_done(reading, language)}</details>"
        return f"<div role='status'>{done}{noted}</div>"
    text, share = _stage(reading, language)
    return f"<div class='glyph-stage'><span>{html.escape(text)}</span>{meter(share, text)}</div>"


def _stage(reading: Reading, language: Language) -> tuple[str, float]:
    """What is being done, in words, and the share of the pages that are read."""
    if (loading := reading.engine.loading) is not None:
        return waiting_text(loading, language), loading.done / loading.total if loading.total else 0.0
    if reading.document is None:
        return say("reading.extract", language), 0.0
    total, done = expected_pages(reading), reading.prefilled
    if total is None:
        return say("reading.render", language), 0.0
    if done >= total:
        return say("reading.prefill", language), 1.0
    about = "" if reading.total is not None else say("reading.about", language)
    text = say("reading.page", language, page=done + 1, total=f"{about}{total}")
    left = remaining((total - done) * reading.timings.encode / done).text(language) if done else ""
    return " · ".join(filter(None, (text, left))), done / total


def expected_pages(reading: Reading) -> int | None:
    """The number of pages. While pages are still being drawn it is estimated from the text on those drawn so far."""
    pages, document = list(reading.pages), reading.document
    if reading.total is not None or not pages or not document:
        return reading.total
    drawn, shown = len(pages), pages[-1].span[1] - pages[0].span[0]
    rest = len(document.text) - pages[-1].span[1]
    return drawn + math.ceil(rest * drawn / shown) if shown > 0 else None


def _done(reading: Reading, language: Language) -> str:
    values = {stage: f"{getattr(reading.timings, stage):.2f}" for stage in ("extract", "render", "encode")}
    pages, characters = len(reading.pages), len(document.text) if (document := reading.document) else 0
    stored = reading.pages_from_store
    line = say("reading.done", language, pages=pages, characters=f"{characters:,}", stored=stored, **values)
    if reading.compression is not None:
        line += " · " + say("reading.compression", language, value=f"{reading.compression:.1f}")
    return line


def loading_notice(progress: Progress, language: Language) -> str:
    """HTML: how much of a model is loaded."""
    return f"<div class='glyph-notice hint'>{_so_far(progress, language)}</div>"


def stoppable_notice(progress: Progress, stopping: bool, language: Language) -> str:
    """HTML: `loading_notice` with a button that stops it, or that it is being stopped."""
    if stopping:
        return f"<div class='glyph-notice hint'>{say('load.stopping', language)}</div>"
    return _with_button(_so_far(progress, language), "stop", say("load.stop", language))


def _so_far(progress: Progress, language: Language) -> str:
    bar = meter(progress.done / progress.total, say("wait.load", language)) if progress.total else ""
    return html.escape(waiting_text(progress, language)) + bar


def offer_notice(hosts: Sequence[str], size: int, language: Language) -> str:
    """HTML: the offer to download the full model, of which `size` bytes are still to come, from the first of `hosts`
    that answers; none without hosts."""
    if not hosts:
        return ""
    button = say("offer.download", language, size=amount(size, None), host=say("offer.or", language).join(hosts))
    return closable(_with_button(html.escape(say("offer", language)), "download", button), language, act="decline")


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
