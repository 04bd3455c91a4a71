"""What people are told while a model loads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from checkpoints import make_checkpoint

from glyph_demo.engines.base import Progress
from glyph_demo.engines.loading import LoadLines, amount
from glyph_demo.session import DocumentSession
from glyph_demo.settings import Settings
from tests.fakes import FakeEngine
from tests.test_cli import run


def told(steps: list[tuple[float, int, int | None]]) -> list[str]:
    out, now = io.StringIO(), [0.0]
    lines = LoadLines(out, lambda: now[0])
    for now[0], done, total in steps:
        lines(done, total)
    return out.getvalue().splitlines()


def test_a_line_says_how_much_is_there_and_how_long_the_rest_takes() -> None:
    size = 20_600_000_000
    steps = [(0.0, 0, size), (1.0, 10**9, size), (10.0, 10_300_000_000, size), (21.0, size, size)]
    assert told(steps) == ["load 0.0/20.6 GB", "load 10.3/20.6 GB, 10 s left", "load 20.6/20.6 GB"]


def test_loading_after_the_download_begins_anew() -> None:
    lines = told([(0.0, 0, 100), (50.0, 100, 100), (50.0, 0, 100), (60.0, 50, 100)])
    assert lines == ["load 0.0/100.0 B", "load 100.0/100.0 B", "load 0.0/100.0 B", "load 50.0/100.0 B, 10 s left"]


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [(3_100_000_000, 20_600_000_000, "3.1/20.6 GB"), (500, 1500, "0.5/1.5 kB"), (2_000_000, None, "2.0 MB")],
)
def test_amounts(done: int, total: int | None, shown: str) -> None:
    assert amount(done, total) == shown


def test_the_command_line_tells_it_on_stderr(tmp_path: Path) -> None:
    folder, file = make_checkpoint(tmp_path / "model"), tmp_path / "a.txt"
    file.write_text("A page.")
    size = amount((folder / "model.safetensors").stat().st_size, None)
    done = run("ask", file, "why?", "--engine", "local", "--model", folder, "--max-new-tokens", "2", "--json")
    assert f"load {size.split()[0]}/{size}" in done.stderr


def test_a_document_waiting_for_its_engine_tells_how_far_that_is(tmp_path: Path) -> None:
    engine = FakeEngine(page_seconds=0.3)
    loading = Progress("load", 3, 20)
    engine.loading = loading  # type: ignore[attr-defined]
    session = DocumentSession(engine, Settings())
    (tmp_path / "a.txt").write_text("A page.")
    session.open(tmp_path / "a.txt")
    assert session.current
    events = session.current.events()
    assert next(events) is loading
    engine.loading = None  # type: ignore[attr-defined]
    assert {event.stage for event in events} <= {"extract", "encode"}
    session.close()
