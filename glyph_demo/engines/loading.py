"""An engine that is loaded in the background, and the progress of that for a terminal and for a window."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TextIO

from glyph_demo.engines import choose_engine, create_engine
from glyph_demo.engines.base import Engine, FeatureSource, OpenDocument
from glyph_demo.engines.events import Progress
from glyph_demo.errors import EngineError, GlyphError, Language, Message
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore, PageFeatures

log = logging.getLogger(__name__)

EVERY = 0.5  # seconds between two updates of the line on a terminal; ten times that in a log, where every line stays


class LoadLines:
    """A LoadProgress for the download and then for loading: it prints `load 3.1/20.6 GB, file 2 of 4, 1.5 GB/s, 12 s
    left`. `now` is the same for a window, with the seconds that a step without a rate has taken so far. The time left
    assumes the mean rate so far."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._now: Progress | None = None
        self._out = out or sys.stderr
        self._clock = clock
        self._done, self._total, self._first = 0, -1, 0
        self._began = self._printed = self._step = 0.0

    @property
    def now(self) -> Progress | None:
        if self._now is None or not self._now.what:
            return self._now
        seconds = int(self._clock() - self._step)
        return replace(self._now, more=Message(f"{seconds} s so far", f"已用 {seconds} 秒")) if seconds else self._now

    def __call__(
        self, done: int, total: int | None, file: int = 0, files: int = 0, what: Message | None = None
    ) -> None:
        if not (done or total or what):  # nothing is known yet; it is asked only whether to go on
            return
        now = self._clock()
        if done < self._done or self._total < 0:  # the download is over, or this is the first call
            self._began, self._printed, self._first = now, now - 10 * EVERY, done
        self._done, self._total, self._step = done, total or 0, now
        self._now = Progress("load", done, total, None if what else self._more(now, file, files), what)
        terminal = self._out.isatty()
        if what or done == total or now - self._printed >= (EVERY if terminal else 10 * EVERY):
            self._printed = now
            with contextlib.suppress(BrokenPipeError):  # nobody reads the output: load all the same
                self._write(done == total, terminal)

    def _write(self, ended: bool, terminal: bool) -> None:
        assert self._now is not None
        line = loaded(self._now, "en")
        print(f"\rload {line:<50}" if terminal else f"load {line}", file=self._out, end="" if terminal else "\n")
        if terminal and ended:
            print(file=self._out)
        self._out.flush()

    def _more(self, now: float, file: int, files: int) -> Message | None:
        """Which file of how many, if there are several, the rate and the time left."""
        parts = [(f"file {file} of {files}", f"第 {file}/{files} 个文件")] if files > 1 else []
        elapsed = now - self._began
        if self._first < self._done < self._total and elapsed > 0:
            rate = (self._done - self._first) / elapsed
            parts += [(f"{amount(round(rate), None)}/s",) * 2, remaining((self._total - self._done) / rate)]
        return Message(", ".join(en for en, _ in parts), "，".join(zh for _, zh in parts)) if parts else None


def loaded(progress: Progress, language: Language) -> str:
    """Progress of loading in words: `3.1/20.6 GB, file 2 of 4, 12 s left`, or `compiling kernels 2/3, 40 s so far`."""
    more = progress.more.text(language) if progress.more else ""
    what = progress.what.text(language) if progress.what else ""
    done = f"{what} {progress.done}/{progress.total}" if what else amount(progress.done, progress.total)
    return ("，" if language == "zh" else ", ").join(filter(None, (done, more)))


