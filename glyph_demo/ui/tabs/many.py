"""The tab that asks many documents one question: a table of answers with their evidence, to be saved as CSV or JSON."""

from __future__ import annotations

import html
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from glyph_demo.conversation.table import Row, to_csv, to_json
from glyph_demo.engines.events import Progress
from glyph_demo.errors import GlyphError, Language
from glyph_demo.ui import views
from glyph_demo.ui.tabs.panels import ACTIONS, SAVE, Labels, upload_box
from glyph_demo.ui.texts import say
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.table_run import TableRun
from glyph_demo.windows.visit import VISITOR, Visit

INTERVAL = 0.3  # seconds between two updates
SECONDS_PER_ROW = 0.005  # sending the table costs time per row, so a long one is sent less often
LONG = 400  # characters of an answer from which on it is folded
COLUMNS = ("document", "answer", "evidence", "seconds")
Updates = dict[Any, Any]


class ManyPanel:
    def __init__(self, labels: Labels) -> None:
        self._about = labels(gr.HTML(elem_id="many-about"), value="many.about")
        self._upload = labels(upload_box("many-upload"), value="upload.hint")
        with gr.Row(elem_id="many-ask"):
            question = gr.Textbox(
                lines=1, max_lines=4, scale=6, min_width=300, elem_id="many-question", max_length=4000
            )
            self._question = labels(question, label="many.question")
            run = gr.Button(variant="primary", scale=1, min_width=120, elem_id="many-run")
            self._run = labels(run, value="many.run")
            self._stop = labels(gr.Button(scale=1, min_width=90, elem_id="many-stop"), value="many.stop")
        with gr.Row(elem_id="many-tools"):
            self._tools = {
                name: labels(gr.Button(size="sm", elem_classes="quiet", min_width=40), value=f"many.{name}")
                for name in ("opened", "csv", "json", "forget", "clear")
            }
        self._now = gr.HTML(elem_id="many-now")
        self._table = gr.HTML(elem_id="many", js_on_load=ACTIONS)
        self._exported = gr.JSON(visible="hidden", show_label=False)
        self.components: list[Any] = [self._about, self._upload, self._question, self._run, self._stop]
        self.components += self._tools.values()

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        def table(visit: Visit) -> TableRun:
            return windows.get(visit).table_run

        def show(visit: Visit, said: Language) -> Updates:
            return self._show(table(visit), said)

        def enter(visit: Visit, said: Language, question: str) -> Iterator[Updates]:
            yield {self._question: question or table(visit).question}
            yield from self._follow(table(visit), said)

        def run(visit: Visit, said: Language, question: str) -> Iterator[Updates]:
            session = windows.get(visit).session
            try:
                table(visit).start(session.engine, session.settings, session.store, question, said)
            except GlyphError as error:
                yield {self._now: views.notice(error.message.text(said))}
            else:
                yield from self._follow(table(visit), said)

        def add(visit: Visit, said: Language, data: gr.EventData, request: gr.Request) -> Updates:
            uploads, failures = windows.uploads.sent(request.headers.get(VISITOR, ""), data.files)
            table(visit).add([(upload.name, upload.path) for upload in uploads])
            updates = show(visit, said)
            complaints = "".join(views.notice(failure.text(said)) for failure in failures)
            return {**updates, self._now: complaints + updates[self._now]}

        def add_opened(visit: Visit, said: Language) -> Updates:
            opened = windows.get(visit).session.documents.values()
            table(visit).add([(reading.name, reading.path) for reading in opened])
            return show(visit, said)

        def remove(visit: Visit, said: Language, data: gr.EventData) -> Updates:
            table(visit).remove(str(data.name))
            return show(visit, said)

        def clear(visit: Visit, said: Language) -> Updates:
            table(visit).close()
            for name in list(table(visit).files):
                table(visit).remove(name)
            return show(visit, said)

        def forget(visit: Visit, said: Language) -> Updates:
            table(visit).close()
            table(visit).forget()
            return show(visit, said)

        def save(visit: Visit, kind: str) -> dict[str, str]:
            rows = list(table(visit).rows().values())
            return {"name": f"answers.{kind}", "text": to_csv(rows) if kind == "csv" else to_json(rows)}

        asked, shown = [window, language], [self._now, self._table]
        tab.select(enter, [*asked, self._question], [self._question, *shown], **private)
        language.change(show, asked, shown, **private)
        for asking in (self._run.click, self._question.submit):
            asking(run, [*asked, self._question], shown, trigger_mode="once", **private)
        self._stop.click(lambda visit: table(visit).stop(), window, None, **private)
        self._upload.upload(add, asked, shown, trigger_mode="multiple", **private)
        self._table.click(remove, asked, shown, **private)
        for name, act in (("opened", add_opened), ("forget", forget), ("clear", clear)):
            self._tools[name].click(act, asked, shown, **private)
        for kind in ("csv", "json"):
            exported = self._tools[kind].click(partial(save, kind=kind), window, self._exported, **private)
            exported.then(None, self._exported, None, js=SAVE)

    def _show(self, table: TableRun, language: Language) -> Updates:
        return {self._now: now_view(table, language), self._table: table_view(table, language)}

    def _follow(self, table: TableRun, language: Language) -> Iterator[Updates]:
        """What has changed since the update before, until nothing runs."""
        sent: Updates = {}
        for _ in views.paced(table.changes(), INTERVAL + SECONDS_PER_ROW * len(table.files)):
            updates = self._show(table, language)
            if changed := {part: update for part, update in updates.items() if sent.get(part) != update}:
                yield changed
            sent = updates


