"""What happens to documents: opened, followed while they are read, returned to, removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec

import gradio as gr

from glyph_demo.conversation.reading import Reading
from glyph_demo.conversation.row import QuotedLine, Row
from glyph_demo.engines.base import TooLong
from glyph_demo.errors import EngineError, GlyphError, SettingsError
from glyph_demo.ui import views
from glyph_demo.ui.answer_card import scroll_to
from glyph_demo.ui.chat_handlers import place_in_list
from glyph_demo.ui.markup import dialog
from glyph_demo.ui.shelf import document_list
from glyph_demo.ui.tabs.panels import MAX_QUESTION
from glyph_demo.ui.texts import READ_AGAIN, document_gone, say, too_long
from glyph_demo.ui.updates import Updates, merged, unsent
from glyph_demo.ui.window_view import READING_INTERVAL, WindowView
from glyph_demo.windows.conversations import rename, show_sought
from glyph_demo.windows.errors import of_file
from glyph_demo.windows.others import opened_as
from glyph_demo.windows.visit import VISITOR, Visit
from glyph_demo.windows.window import Refused, Window

P = ParamSpec("P")
GALLERY_SECONDS_PER_PAGE = 0.02  # between two updates of the gallery, whose size grows with the pages


def _told(
    handle: Callable[Concatenate[ShelfHandlers, Visit, P], Updates],
) -> Callable[Concatenate[ShelfHandlers, Visit, P], Updates]:
    """A handler that shows a GlyphError, such as that of a document or a window that another tab has closed."""

    @wraps(handle)
    def handled(self: ShelfHandlers, visit: Visit, *given: P.args, **named: P.kwargs) -> Updates:
        try:
            return handle(self, visit, *given, **named)
        except GlyphError as error:
            window = self._windows.get(visit)
            return merged(self._view.front(window), self._view.say_error(window, error))

    return handled


class ShelfHandlers:
    def __init__(self, view: WindowView) -> None:
        self._view, self._ui, self._windows = view, view.ui, view.windows

    @_told
    def open_files(self, visit: Visit, data: gr.EventData, request: gr.Request) -> Updates:
        """Open all files that the page has sent, after those that it sent before. The first is put in front, because it
        is ready first."""
        window = self._windows.get(visit)
        window.notice = None
        uploads, failures = self._windows.uploads.sent(request.headers.get(VISITOR, ""), data.files)
        with window.opening:  # a large file takes longer to copy than a small one that is sent after it
            opened = [window.open(upload.path, upload.name) for upload in uploads]
            if opened[1:] and opened[0] in window.session.documents:  # else it could not be read, and has gone
                window.select(opened[0])
        for failure in failures:
            window.complain(failure)
        return self._view.front(window)

    @_told
    def open_example(self, visit: Visit, index: int) -> Updates:
        window, example = self._windows.get(visit), self._view.examples[index]
        window.open(example.path, example.path.name, samples=example.questions)
        return self._view.front(window)

    @_told
    def read_first(self, visit: Visit) -> Updates:
        """Read the first pages of the files that were too long, as many as fit."""
        window = self._windows.get(visit)
        for refused in window.refused:
            pages = f"1-{refused.pages}"
            if refused.document in window.session.documents:
                window.select(refused.document, pages=pages)
            else:
                window.open(refused.path, refused.name, pages=pages)
        window.refused = ()
        return self._view.front(window)

    def on_document(self, visit: Visit, data: gr.EventData) -> Updates:
        """Handle a click in the list of documents, or a name that was typed there. A conversation goes only once that
        is agreed to."""
        window, identifier = self._windows.get(visit), str(data.id)
        if data.act == "named":
            rename(window, identifier, str(data.name))
        if data.act == "together":
            window.left_out ^= {identifier}
            return {self._ui.documents: document_list(window)}
        if data.act in ("rename", "named", "unnamed"):
            window.renamed = identifier if data.act == "rename" else ""
            return {self._ui.documents: document_list(window)}
        if data.act != "remove":
            return {**self.select(visit, identifier), **self._sought(window)}
        reading = window.session.documents.get(identifier)
        if reading is None or not (count := len(reading.transcript.shown)):
            return self.remove(visit, identifier)
        key, language = "remove.sure" if count > 1 else "remove.sure.one", window.language
        text = say(key, language, name=reading.title, count=count)
        return {self._ui.removing: dialog(text, say("remove.yes", language), language, id=identifier)}

    def ask_together(self, visit: Visit, together: bool) -> Updates:
        """Whether questions are for several documents: then the list says for which."""
        window = self._windows.get(visit)
        window.together = together is True
        return {self._ui.documents: document_list(window)}

    def _sought(self, window: Window) -> Updates:
        """The conversation at the first turn that has the words that are looked for, if there is one."""
        if (turn := show_sought(window)) is None:
            return {}
        chat = self._view.chat(window)
        return {**chat, self._ui.earlier: chat[self._ui.earlier] + scroll_to(turn - window.first_turn)}

    def search(self, visit: Visit, words: str) -> Updates:
        """Show the documents whose name or conversation has these words; all without words."""
        window = self._windows.get(visit)
        window.searched = words[:MAX_QUESTION] if isinstance(words, str) else ""
        return {self._ui.documents: document_list(window)}

    def remove_if_sure(self, visit: Visit, data: gr.EventData) -> Updates:
        return self.remove(visit, str(data.id)) if data.sure == "yes" else gr.skip()

    @_told
    def show_quote(self, visit: Visit, data: gr.EventData) -> Updates:
        """Show a line that an answer of the table of many documents rests on, or has a claim from, in the tab for
        reading."""
        window = self._windows.get(visit)
        table, at = window.table_run, place_in_list(data.question)
        row = table.rows().get((str(data.name), table.questions[at])) if 0 <= at < len(table.questions) else None
        if row is None or (quote := _quote(row, data)) is None:
            return gr.skip()
        if (path := table.files.get(row.file)) is None or not path.exists():
            return self._view.say_error(window, document_gone())
        window.show_quote(row.file, path, quote)
        return {**self._view.front(window), self._ui.all_tabs: gr.update(selected="tab.read")}

    @_told
    def show_other(self, visit: Visit, data: gr.EventData) -> Updates:
        """Show a line that the answer of a document that is not in front rests on, or has a claim from, beside the
        conversation."""
        window = self._windows.get(visit)
        at, other = place_in_list(data.exchange), place_in_list(data.other)
        others = window.transcript[at].others if 0 <= at < len(window.transcript) else ()
        quote = _quote(others[other], data) if 0 <= other < len(others) else None
        if quote is None:
            return gr.skip()
        if (identifier := opened_as(window.session, others[other])) is None:
            return self._view.say_error(window, document_gone())
        window.look_beside(identifier, quote)
        return self._view.looked_at(window)

    @_told
    def select(self, visit: Visit, document_id: str) -> Updates:
        window = self._windows.get(visit)
        if document_id not in window.session.documents:
            return merged(self._view.front(window), self._view.say_error(window, document_gone()))
        window.select(document_id)
        return self._view.front(window)

    @_told
    def remove(self, visit: Visit, document_id: str) -> Updates:
        """Forget a document, also while it is being read. If it is in front, the one before it takes its place."""
        window = self._windows.get(visit)
        if document_id == window.session.current_id:
            window.stop()
        window.forget(document_id)
        window.notice, window.refused = None, ()
        return self._view.front(window)

    def follow_reading(self, visit: Visit) -> Iterator[Updates]:
        """Show the progress of loading the engine and reading the documents, until all are ready. A later call takes
        over."""
        window, sent = self._windows.get(visit), Updates()
        yield from self._follow(window, sent)
        while changed := unsent(self._shelf(window), sent):  # what came meanwhile may have been shown before this
            yield changed

    def _shelf(self, window: Window) -> Updates:
        """What people change while it is followed."""
        return {
            self._ui.documents: document_list(window),
            self._ui.about: self._view.about(window),
            **self._view.looked_at(window),
        }

    def _follow(self, window: Window, sent: Updates) -> Iterator[Updates]:
        """Yield updates, which `sent` then holds."""
        turn = window.followed = window.followed + 1
        pages, due, was = 0, 0.0, ("", "")
        while turn == window.followed:
            documents, now = window.session.documents, (window.beside or window.session.current_id or "", "")
            waiting = any(reading.state in ("waiting", "reading") for reading in documents.values())
            loads = self._windows.switch.loading is not None
            waiting |= loads or window.load_stopped is not None
            waiting |= (reading := window.reading) is not None and reading.overview_so_far[1]
            for identifier, reading in documents.items():
                error = reading.error if reading.state == "failed" else None
                if loads and isinstance(error, EngineError):  # of the engine before; the next reads it again
                    continue
                if error is not None and window.failures.get(identifier) is not error:
                    yield self._give_up(window, identifier, reading, error)
            updates: Updates = {self._ui.documents: document_list(window), **self._loading(window)}
            if (reading := window.looked_at) is not None:
                now = (now[0], reading.state)
                updates[self._ui.progress] = views.reading_progress(reading, window.language)
                updates[self._ui.about] = self._view.about(window)
                if len(reading.pages) != pages and time.monotonic() >= due:
                    pages = len(reading.pages)
                    due = time.monotonic() + pages * GALLERY_SECONDS_PER_PAGE
                    updates |= {self._ui.gallery: self._view.gallery(reading, window.language)}
                    updates |= {self._ui.page: self._view.page(window)}
            if (ready := now[1] == "ready" and was != now) and window.notice and window.notice[0] is READ_AGAIN:
                window.notice = None
            if ready:
                window.show_wanted()
            was = now
            if ready or not waiting:
                updates = merged(updates, self._all_but_talk(window))
            if renewed := window.show_renewed():
                updates |= {**self._view.chat(window), self._ui.page: self._view.page(window)}
            if not (waiting or renewed or (window.reading and window.reading.renewed)):
                sent |= updates
                yield updates  # all of it, whatever the page has lost
                return
            elif changed := unsent(updates, sent):
                yield changed
            time.sleep(READING_INTERVAL)

    def _loading(self, window: Window) -> Updates:
        """How much of the engine is loaded. Once it is, everything about it, if this page shows it as loading."""
        chosen = window.load_stopped is not None
        if self._windows.switch.loading is not None or chosen:
            updates = {self._ui.engine: self._view.engine(window.language), **self._view.status(window)}
            if chosen:  # the page may have been loaded anew, and what began the load lost
                window.shows_stop = True
                updates[self._ui.outcome] = self._view.stoppable(window)
            return updates
        other = window.engine_shown not in (None, self._windows.switch.engine)  # chosen in another tab of the browser
        if not (window.shows_loading or window.shows_stop or other):
            return {}
        if window.notice is None and (failure := self._windows.switch.failure) is not None:
            window.notice = (failure.message, "error")
        updates = merged(self._view.all_of_engine(window), self._view.status(window))
        if window.shows_stop:
            window.shows_stop = False
            updates[self._ui.outcome] = self._view.told(window)
        return updates

    def _all_but_talk(self, window: Window) -> Updates:
        """`front` without the chat: an answer that waited for the pages updates that now, and what this handler sends
        may arrive after the answer's end. Only answers that were given again are shown here, when none is written."""
        talk = (self._ui.earlier, self._ui.chat, self._ui.live)
        return {part: update for part, update in self._view.front(window).items() if part not in talk}

    def _give_up(self, window: Window, identifier: str, reading: Reading, error: GlyphError) -> Updates:
        """Say why a document could not be read. Remove it from the list, unless there is a conversation about it, or
        other settings or another engine may still read it."""
        window.failures[identifier] = error
        kept = isinstance(error, (SettingsError, EngineError)) or error.code == "no_text_layer"
        if isinstance(error, TooLong) or not kept:
            message = error.message
            if isinstance(error, TooLong) and error.pages:
                window.refused += (Refused(reading.path, reading.name, error.pages, identifier),)
                message = too_long(error.pages)
            if not len(reading.transcript):
                window.forget(identifier)
            window.complain(of_file(reading.name, message))
        else:
            window.notice = (error.message, "error")
        return self._view.front(window)


def _quote(row: Row, data: gr.EventData) -> QuotedLine | None:
    """The line that was clicked of those that an answer rests on, or the place of the claim that was; None for others
    than there are."""
    if (number := getattr(data, "claim", None)) is not None:
        claim = place_in_list(number)
        place = row.claims[claim].place if 0 <= claim < len(row.claims) else None
        return QuotedLine.of(place) if place is not None else None
    line = place_in_list(data.line)
    return row.quotes[line] if 0 <= line < len(row.quotes) else None
