"""What happens to the download of a model: begun, followed, cancelled."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gradio as gr

from glyph_demo.ui.updates import Updates, merged, unsent
from glyph_demo.ui.window_view import READING_INTERVAL, WindowView
from glyph_demo.windows.model_download import LOADED
from glyph_demo.windows.visit import Visit
from glyph_demo.windows.window import Window


class DownloadHandlers:
    def __init__(self, view: WindowView) -> None:
        self._view, self._ui, self._windows = view, view.ui, view.windows

    def on_offer(self, visit: Visit, data: gr.EventData) -> Iterator[Updates]:
        """Begin or cancel the download, and show how far it is; or stop a load; or close the offer, or what the picker
        says."""
        if data.act == "close":
            yield {self._ui.outcome: ""}
            return
        if data.act == "decline":
            self._windows.get(visit).offer_closed = True
            yield {self._ui.offer: ""}
            return
        if data.act == "cancel":
            self._windows.download.cancel()
        elif data.act == "stop":
            window = self._windows.get(visit)
            if window.load_stopped is not None:
                self._windows.switch.stop_loading(window.load_stopped)
            else:
                self._windows.download.stop_loading()
        elif data.act == "download":
            self._windows.download.start()
        yield from self.follow(visit, begun=data.act == "download")

    def follow(self, visit: Visit, begun: bool = False) -> Iterator[Updates]:
        """Show the progress of the download, if there is one, and in the end the engine that it was for. One that has
        just `begun` may have ended already."""
        window, download = self._windows.get(visit), self._windows.download
        sent, followed = {}, begun  # type: ignore[var-annotated]
        if begun:
            window.notice = None  # of a download before this one
            yield self._view.status(window)
        while download.progress is not None:
            followed = True
            updates = self._running(window)
            if self._windows.switch.loading is not None:
                updates |= {self._ui.engine: self._view.engine(window.language), **self._view.status(window)}
            if changed := unsent(updates, sent):
                yield changed
            time.sleep(READING_INTERVAL)
        ended, offer = download.notice, {self._ui.offer: self._view.offer(window)}
        if not followed or ended is None:  # None where another engine was chosen meanwhile
            if followed and window.load_stopped is None:  # it was chosen in another window
                offer[self._ui.outcome] = ""
            yield offer  # Gradio empties a page of which nothing is said
            return
        window.notice = ended
        outcome = {self._ui.outcome: self._view.told(window)}
        if ended[0] is not LOADED:  # the engine is the one before, and the picker what people made of it
            engine = {self._ui.engine: self._view.engine(window.language)}  # without how far the load of another was
            yield merged(self._view.status(window), offer, engine, outcome)
            return
        yield merged(self._view.all_of_engine(window), self._view.front(window), outcome)

    def _running(self, window: Window) -> Updates:
        """How far the download, or the load after it, is, at the top of the page and in the picker."""
        shown = self._view.offer(window)
        return {self._ui.offer: shown, self._ui.outcome: shown or self._view.stoppable(window)}