def remaining(seconds: float) -> Message:
    """`12 s left`, `14 min left` or `2 h 05 min left`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return Message(f"{math.ceil(seconds)} s left", f"剩余 {math.ceil(seconds)} 秒")
    if minutes < 120:
        return Message(f"{minutes} min left", f"剩余 {minutes} 分钟")
    hours, minutes = divmod(minutes, 60)
    return Message(f"{hours} h {minutes:02} min left", f"剩余 {hours} 小时 {minutes:02} 分")


def amount(done: int, total: int | None) -> str:
    """`3.1/20.6 GB`, in a unit that suits the total; without a total, `3.1 GB`. Both are in bytes."""
    size = total or done
    unit, name = next(
        (unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")) if size >= unit or unit == 1
    )
    return f"{done / unit:.1f}/{total / unit:.1f} {name}" if total else f"{done / unit:.1f} {name}"


def engine_closed() -> EngineError:
    return EngineError(
        "engine_closed",
        "The engine was closed while it was loaded. Load it again.",
        "引擎在加载过程中被关闭。请重新加载。",
    )


def load_stopped() -> EngineError:
    return EngineError(
        "load_stopped",
        "Loading was stopped.",
        "已停止加载。",
    )


class LoadingEngine(Engine):
    """An engine that is created on a thread of its own. Methods that need it wait for it, and raise its EngineError if
    that fails. `loading` is the progress until then, which is also printed on stderr."""

    def __init__(self, settings: Settings) -> None:
        self.name = choose_engine(settings).name
        self.device = ""
        self._loaded = False
        self._lines = LoadLines()
        self._closed = self._stopped = False
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._engine: Future[Engine] = self._loader.submit(self._load, settings)

    @property
    def identity(self) -> str:
        return self._engine.result().identity

    @property
    def loading(self) -> Progress | None:  # type: ignore[override]
        return None if self._loaded else self._lines.now

    @property
    def page_style(self) -> str:
        return self._engine.result().page_style

    @property
    def answers_partial_reading(self) -> bool:
        return self._engine.result().answers_partial_reading

    def encode(self, page: Page) -> PageFeatures:
        return self._engine.result().encode(page)

    def begin_encode(self, page: Page) -> Callable[[], PageFeatures]:
        return self._engine.result().begin_encode(page)

    def open_document(self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None) -> OpenDocument:
        return self._engine.result().open_document(features, source)

    def open_text(self, text: str) -> OpenDocument:
        return self._engine.result().open_text(text)

    def unknown_characters(self, text: str) -> dict[str, int]:
        return self._engine.result().unknown_characters(text)

    def attach_store(self, store: FeatureStore) -> None:
        self._engine.result().attach_store(store)

    def _load(self, settings: Settings) -> Engine:
        try:
            with contextlib.ExitStack() as failed:
                engine = create_engine(settings, self._report)
                failed.callback(engine.close)  # another engine may be loaded instead
                self._go_on()
                engine.open_document().close()  # load now what the first document would: that holds Python's lock
                failed.pop_all()
            self.label, self.precision, self.device = engine.label, engine.precision, engine.device
            return engine
        except GlyphError:
            raise
        except Exception as error:  # people must be able to choose another engine, whatever failed
            log.exception("the engine could not be loaded")
            raise EngineError(
                "engine_failed",
                "The engine could not be loaded. The log has the details; choose another model under Settings → Model "
                "(on the command line: --engine, --model).",
                "引擎无法加载。日志中有详细信息；请在“设置 → 模型”中选择其他模型（命令行：--engine、--model）。",
            ) from error
        finally:
            self._loaded = True

    def _report(self, done: int, total: int | None, file: int = 0, files: int = 0, what: Message | None = None) -> None:
        self._go_on()
        self._lines(done, total, file, files, what)

    def _go_on(self) -> None:
        """Raises EngineError where nobody wants the engine any more."""
        if self._stopped:
            raise load_stopped()
        if self._closed:  # nobody waits for 20 GB to end the app
            raise engine_closed()

    def ready(self) -> bool:
        return self._engine.done() and self._engine.result() is not None

    def capacity(self) -> int | None:
        loaded = self._engine.done() and not self._engine.cancelled() and self._engine.exception() is None
        return self._engine.result().capacity() if loaded else None

    def set_batching(self, most: int, wait: float) -> None:
        """See Engine. Takes effect once the engine is loaded."""

        def apply(loaded: Future[Engine]) -> None:
            if not loaded.cancelled() and loaded.exception() is None:
                loaded.result().set_batching(most, wait)

        self._engine.add_done_callback(apply)

    def stop_loading(self) -> None:
        self._stopped = True

    def close(self) -> None:
        self._closed = True
        self._loader.shutdown(wait=True, cancel_futures=True)
        if not self._engine.cancelled() and self._engine.exception() is None:
            self._engine.result().close()
