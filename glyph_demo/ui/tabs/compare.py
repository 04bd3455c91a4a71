"""The tab that asks one question in three ways and shows the answers, times and tokens side by side."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import gradio as gr

from glyph_demo.conversation.comparison import WAYS, Side, Way, compare
from glyph_demo.errors import GlyphError, Language
from glyph_demo.ui.markup import answer_text, closable, notice, waiting_text
from glyph_demo.ui.tabs.charts import timing_bar
from glyph_demo.ui.tabs.panels import ACTIONS, Labels, question_box, run_and_stop
from glyph_demo.ui.texts import say
from glyph_demo.ui.updates import paced
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window

INTERVAL = 0.2  # seconds between two updates
SHOWN: tuple[Way, ...] = ("anew", "kept", "text")


class ComparePanel:
    def __init__(self, labels: Labels) -> None:
        with gr.Row(elem_id="compare-ask"):
            self._question = labels(question_box("compare"), label="compare.question", info="compare.hint")
            self._run, self._stop = run_and_stop("compare", labels)
        self._shown = gr.HTML(elem_id="compare", js_on_load=ACTIONS)
        self._last = gr.State(None)
        self.components: list[Any] = [self._question, self._run, self._stop]

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        def run(visit: Visit, question: str, said: Language) -> Iterator[tuple[str, list[Side] | None]]:
            try:
                with contextlib.closing(compared(windows.get(visit), question)) as steps:
                    for sides in steps:
                        yield sides_view(sides, said), sides
            except GlyphError as error:
                yield closable(notice(error.message.text(said)), said), None

        def stop(visit: Visit, sides: list[Side] | None, said: Language) -> str:
            windows.get(visit).comparing = False
            return stopped(sides, said)

        def enter(visit: Visit, sides: list[Side] | None, said: Language) -> Any:
            return (not sides and left(windows.get(visit), said)) or gr.skip()

        asked = [window, self._question, language]
        shown = [self._shown, self._last]
        events = [
            self._run.click(run, asked, shown, trigger_mode="once", **private),
            self._question.submit(run, asked, shown, trigger_mode="once", **private),
        ]
        self._stop.click(stop, [window, self._last, language], self._shown, cancels=events, **private)
        tab.select(enter, [window, self._last, language], self._shown, **private)
        self._shown.click(lambda: "", None, self._shown, **private)
        language.change(
            lambda sides, said: sides_view(sides or [], said), [self._last, language], self._shown, **private
        )


def compared(window: Window, question: str) -> Generator[list[Side], None, None]:
    """The comparison in a window. If its page goes, Gradio closes the iterator, and the window is left `comparing`."""
    window.comparing = True
    try:
        with contextlib.closing(compare(window.session, question)) as steps:
            yield from paced(steps, INTERVAL)
    except Exception:
        window.comparing = False
        raise
    window.comparing = False


def left(window: Window, language: Language) -> str:
    """HTML for a page that shows no comparison: whether one ended with the page before, which is said once."""
    shown = closable(notice(say("compare.left", language), "hint"), language) if window.comparing else ""
    window.comparing = False
    return shown


def stopped(sides: list[Side] | None, language: Language) -> str:
    """HTML of a comparison that was stopped: nothing of it runs or waits any more."""
    for side in sides or []:
        side.state = "stopped" if side.state != "done" else side.state
    return sides_view(sides or [], language)


def sides_view(sides: Sequence[Side], language: Language) -> str:
    """HTML: what reuse gained, then a column for each way of asking."""
    if not sides:
        return ""
    by_way = {side.way: side for side in sides}
    longest = max((side.seconds or 0.0 for side in sides), default=0.0)
    columns = "".join(_column(by_way[way], longest, language) for way in SHOWN)
    gains = "".join(f"<p>{line}</p>" for line in _gains(by_way, language))
    return f"<div class='glyph-gains'>{gains}</div><div class='glyph-compare'>{columns}</div>"


def _gains(sides: dict[Way, Side], language: Language) -> Iterator[str]:
    kept, anew, text = (sides[way] for way in WAYS)
    if kept.seconds and anew.seconds:
        yield say("compare.faster", language, times=f"{anew.seconds / kept.seconds:.1f}")
    if anew.so_far.finished and text.so_far.finished and anew.so_far.finished.usage.input:
        pages, tokens = anew.so_far.finished.usage.input, text.so_far.finished.usage.input
        yield say("compare.smaller", language, pages=f"{pages:,}", text=f"{tokens:,}", times=f"{tokens / pages:.1f}")


def _column(side: Side, longest: float, language: Language) -> str:
    parts = [
        f"<h2>{say(f'compare.{side.way}', language)}</h2>",
        f"<p class='glyph-note'>{say(f'compare.{side.way}.more', language)}</p>",
    ]
    if side.error is not None:
        parts.append(notice(side.error.text(language), "hint"))
    elif side.state == "waiting":
        parts.append(f"<p class='glyph-wait'>{say('compare.waits', language)}</p>")
    elif side.state == "running" and not side.so_far.answer:
        parts.append(f"<p class='glyph-wait'>{html.escape(waiting_text(side.so_far.progress, language))}</p>")
    elif side.state == "stopped":
        parts.append(f"<p class='glyph-note'>{say('compare.stopped', language)}</p>")
    if side.so_far.finished is not None:
        parts.append(_figures(side, longest, language))
    if side.so_far.answer:
        parts.append(answer_text(side.so_far.answer))
    return f"<section class='glyph-side' data-way='{side.way}' data-state='{side.state}'>{''.join(parts)}</section>"


def _figures(side: Side, longest: float, language: Language) -> str:
    assert side.so_far.finished is not None
    timings, usage = side.so_far.finished.timings, side.so_far.finished.usage
    before = min(timings.first_token, timings.total)
    stages = (("encode", side.encode), ("prefill", before), ("decode", timings.total - before - side.load))
    bar = timing_bar([(name, say(f"compare.{name}", language), seconds) for name, seconds in stages], longest)
    lines = [say("compare.total", language, value=f"{side.seconds:.2f}")]
    if usage.input:
        lines.append(say("compare.tokens", language, input=f"{usage.input:,}", cached=f"{usage.cached:,}"))
        lines.append(say("compare.output", language, output=usage.output))
    if usage.kv_bytes:
        lines.append(say("compare.memory", language, mib=f"{usage.kv_bytes / 2**20:.1f}"))
    return f"<p class='glyph-total'>{' · '.join(lines)}</p>{bar}"
