"""The tab that measures this machine and charts the result beside the published figures. The benchmark `ladder` runs in
a process of its own, so that the window and its answers are not measured with it."""

from __future__ import annotations

import contextlib
import html
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import gradio as gr

from glyph_demo.bench.charts import ladder_chart
from glyph_demo.errors import GlyphError, Language
from glyph_demo.gpu import gpus
from glyph_demo.settings import ENVIRONMENT_PREFIX, Settings
from glyph_demo.ui.markup import closable, notice
from glyph_demo.ui.tabs.panels import ACTIONS, Labels, run_and_stop
from glyph_demo.ui.texts import say
from glyph_demo.ui.updates import paced
from glyph_demo.windows.collection import Windows

INTERVAL = 0.5  # seconds between two updates
STOP_SECONDS = 10.0
_ONE_AT_A_TIME = threading.Lock()
_STOPPED = threading.Event()  # whether Stop was pressed since the measurement began


class BenchmarkPanel:
    def __init__(self, labels: Labels) -> None:
        self._about = labels(gr.HTML(elem_id="benchmark-about"), value="benchmark.about")
        with gr.Row(elem_id="benchmark-tools"):
            self._run, self._stop = run_and_stop("benchmark", labels, scale=0, width=220)
        self._shown = gr.HTML(elem_id="benchmark", js_on_load=ACTIONS)
        self._so_far: tuple[list[str], float] = [], 0.0  # what the last run has measured, and its seconds
        self._left = False  # whether the last run ended because its page had gone
        self._failed: GlyphError | None = None  # why the last run ended, if it failed
        self.components: list[Any] = [self._about, self._run, self._stop]

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        run, show = partial(self.run, windows.settings), partial(self.show, windows.settings)
        self._run.click(run, language, self._shown, trigger_mode="once", **private)
        # It has no outputs: the measurement that it ends updates the page, last.
        self._stop.click(stop, None, None, queue=False, **private)
        self._shown.click(partial(self.close, windows.settings), None, self._shown, **private)
        tab.select(show, language, self._shown, **private)

    def run(self, settings: Settings, said: Language) -> Iterator[str]:
        """HTML: the rungs as they are measured, then the chart."""
        self._failed = None
        try:
            with contextlib.closing(measure(command(settings), kept(settings))) as steps:  # type: ignore[type-var]
                for lines, seconds in paced(steps, INTERVAL):
                    self._so_far = lines, seconds
                    self._left = True  # unless its page, which may have gone, asks for the next
                    yield progress_view(lines, seconds, said)
                    self._left = False
        except GlyphError as error:
            if error.code != "busy":  # that is another run, which goes on
                self._failed = error
            yield closable(notice(error.message.text(said)), said)
            return
        yield result_view(kept(settings))

    def show(self, settings: Settings, said: Language) -> Iterator[str]:
        """HTML for a page that comes to the tab: what is being measured, whoever began it; then the last result, and
        whether a run ended with its page."""
        while _ONE_AT_A_TIME.locked():
            yield progress_view(*self._so_far, said)
            time.sleep(INTERVAL)
        if self._failed is not None:
            yield closable(notice(self._failed.message.text(said)), said)
            return
        left = closable(notice(say("benchmark.left", said), "hint"), said) if self._left else ""
        yield left + result_view(kept(settings))

    def close(self, settings: Settings) -> str:
        """HTML: the last result, once it has been read how the last run ended."""
        self._failed, self._left = None, False
        return result_view(kept(settings))


def kept(settings: Settings) -> Path:
    """The file of the last result."""
    return settings.cache_path / "benchmarks" / "ladder.json"


def command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The command that runs the ladder, and its environment variables. The model has full size if there is a GPU."""
    model = "random:glyph" if gpus() else "random:mid"  # noise is computed as fast as weights, and needs no download
    call = [sys.executable, "-m", "glyph_demo", "bench", "ladder", "--json", "--engine", "local", "--model", model]
    return call, {f"{ENVIRONMENT_PREFIX}CACHE_DIR": settings.cache_dir}


def measure(call: tuple[list[str], dict[str, str]], target: Path) -> Iterator[tuple[list[str], float]]:
    """Run a benchmark and write its result to `target`. Yields the lines it has printed so far and the seconds since
    its start. Closing the iterator ends it, and so does `stop`. Raises GlyphError `not_measured`, or `busy` while
    another one runs."""
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise measuring()
    _STOPPED.clear()
    try:
        yield from _run(call, target)
    finally:
        _ONE_AT_A_TIME.release()


def stop() -> None:
    """Have the measurement that runs end, within INTERVAL."""
    _STOPPED.set()


def _run(call: tuple[list[str], dict[str, str]], target: Path) -> Iterator[tuple[list[str], float]]:
    began, lines = time.monotonic(), list[str]()
    said: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(
        call[0],
        cwd=Path(__file__).parents[3],
        env=os.environ | call[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        threading.Thread(target=_pass_on, args=(process.stderr, said), daemon=True).start()
        results: list[str] = []
        out = threading.Thread(target=lambda stream: results.append(stream.read()), args=(process.stdout,), daemon=True)
        out.start()
        try:
            while process.poll() is None:
                with contextlib.suppress(queue.Empty):
                    lines.append(said.get(timeout=INTERVAL / 2))
                yield lines, time.monotonic() - began
                if _STOPPED.is_set():
                    return
            out.join()
        finally:
            _end(process)
    try:
        result = json.loads(results[0])
        ladder_chart(result)
    except (ValueError, LookupError, TypeError) as error:
        raise not_measured() from error
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result), encoding="utf-8")


def progress_view(lines: list[str], seconds: float, language: Language) -> str:
    """HTML: the rungs measured so far."""
    head = say("benchmark.running", language, seconds=f"{seconds:.0f}")
    rows = "".join(f"<li>{html.escape(line)}</li>" for line in lines if line.startswith(("whitepaper ", "pages ")))
    return f"<p class='glyph-wait'>{head}</p><ul class='glyph-rungs'>{rows}</ul>"


def result_view(path: Path) -> str:
    """HTML: the chart of the last result; empty if there is none that can be drawn."""
    try:
        return f"<div class='glyph-chart'>{ladder_chart(json.loads(path.read_text(encoding='utf-8')))}</div>"
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _pass_on(stream: IO[str], said: queue.Queue[str]) -> None:
    for line in stream:
        said.put(line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def measuring() -> GlyphError:
    return GlyphError(
        "busy",
        "A measurement is running already. Wait for it, or stop it there.",
        "已有测量正在进行。请等它结束，或先停止它。",
    )


def not_measured() -> GlyphError:
    return GlyphError(
        "not_measured",
        "The measurement failed. Run `python -m glyph_demo bench ladder` in a terminal to see why.",
        "测量失败。请在终端运行 `python -m glyph_demo bench ladder` 查看原因。",
    )
