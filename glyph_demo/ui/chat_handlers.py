"""The conversation: questions asked, repeated, edited, stopped, taken back and exported."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import Region
from glyph_demo.errors import GlyphError
from glyph_demo.ui.answer_card import live_answer, typed
from glyph_demo.ui.markup import dialog
from glyph_demo.ui.tabs.panels import MAX_QUESTION
from glyph_demo.ui.texts import ASKED_NEXT, say
from glyph_demo.ui.updates import Updates, paced, unsent
from glyph_demo.ui.window_view import WindowView
from glyph_demo.windows.conversations import show_earlier
from glyph_demo.windows.focus import PageFocus
from glyph_demo.windows.history import as_json, as_markdown
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window

ANSWER_INTERVAL = 0.05  # seconds between two updates of a growing answer
NOTHING: Updates = (
    gr.skip()
)  # yielded, because Gradio's page empties all that a handler without any update might change


class ChatHandlers:
    def __init__(self, view: WindowView) -> None:
        self._view, self._ui, self._windows = view, view.ui, view.windows

    def ask_question(self, visit: Visit, question: str, everyone: bool = False) -> Iterator[Updates]:
        """Ask the document in front, or `everyone` that is open, after the answer that is being written. The newest
        question that waits is the one that is asked; who is turned away finds the text again where it was typed. During
        an answer nothing comes of an empty question, or of one that is asked already: Enter was pressed twice."""
        window, ui, stripped = self._windows.get(visit), self._ui, question.strip()
        if waits := window.answering:
            if not stripped or window.asks(stripped):
                yield NOTHING
                return
            window.notice = (ASKED_NEXT, "hint")
            yield {ui.question: "", ui.unasked: "", **self._view.status(window)}
            if not window.wait_for_turn(stripped):
                if not window.answering and window.notice and window.notice[0] is ASKED_NEXT:
                    window.notice = None
                yield {ui.unasked: question, **self._view.status(window)}
                return
        yield from self._answer(window, question, None, typed=not waits, everyone=everyone is True)

    def ask_suggested(self, visit: Visit, data: gr.EventData) -> Iterator[Updates]:
        """Ask a question that was made from the document."""
        yield from self.ask_question(visit, str(data.question)[:MAX_QUESTION])

    def retry_question(self, visit: Visit, data: gr.RetryData) -> Iterator[Updates]:
        window = self._windows.get(visit)
        at = _exchange_index(window, data.index)
        if 0 <= at < len(window.transcript):
            yield from self._replace(window, window.transcript[at].question, at)
        else:
            yield NOTHING

    def edit_question(self, visit: Visit, data: gr.EditData) -> Iterator[Updates]:
        window = self._windows.get(visit)
        at = _exchange_index(window, data.index)
        if 0 <= at < len(window.transcript):
            yield from self._replace(window, typed(str(data.value)), at)
        else:
            yield NOTHING

    def _replace(self, window: Window, question: str, at: int) -> Iterator[Updates]:
        """Ask in place of question `at`. If others follow, which will go, ask first whether they may."""
        later = len(window.transcript) - at - 1
        if not later or window.answering:  # which is told
            yield from self._answer(window, question, at)
            return
        text = say("replace" if later > 1 else "replace.one", window.language, count=later)
        yes = say("replace.yes", window.language)
        yield {
            **self._view.conversation(window),  # Gradio's page shows an edit at once
            self._ui.unasked: "",  # an earlier one has been given back
            self._ui.replacing: dialog(text, yes, window.language, at=at, question=question),
        }

    def replace_if_sure(self, visit: Visit, data: gr.EventData) -> Iterator[Updates]:
        """Go on with what `_replace` has asked about. Who is not sure finds an edited question where one types."""
        window, at, question = self._windows.get(visit), place_in_list(data.at), str(data.question)
        if not 0 <= at < len(window.transcript):
            yield NOTHING
        elif data.sure == "yes":
            yield from self._answer(window, question, at)
        else:
            yield {self._ui.unasked: question} if question != window.transcript[at].question else NOTHING

    def undo_exchange(self, visit: Visit) -> Updates:
        window = self._windows.get(visit)
        question = window.undo()
        return {**self._view.conversation(window), self._ui.unasked: question}

    def show_earlier(self, visit: Visit) -> Updates:
        window = self._windows.get(visit)
        show_earlier(window)
        return self._view.chat(window)

    def clear_conversation(self, visit: Visit) -> Updates:
        """Ask first whether the conversation may go."""
        window = self._windows.get(visit)
        reading, language, count = window.reading, window.language, len(window.transcript)
        if reading is None or not count:
            return self._view.conversation(window)
        text = say("clear.sure" if count > 1 else "clear.sure.one", language, name=reading.title, count=count)
        asked = dialog(text, say("clear", language), language, id=window.session.current_id)
        return {self._ui.clearing: asked}

    def clear_if_sure(self, visit: Visit, data: gr.EventData) -> Updates:
        """Clear what `clear_conversation` has asked about, if that is still in front."""
        window = self._windows.get(visit)
        if data.sure != "yes" or str(data.id) != window.session.current_id:
            return gr.skip()
        window.clear()
        return self._view.conversation(window)

    def follow_answer(self, visit: Visit) -> Iterator[Updates]:
        """Show an answer that was being written when the page was loaded, and those to the questions that waited."""
        window, ui = self._windows.get(visit), self._ui
        yield NOTHING
        shown: Exchange | None = None
        while window.answering or window.waits:
            if (exchange := window.asked) is None or exchange is shown:  # the next waits for its turn
                time.sleep(ANSWER_INTERVAL)
                continue
            shown, sent, before, reading = exchange, Updates(), window.focus, window.reading
            yield self._view.chat(window)
            while window.answering and window.asked is exchange:
                window.watched_at = time.monotonic()
                if changed := unsent({ui.live: self._live(window, exchange)}, sent):
                    yield changed
                time.sleep(ANSWER_INTERVAL)
            answered = exchange.answer or exchange.finished
            if answered and window.focus is before:  # else one has turned to something meanwhile
                _mark(window, exchange)
            updates = {**self._view.status(window), **self._view.looked_at(window)}
            yield from self._end(window, updates | ({} if answered else {ui.unasked: exchange.question}))
            if _checked_after_stop(window, reading, exchange):
                yield self._view.chat(window)

    def _end(self, window: Window, updates: Updates) -> Iterator[Updates]:
        """Show the conversation, with `updates`; and again if it has become another while that was on its way: what
        made it so, such as Clear, may have been shown before."""
        shown: tuple[Any, ...] = ()
        while (now := (window.reading, window.transcript)) != shown:
            yield {**(self._view.chat(window) if shown else self._view.conversation(window)), **updates}
            shown, updates = now, {}

    def _marked(self, window: Window, exchange: Exchange) -> Updates:
        """What an answer rests on. Where another document was looked at, its pictures go too."""
        other = bool(window.beside)
        _mark(window, exchange)
        return self._view.looked_at(window) if other else self._view.paper(window)

    def _live(self, window: Window, exchange: Exchange) -> str:
        """HTML of an answer that is still being written. Its places can be shown once it is in the conversation."""
        at = next((i for i, each in enumerate(window.transcript) if each is exchange), -1)
        return live_answer(exchange, at, window.language)

    def stop_answer(self, visit: Visit) -> None:
        self._windows.get(visit).stop()

    def export_conversation(self, visit: Visit, kind: str) -> dict[str, str]:
        """Name and text of a file with the conversation about the document in front; `kind` is md or json. The page
        saves it."""
        window = self._windows.get(visit)
        name = window.reading.title if window.reading else say("title", window.language)
        named = bool(window.reading and window.reading.transcript.title)
        write = as_markdown if kind == "md" else as_json
        warnings = window.reading.warnings if window.reading else []
        done = [exchange for exchange in window.transcript if not exchange.running]
        return {
            "name": f"{name if named else Path(name).stem}.{kind}",
            "text": write(name, done, warnings, window.language),
        }

    def _answer(
        self, window: Window, question: str, at: int | None, typed: bool = False, everyone: bool = False
    ) -> Iterator[Updates]:
        """Yield updates while an answer grows. Closing the iterator, as when the page is loaded anew, leaves the answer
        to `follow_answer`. `typed` is whether the question still stands where it was typed. What all documents were
        asked is asked of them again."""
        everyone |= at is not None and bool(window.transcript[at].document)
        ui, before, reading = self._ui, window.focus, window.reading
        stands = at is not None and window.transcript[at].question == question.strip()  # whatever comes of this
        exchange: Exchange | None = None
        window.notice, placed = None, tuple[Region, ...]()
        steps, begun = window.ask(question, at, everyone), False
        try:
            for exchange in paced(steps, ANSWER_INTERVAL):
                updates: Updates = {}
                if not begun:
                    begun = True
                    updates |= {**self._view.conversation(window), ui.unasked: "", ui.status: ""}
                    updates |= {ui.question: ""} if typed else {}
                updates[ui.live] = self._live(window, exchange)
                if exchange.regions and exchange.regions is not placed:  # once: one may turn to others meanwhile
                    placed = exchange.regions
                    updates |= self._marked(window, exchange)
                yield updates
        except GeneratorExit:
            window.finish(steps)
            raise
        except GlyphError as error:
            yield from self._end(window, {ui.unasked: question, **self._view.say_error(window, error)})
            return
        answered = exchange is not None and (exchange.answer or exchange.finished)  # not if it was stopped before
        updates = {} if stands or answered else {ui.unasked: question}
        if window.focus is not before:
            updates |= self._view.paper(window)
        elif exchange is not None and answered and window.reading is reading:
            updates |= self._marked(window, exchange)
        yield from self._end(window, updates)
        if _checked_after_stop(window, reading, exchange):
            yield self._view.chat(window)


def _mark(window: Window, exchange: Exchange) -> None:
    """Mark what an answer that has ended rests on. The marks of the answer before go in any case."""
    if exchange.regions:
        window.look_at_front(PageFocus.of(exchange))
    else:
        window.forget_marks()


def _checked_after_stop(window: Window, reading: Reading | None, exchange: Exchange | None) -> bool:
    """Whether what there is of an answer that was stopped has been held against its document, which is in front. Only
    once the stop is shown: nobody who stops an answer waits for this."""
    if not exchange or not exchange.answer or exchange.finished or reading is None or reading is not window.reading:
        return False
    exchange.check_off(_before_the_cut(exchange.answer, reading.checked(exchange.answer)))
    window.save()
    return True


def _before_the_cut(answer: str, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims of an answer that was stopped, without the one that it ends with, of which more may have followed."""
    return tuple(claim for claim in claims if any(map(str.isalnum, answer[claim.end :])))


def _exchange_index(window: Window, message_index: Any) -> int:
    """The exchange that a chat message belongs to; each has two messages. -1 for anything else than an index."""
    index = message_index[0] if isinstance(message_index, list | tuple) and message_index else message_index
    at = place_in_list(index) // 2
    return window.first_turn + at if at >= 0 else -1


def place_in_list(sent: Any) -> int:
    """An index as a page sends it; -1 for anything else."""
    text = str(sent)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
