"""What people are told while a model loads."""

import contextlib
import io
import os

import pytest
from safetensors.torch import load_file

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.loading import LoadLines, amount, loaded, remaining
from glyph_demo.errors import Message
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.settings import Settings
from glyph_demo.ui import views
from tests.command import run
from tests.fakes import FakeEngine


def told(steps: list[tuple[float, int, int | None]]) -> list[str]:
    out, now = io.StringIO(), [0.0]
    lines = LoadLines(out, lambda: now[0])
    for now[0], done, total in steps:
        lines(done, total)
    return out.getvalue().splitlines()


def test_a_line_says_how_much_is_there_and_how_long_the_rest_takes():
    size = 20_600_000_000
    steps = [(0.0, 0, size), (1.0, 10**9, size), (10.0, 10_300_000_000, size), (21.0, size, size)]
    assert told(steps) == ["load 0.0/20.6 GB", "load 10.3/20.6 GB, 1.0 GB/s, 10 s left", "load 20.6/20.6 GB"]


def test_a_model_is_loaded_whether_or_not_anybody_reads_along():
    read, write = os.pipe()
    os.close(read)
    out = os.fdopen(write, "w")
    lines = LoadLines(out)
    for done in range(3):
        lines(done, 2)
    assert lines.now.done == 2
    with contextlib.suppress(BrokenPipeError):
        out.close()


def test_loading_after_the_download_begins_anew():
    lines = told([(0.0, 0, 100), (50.0, 100, 100), (50.0, 0, 100), (60.0, 50, 100)])
    assert lines == [
        "load 0.0/100.0 B",
        "load 100.0/100.0 B",
        "load 0.0/100.0 B",
        "load 50.0/100.0 B, 5.0 B/s, 10 s left",
    ]


def test_what_takes_long_is_told_in_minutes_and_hours():
    told = [remaining(seconds).en for seconds in (0.2, 89.1, 90, 7100, 16_907)]
    assert told == ["1 s left", "90 s left", "2 min left", "118 min left", "4 h 42 min left"]
    assert remaining(16_907).zh == "剩余 4 小时 42 分"


def test_a_line_says_which_file_of_several_it_is_at():
    out, now = io.StringIO(), [0.0]
    lines = LoadLines(out, lambda: now[0])
    for now[0], done, file in ((0.0, 0, 1), (8.0, 400, 2)):
        lines(done, 1000, file, 4)
    assert out.getvalue() == "load 0.0/1.0 kB, file 1 of 4\nload 0.4/1.0 kB, file 2 of 4, 50.0 B/s, 12 s left\n"
    assert loaded(lines.now, "zh") == "0.4/1.0 kB，第 2/4 个文件，50.0 B/s，剩余 12 秒"


def test_a_step_without_a_rate_says_for_how_long_it_has_run():
    now = [0.0]
    lines = LoadLines(io.StringIO(), lambda: now[0])
    lines(0, 3, what=Message("building", "正在构建"))
    assert loaded(lines.now, "en") == "building 0/3"
    now[0] = 75.5
    assert loaded(lines.now, "en") == "building 0/3, 75 s so far"
    lines(1, 3, what=Message("building", "正在构建"))
    now[0] = 77.0
    assert loaded(lines.now, "zh") == "正在构建 1/3，已用 1 秒"


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [(3_100_000_000, 20_600_000_000, "3.1/20.6 GB"), (500, 1500, "0.5/1.5 kB"), (2_000_000, None, "2.0 MB")],
)
def test_amounts(done, total, shown):
    assert amount(done, total) == shown


def test_the_command_line_tells_it_on_stderr(checkpoint, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("A page.")
    size = amount(sum(tensor.nbytes for tensor in load_file(checkpoint / "model.safetensors").values()), None)
    done = run("ask", file, "why?", "--engine", "local", "--model", checkpoint, "--max-new-tokens", "2", "--json")
    assert f"load {size.split()[0]}/{size}" in done.stderr


def test_files_and_bytes_are_counted_as_they_are_loaded(checkpoint_of, tmp_path):
    folder = checkpoint_of(shard="200KB")
    files = len(list(folder.glob("*.safetensors")))
    steps: list[tuple[int, int | None, int, int]] = []

    def told(done: int, total: int | None, file: int = 0, files: int = 0) -> None:
        steps.append((done, total, file, files))

    load_vision_language_model(str(folder), tmp_path, told)
    size = sum(tensor.nbytes for file in folder.glob("*.safetensors") for tensor in load_file(file).values())
    assert steps[0] == (0, size, 1, files)
    assert steps[-2][:2] == steps[-1][:2] == (size, size)
    assert steps == sorted(steps)
    assert {file for _, _, file, _ in steps} == set(range(1, files + 1))
    assert files > 2


def test_a_document_that_waits_for_its_engine_and_the_window_above_it_tell_how_far_that_is(tmp_path):
    engine = FakeEngine(page_seconds=0.3)
    lines = LoadLines(io.StringIO())
    lines(3_100_000_000, 20_600_000_000, 2, 4)
    engine.loading = lines.now
    session = DocumentSession(engine, Settings())
    (tmp_path / "a.txt").write_text("A page.")
    session.open(tmp_path / "a.txt")
    events = session.current.events()
    assert next(events) is lines.now
    assert "Loading the model… 3.1/20.6 GB, file 2 of 4" in views.reading_progress(session.current, "en")
    assert "正在加载模型… 3.1/20.6 GB，第 2/4 个文件" in views.reading_progress(session.current, "zh")
    engine.loading = None
    assert "Loading" not in views.reading_progress(session.current, "en")
    assert {event.stage for event in events} <= {"extract", "encode"}
    session.close()