def now_view(table: TableRun, language: Language) -> str:
    """HTML: how many documents are answered, how far those are that are being worked on, and what went wrong."""
    parts = [views.notice(table.error.message.text(language))] if table.error else []
    if table.asked:
        done = len([name for name in table.rows() if name in table.asked])
        parts.append(_bar(say("many.done", language, done=done, total=len(table.asked)), done, len(table.asked)))
        parts += [_working(name, progress, language) for name, progress in sorted(table.progress.items())]
    return "".join(parts)


def table_view(table: TableRun, language: Language) -> str:
    """HTML: a row for every document, answered or not. Roles are named because a phone shows the table as blocks."""
    if not table.files:
        return ""
    heads = "".join(f"<th role='columnheader' scope='col'>{say(f'many.{name}', language)}</th>" for name in COLUMNS)
    rows, asked, working = table.rows(), table.asked, table.progress
    body = []
    for name in table.files:
        state = "" if name in working else "many.waiting" if name in asked else "many.not_asked"
        answer, evidence, seconds = _cells(rows[name], language) if name in rows else ("", "", "")
        if name not in rows:
            waits = say(state, language) if state else views.waiting(working[name], language)
            answer = f"<p class='glyph-note'>{html.escape(waits)}</p>"
        body.append(_row(name, (answer, evidence, seconds), language))
    return (
        f"<table class='glyph-table' role='table' aria-label='{say('tab.many', language)}'>"
        f"<thead role='rowgroup'><tr role='row'>{heads}</tr></thead>"
        f"<tbody role='rowgroup'>{''.join(body)}</tbody></table>"
    )


def _row(name: str, cells: tuple[str, str, str], language: Language) -> str:
    shown = html.escape(name, quote=True)
    filled = "".join(
        f"<td role='cell' class='{column}' data-name='{say(f'many.{column}', language)}'>{cell}</td>"
        for column, cell in zip(COLUMNS[1:], cells, strict=True)
    )
    button = (
        f"<button type='button' class='glyph-remove' data-act='remove' data-name='{shown}' "
        f"aria-label='{say('remove', language, name=shown)}'>×</button>"
    )
    head = f"<th role='rowheader' scope='row'><span class='glyph-name'>{shown}</span>{button}</th>"
    return f"<tr role='row'>{head}{filled}</tr>"


def _cells(row: Row, language: Language) -> tuple[str, str, str]:
    """Answer or error, evidence, seconds."""
    if row.error:
        return f"<p class='glyph-notice error'>{html.escape(row.error)}</p>", "", ""
    answer = f"<div class='glyph-answer'>{html.escape(row.answer)}</div>"
    if not row.answer.strip():
        answer = f"<p class='glyph-note'>{say('many.empty', language)}</p>"
    elif len(row.answer) > LONG:
        answer = f"<details><summary>{html.escape(row.answer[:LONG])}…</summary>{answer}</details>"
    if row.reason in ("length", "repetition"):
        answer += f"<p class='glyph-note'>{say(row.reason, language)}</p>"
    said = "".join(row.answer.split())
    places: dict[str, None] = {}
    for quote in row.quotes:
        quoted = "".join(quote.text.split()) in said
        text = "" if quoted else f" <q>{html.escape(quote.text)}</q>"
        places[say("place", language, page=quote.page, line=quote.line) + text] = None
    evidence = "".join(f"<li>{place}</li>" for place in places)
    return answer, f"<ul>{evidence}</ul>" if evidence else "", f"{row.seconds:.2f}"


def _working(name: str, progress: Progress, language: Language) -> str:
    words = f"{name}: {views.waiting(progress, language)}"
    return _bar(words, progress.done, progress.total if progress.stage == "encode" else None)


def _bar(words: str, done: int, total: int | None) -> str:
    """A bar under what it tells; only the words where there is no total."""
    label = html.escape(words, quote=True)
    if total is None:
        return f"<div class='glyph-stage'><span>{label}</span></div>"
    share = done / max(total, 1)
    return (
        f"<div class='glyph-stage'><span>{label}</span>"
        f"<div class='glyph-bar' role='progressbar' aria-label='{label}' aria-valuemin='0' aria-valuemax='100' "
        f"aria-valuenow='{100 * share:.0f}'><div style='width: {share:.1%}'></div></div></div>"
    )
