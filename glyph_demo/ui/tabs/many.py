"""The tab that asks many documents the same questions. It shows a table of the answers with their evidence, which can
be saved as CSV or JSON."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from glyph_demo.conversation.row import Row
from glyph_demo.conversation.table import to_csv, to_json
from glyph_demo.engines.events import Progress
from glyph_demo.errors import GlyphError, Language
from glyph_demo.ui.claims import marked, tally
from glyph_demo.ui.markup import closable, dialog, meter, notes, notice, places_of, remove_button, waiting_text
from glyph_demo.ui.tabs.panels import ACTIONS, SAVE, Labels, dialog_box, question_box, run_and_stop, upload_box
from glyph_demo.ui.texts import say
from glyph_demo.ui.updates import Updates, paced, unsent
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.table_run import TableRun
from glyph_demo.windows.visit import VISITOR, Visit

INTERVAL = 0.3  # seconds between two updates
SECONDS_PER_ROW = 0.005  # between two updates of the table, whose size grows with the rows
LONG = 400  # characters; a longer answer is folded
COLUMNS = ("question", "answer", "evidence", "seconds")


class ManyPanel:
    def __init__(self, labels: Labels) -> None:
        self._about = labels(gr.HTML(elem_id="many-about"), value="many.about")
        self._upload = labels(upload_box("many-upload"), value="upload.hint")
        with gr.Row(elem_id="many-ask"):
            self._question = labels(question_box("many", lines=2), label="many.questions")
            self._run, self._stop = run_and_stop("many", labels)
        with gr.Row(elem_id="many-tools"):
            self._tools = {
                name: labels(gr.Button(size="sm", elem_classes="quiet", min_width=40), value=f"many.{name}")
                for name in ("opened", "csv", "json", "forget", "clear")
            }
        self._asks = dialog_box("many-asks")
        self._now = gr.HTML(elem_id="many-now", js_on_load=ACTIONS)
        self.table = gr.HTML(elem_id="many", js_on_load=ACTIONS)
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
            before = table(visit).questions
            windows.get(visit).show_in_table(question)
            asked = table(visit).questions
            if asked and (not question or asked != before):  # else what is typed meanwhile would be lost
                yield {self._question: "\n".join(asked)}
            yield from self._follow(table(visit), said)

        def run(visit: Visit, said: Language, question: str) -> Iterator[Updates]:
            session = windows.get(visit).session
            try:
                table(visit).start(session.engine, session.settings, session.store, question, said)
            except GlyphError as error:
                yield {self._now: closable(notice(error.message.text(said)), said)}
            else:
                yield from self._follow(table(visit), said)

        def add(visit: Visit, said: Language, data: gr.EventData, request: gr.Request) -> Updates:
            uploads, failures = windows.uploads.sent(request.headers.get(VISITOR, ""), data.files)
            table(visit).add([(upload.name, upload.path) for upload in uploads])
            updates = show(visit, said)
            complaints = "".join(closable(notice(failure.text(said)), said) for failure in failures)
            return {**updates, self._now: complaints + updates[self._now]}

        def add_opened(visit: Visit, said: Language, question: str) -> Updates:
            """With what they answered together, unless something else is to be asked."""
            window, before = windows.get(visit), table(visit).questions
            window.show_in_table(question, again=not table(visit).files)
            table(visit).add([(reading.name, reading.path) for reading in window.session.documents.values()])
            if not question.strip() or table(visit).questions != before:
                question = "\n".join(table(visit).questions)
            return {**show(visit, said), self._question: question}

        def remove(visit: Visit, said: Language, data: gr.EventData) -> Updates:
            return asked_first(visit, said, "remove", str(data.name))

        def asked_first(visit: Visit, said: Language, act: str, name: str = "") -> Updates:
            if not (count := table(visit).answers(name)):
                return go(visit, said, act, name)
            text, yes = say(f"many.sure.{act}", said, name=name, count=count), say(f"many.sure.{act}.yes", said)
            return {self._asks: dialog(text, yes, said, act=act, name=name)}

        def go_if_sure(visit: Visit, said: Language, data: gr.EventData) -> Updates:
            return go(visit, said, str(data.act), str(data.name)) if data.sure == "yes" else gr.skip()

        def go(visit: Visit, said: Language, act: str, name: str) -> Updates:
            if act == "remove":
                table(visit).remove(name)
            elif act == "clear":
                table(visit).clear()
            elif act == "forget":
                table(visit).forget()
            return show(visit, said)

        def close(visit: Visit, said: Language) -> Updates:
            table(visit).error = None
            return show(visit, said)

        def save(visit: Visit, kind: str) -> dict[str, str]:
            rows = list(table(visit).rows().values())
            return {"name": f"answers.{kind}", "text": to_csv(rows) if kind == "csv" else to_json(rows)}

        asked, shown = [window, language], [self._now, self.table]
        tab.select(enter, [*asked, self._question], [self._question, *shown], **private)
        language.change(show, asked, shown, **private)
        for asking in (self._run.click, self._question.submit):
            asking(run, [*asked, self._question], shown, trigger_mode="multiple", **private)
        self._stop.click(lambda visit: table(visit).stop(), window, None, **private)
        self._upload.upload(add, asked, shown, trigger_mode="multiple", **private)
        self._tools["opened"].click(add_opened, [*asked, self._question], [self._question, *shown], **private)
        self.table.click(remove, asked, [*shown, self._asks], **private)
        self._now.click(close, asked, shown, **private)
        for act in ("forget", "clear"):
            self._tools[act].click(partial(asked_first, act=act), asked, [*shown, self._asks], **private)
        self._asks.click(go_if_sure, asked, shown, **private)
        for kind in ("csv", "json"):
            exported = self._tools[kind].click(partial(save, kind=kind), window, self._exported, **private)
            exported.then(None, self._exported, None, js=SAVE)

    def _show(self, table: TableRun, language: Language) -> Updates:
        return {self._now: now_view(table, language), self.table: table_view(table, language)}

    def _follow(self, table: TableRun, language: Language) -> Iterator[Updates]:
        """Yield what has changed since the last update, until nothing runs."""
        sent: Updates = {}
        for _ in paced(table.changes(), INTERVAL + SECONDS_PER_ROW * len(table.files)):
            if changed := unsent(self._show(table, language), sent):
                yield changed


def now_view(table: TableRun, language: Language) -> str:
    """HTML: what went wrong, how many answers are there, and the progress of those that are being asked."""
    parts = [closable(notice(table.error.message.text(language)), language)] if table.error else []
    if asked := table.asked:
        done, total = len([name for name, _ in table.rows() if name in asked]), len(asked) * len(table.questions)
        parts.append(_stage(say("many.done", language, done=done, total=total), done / total))
        parts += [_working(name, progress, language) for name, progress in sorted(table.progress.items())]
    return "".join(parts)


def table_view(table: TableRun, language: Language) -> str:
    """HTML: a row for each question to each document, answered or not. A single question stands above the table. The
    ARIA roles are for phones, where the style sheet shows the table as blocks."""
    if not table.files:
        return ""
    several = len(table.questions) > 1
    columns = COLUMNS if several else COLUMNS[1:]
    heads = "".join(_head(column, language) for column in ("document", *columns))
    caption = "" if several else "".join(f"<caption>{html.escape(question)}</caption>" for question in table.questions)
    rows = table.rows()
    body = "".join(_group(table, name, rows, columns, language) for name in table.files)
    return (
        f"<table class='glyph-table' role='table' aria-label='{say('tab.many', language)}'>{caption}"
        f"<thead role='rowgroup'><tr role='row'>{heads}</tr></thead>{body}</table>"
    )


def _head(column: str, language: Language) -> str:
    return f"<th role='columnheader' scope='col'>{say(f'many.{column}', language)}</th>"


def _group(
    table: TableRun, name: str, rows: Mapping[tuple[str, str], Row], columns: Sequence[str], language: Language
) -> str:
    """The rows of a document."""
    questions = table.questions or ("",)
    asked, working = name in table.asked, table.progress.get(name)
    shown = html.escape(name, quote=True)
    head = (
        f"<th role='rowheader' scope='rowgroup' rowspan='{len(questions)}'><span class='glyph-name'>{shown}</span>"
        f"{remove_button('name', name, name, language)}</th>"
    )
    lines: list[str] = []
    for at, question in enumerate(questions):
        if (row := rows.get((name, question))) is not None:
            cells = _cells(row, at, language)
        else:
            waits = say("many.waiting" if asked else "many.not_asked", language)
            if working is not None:
                waits, working = waiting_text(working, language), None  # questions are asked in their order
            cells = f"<p class='glyph-note'>{html.escape(waits)}</p>", "", ""
        filled = "".join(
            f"<td role='cell' class='{column}' data-name='{say(f'many.{column}', language)}'>{cell}</td>"
            for column, cell in zip(COLUMNS, (html.escape(question), *cells), strict=True)
            if column in columns
        )
        lines.append(f"<tr role='row'>{'' if lines else head}{filled}</tr>")
    return f"<tbody role='rowgroup'>{''.join(lines)}</tbody>"


def _cells(row: Row, at: int, language: Language) -> tuple[str, str, str]:
    """Answer to question `at` or error, evidence, seconds."""
    if row.error:
        return f"<p class='glyph-notice error'>{html.escape(row.error)}</p>", "", ""
    shows = f"data-act='quote' data-event='select' data-name='{html.escape(row.file, quote=True)}' data-question='{at}'"
    answer = f"<div class='glyph-answer'>{marked(row.answer, row.claims, shows, language)}</div>"
    if not row.answer.strip():
        answer = f"<p class='glyph-note'>{say('many.empty', language)}</p>"
    elif len(row.answer) > LONG:
        answer = f"<details><summary>{html.escape(row.answer[:LONG])}…</summary>{answer}</details>"
    if row.reason in ("length", "repetition"):
        answer += f"<p class='glyph-note'>{say(row.reason, language)}</p>"
    if found := tally(row.claims, language):
        answer += f"<p class='glyph-note'>{found}</p>"
    answer += notes(row.notices, language, unfolded=row.reason == "not_found")
    evidence = "".join(
        f"<li><button type='button' class='glyph-place' {shows} data-line='{line}'>{place}</button></li>"
        for place, line in places_of(row.quotes, row.answer, language).items()
    )
    return answer, f"<ul>{evidence}</ul>" if evidence else "", f"{row.seconds:.2f}"


def _working(name: str, progress: Progress, language: Language) -> str:
    reading = progress.stage == "encode" and progress.total is not None
    share = progress.done / max(progress.total or 0, 1) if reading else None
    return _stage(say("many.working", language, name=name, step=waiting_text(progress, language)), share)


def _stage(words: str, share: float | None) -> str:
    """`words` over a bar that is filled to `share`; no bar if that is not known."""
    bar = "" if share is None else meter(share, words)
    return f"<div class='glyph-stage'><span>{html.escape(words, quote=True)}</span>{bar}</div>"
