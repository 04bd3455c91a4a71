"""The tab that measures: a process of its own, its lines while it runs, its chart afterwards."""

import contextlib
import json
import sys
import threading
import time

import gradio as gr
import psutil
import pytest

from glyph_demo.errors import GlyphError
from glyph_demo.settings import Settings
from glyph_demo.ui.tabs.benchmark import BenchmarkPanel, command, kept, measure, progress_view, result_view, stop
from glyph_demo.ui.tabs.panels import Labels

NAME = {"en": "FP32 <eager>", "zh": "FP32 逐步"}
RESULT = {
    "device": "a machine",
    "unit": "CPU seconds",
    "scale": {"characters": 2000, "tall": [448, 1512], "tokens": 8, "rounds": 1, "full": False},
    "rungs": [
        {"rung": "fp32", "name": NAME, "case": case, "first": 7.5, "later": 6.5, "peak_bytes": 2_000_000_000}
        for case in ("whitepaper", "pages")
    ],
    "published": {"fp32": {"first": 6.8, "later": None, "gb": 21.3}},
}


def script(tmp_path, code):
    """A stand-in for the ladder, which takes minutes."""
    tmp_path.mkdir(exist_ok=True)
    file = tmp_path / "ladder.py"
    file.write_text(code)
    return [sys.executable, str(file)], {"TOLD": "yes"}


def last(steps):
    return list(steps)[-1]


def test_lines_come_while_it_runs_and_the_chart_stands_beside_the_published_figures(tmp_path):
    code = f"""
import json, os, sys, time
print("a warning of some library", file=sys.stderr)
print("whitepaper fp32 first 7.50 <b>", os.environ["TOLD"], file=sys.stderr, flush=True)
time.sleep(1)
print({json.dumps(RESULT)!r})"""
    target = tmp_path / "cache" / "benchmarks" / "ladder.json"
    steps = [(list(lines), seconds) for lines, seconds in measure(script(tmp_path, code), target)]
    shown = progress_view(*steps[-1], "en")
    assert "<li>whitepaper fp32 first 7.50 &lt;b&gt; yes</li>" in shown
    assert "warning" not in shown
    assert len(steps) > 2
    chart = result_view(target)
    for figure in ("7.5 s", "6.5 s", "6.8 s", "21.3 GB", "RTX 4090D", "FP32 &lt;eager&gt;", "FP32 逐步"):
        assert figure in chart


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "print('[1]')", "print('{')"])
def test_a_measurement_that_fails_says_what_to_do_and_keeps_the_last_result(tmp_path, code, save):
    target = save("ladder.json", json.dumps(RESULT))
    with pytest.raises(GlyphError, match=r"not_measured.*bench ladder"):
        list(measure(script(tmp_path, code), target))
    assert "7.5 s" in result_view(target)


def test_stopping_ends_the_process_and_another_can_begin(tmp_path):
    call = script(tmp_path, "import time\ntime.sleep(60)")
    with contextlib.closing(measure(call, tmp_path / "x.json")) as steps:
        next(steps)
        (child,) = [c for c in psutil.Process().children() if str(tmp_path) in " ".join(c.cmdline())]
        with pytest.raises(GlyphError, match="busy"):
            next(measure(call, tmp_path / "y.json"))
    deadline = time.monotonic() + 10
    while child.is_running() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not child.is_running()
    with contextlib.closing(measure(call, tmp_path / "z.json")) as steps:
        next(steps)


def test_stop_ends_a_measurement_whoever_began_it_and_keeps_the_last_result(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("{}")
    steps = measure(script(tmp_path, "import time\ntime.sleep(60)"), target)
    next(steps)
    stop()
    assert list(steps) == []
    assert target.read_text() == "{}"
    with contextlib.closing(measure(script(tmp_path, "import time\ntime.sleep(60)"), target)) as another:
        assert next(another)
        assert next(another)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"rungs": 3}'])
def test_a_result_that_cannot_be_drawn_is_not_shown(tmp_path, content):
    file = tmp_path / "ladder.json"
    if content is not None:
        file.write_text(content)
    assert result_view(file) == ""


def test_the_ladder_is_a_command_of_this_app(monkeypatch):
    from glyph_demo.cli import build_parser

    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.gpus", list)
    call, environment = command(Settings(cache_dir="/somewhere"))
    options = build_parser().parse_args(call[3:])
    assert (options.command, options.what, options.model) == ("bench", "ladder", "random:mid")
    assert environment == {"GLYPH_DEMO_CACHE_DIR": "/somewhere"}
    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.gpus", lambda: [object()])
    assert "random:glyph" in command(Settings())[0]


def test_a_page_that_is_loaded_anew_shows_the_last_result_and_that_a_run_ended_with_the_page_before(
    tmp_path, monkeypatch
):
    settings = Settings(cache_dir=str(tmp_path))
    target = kept(settings)
    target.parent.mkdir(parents=True)
    with gr.Blocks():
        panel = BenchmarkPanel(Labels("en"))
    assert last(panel.show(settings, "en")) == ""
    target.write_text(json.dumps(RESULT))
    shown = last(panel.show(settings, "en"))
    assert "7.5 s" in shown
    assert "ended" not in shown
    calls = [script(tmp_path, "import time\ntime.sleep(60)"), script(tmp_path / "x", f"print({json.dumps(RESULT)!r})")]
    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.command", lambda settings: calls.pop(0))
    steps = panel.run(settings, "en")
    next(steps)
    steps.close()  # as Gradio does
    for language, words in (("en", "The run ended with the page that began it"), ("zh", "请重新开始")):
        shown = last(panel.show(settings, language))
        assert words in shown
        assert "7.5 s" in shown
    assert "7.5 s" in last(panel.run(settings, "en"))
    assert "ended" not in last(panel.show(settings, "en"))


def test_what_is_said_of_the_last_run_is_closed(tmp_path, monkeypatch):
    settings = Settings(cache_dir=str(tmp_path))
    with gr.Blocks():
        panel = BenchmarkPanel(Labels("en"))
    calls = [script(tmp_path, "import time\ntime.sleep(60)"), script(tmp_path / "x", "raise SystemExit(1)")]
    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.command", lambda settings: calls.pop(0))
    steps = panel.run(settings, "en")
    next(steps)
    steps.close()
    for words in ("ended", "failed"):
        shown = last(panel.show(settings, "en"))
        assert words in shown
        assert "data-act='close'" in shown
        assert panel.close(settings) == last(panel.show(settings, "en")) == ""
        if calls:
            assert "data-act='close'" in last(panel.run(settings, "en"))


def test_a_page_that_comes_to_the_tab_shows_what_another_measures_until_it_has_ended(tmp_path, monkeypatch):
    settings = Settings(cache_dir=str(tmp_path))
    with gr.Blocks():
        panel = BenchmarkPanel(Labels("en"))
    code = "import sys, time\nprint('pages fp32', file=sys.stderr, flush=True)\ntime.sleep(60)"
    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.command", lambda settings: script(tmp_path, code))
    monkeypatch.setattr("glyph_demo.ui.tabs.benchmark.INTERVAL", 0.01)
    steps = panel.run(settings, "en")
    shown = next(step for step in steps if "pages fp32" in step)
    assert "glyph-wait" in shown, "the style sheet shows Stop beside it"
    other = panel.show(settings, "en")
    assert next(other) == shown
    assert "running already" in last(panel.run(settings, "en"))
    assert next(other) == shown
    stop()
    assert list(steps)[-1] == ""
    assert last(other) == "", "the other page's own try did not fail as a measurement"
