"""A model whose weights are not on this machine: downloaded when people ask for it in the window, and then used. It is
the one that they choose, or the full model where only its weights are missing."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Literal

from glyph_demo.engines import choose_engine
from glyph_demo.engines.events import Progress
from glyph_demo.engines.loading import LoadLines
from glyph_demo.engines.weights import download_hosts, download_weights, model_name
from glyph_demo.errors import EngineError, GlyphError, Message
from glyph_demo.settings import Settings
from glyph_demo.windows.engine_switch import EngineSwitch

log = logging.getLogger(__name__)


HERE = Message(
    "The model is on this machine now and is not in use. To use it, choose it in the settings under Model.",
    "模型已在本机，目前未使用。如需使用，请在“设置”的“模型”中选择它。",
)


LOADED = Message("The engine is loaded.", "引擎已加载。")
CANCELLED = Message(
    "Cancelled. What is there is kept; the next time it goes on from there.", "已取消。已下载的部分会保留，下次继续。"
)


class _Cancelled(Exception):
    """People do not want the rest."""


class ModelDownload:
    """One download for all windows. Thread-safe."""

    def __init__(self, switch: EngineSwitch) -> None:
        """Once the weights are here, `switch` loads the model."""
        self._switch = switch
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._lines = LoadLines()
        self._replaced = False  # whether the load was stopped because another engine was chosen
        self.load_stopped: threading.Event | None = None  # set to stop the load after the download
        self.model = ""  # the name of what is downloaded
        self.notice: tuple[Message, Literal["error", "hint"]] | None = None  # what to say of the last one

    @property
    def offer(self) -> list[str]:
        """The servers that the model could be downloaded from; none unless only its weights are missing here."""
        settings = self._switch.settings
        return download_hosts(settings) if choose_engine(settings).lacks_weights else []

    @property
    def progress(self) -> Progress | None:
        """How far the download is; None while there is none."""
        running = self._thread is not None and self._thread.is_alive()
        return (self._lines.now or Progress("load", 0)) if running else None

    def start(self, chosen: Settings | None = None) -> None:
        """Begin to download the model of the settings `chosen`, or the one that is offered; unless it has begun, or is
        offered no more: a page may be older than the engine. Raises GlyphError `download_running` where that of another
        model than `chosen` runs."""
        with self._lock:
            if self.progress is not None and chosen and model_name(chosen.model) != self.model:
                raise _running(self.model) if self.load_stopped is None else _loading(self.model)
            if self.progress is None and (chosen or self.offer):
                self.notice, self.model = None, model_name((chosen or self._switch.settings).model)
                self._replaced = False
                self._lines = LoadLines()
                self._cancelled.clear()
                self._thread = threading.Thread(target=self._run, args=[chosen], name="download", daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """End it. What is there is gone on with the next time."""
        self._cancelled.set()

    def stop_loading(self, replaced: bool = False) -> None:
        """End the load after the download, if there is one. Nothing is said of one that is `replaced` by another."""
        if (stopped := self.load_stopped) is not None:
            self._replaced |= replaced
            self._switch.stop_loading(stopped)

    def _run(self, chosen: Settings | None) -> None:
        before, offered = self._switch.settings, bool(self.offer)
        try:
            download_weights(chosen or before, self._report)
            self.load_stopped = threading.Event()
            now = self._switch.settings
            if self._cancelled.is_set() or not _same_engine(now, before):
                self.notice = (HERE, "hint")
            else:
                self._take_up(now, chosen, offered, self.load_stopped)
                self.notice = (LOADED, "hint")
        except _Cancelled:
            self.notice = (CANCELLED, "hint")
        except GlyphError as error:
            if not self._replaced:
                self.notice = (error.message, "hint" if error.code == "load_stopped" else "error")
        except Exception:  # people must be told, whatever failed
            log.exception("the model could not be downloaded")
            self.notice = (_failed().message, "error")
        finally:
            self.load_stopped = None

    def _take_up(self, now: Settings, chosen: Settings | None, offered: bool, stopped: threading.Event) -> None:
        """Use the model that is here now. Raises GlyphError if it cannot be loaded, or is `stopped`."""
        if offered and not self.offer:
            # The engine in use, which may be gone back to, was `auto`, which is this model from now on.
            self._switch.settings = replace(now, engine="pocket")
        if chosen is None:
            self._switch.change_engine(now, stopped)
        else:
            inference = replace(now.inference, precision=chosen.inference.precision)
            wanted = replace(now, engine=chosen.engine, model=chosen.model, inference=inference)
            self._switch.choose_engine(wanted, stopped)

    def _report(self, done: int, total: int | None, file: int = 0, files: int = 0, what: Message | None = None) -> None:
        if self._cancelled.is_set():
            raise _Cancelled
        self._lines(done, total, file, files)


def _same_engine(now: Settings, before: Settings) -> bool:
    """Whether no other engine was chosen. How many answers it runs at once, and the like, may have changed."""
    same_but_inference = replace(now, inference=before.inference) == before
    return same_but_inference and now.inference.precision == before.inference.precision


def _running(model: str) -> GlyphError:
    return GlyphError(
        "download_running",
        f"One download runs already, that of {model}. Cancel it or wait for its end, then choose again.",
        f"已有下载正在进行：{model}。请先取消它或等待其完成，再重新选择。",
    )


def _loading(model: str) -> GlyphError:
    return GlyphError(
        "download_running",
        f"{model}, which was downloaded before, is being loaded. Stop that or wait for its end, then choose again.",
        f"正在加载此前下载的 {model}。请先停止加载或等待其完成，再重新选择。",
    )


def _failed() -> EngineError:
    return EngineError(
        "engine_failed",
        "The model could not be downloaded. The log has the details; try again.",
        "模型下载失败。日志中有详细信息；请重试。",
    )
