import os
import stat
import time

import pytest

from glyph_demo import scratch


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    scratch._sweep.cache_clear()
    return tmp_path


def left(place, name, age):
    folder = place / name
    folder.mkdir()
    (folder / "page.png").write_bytes(b"drawn")
    os.utime(folder, (time.time() - age,) * 2)
    return folder


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_its_user_may_look_into_a_folder(place):
    assert stat.S_IMODE(scratch.scratch_folder().stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody can tell who lives")
def test_what_a_killed_run_left_goes_a_day_later_and_nothing_else(place):
    dead, yesterday = 2**22 + 1, scratch.DAY + 60  # above the largest process number of Linux
    gone = left(place, f"glyph-demo-{dead}-a", yesterday)
    kept = [
        left(place, f"glyph-demo-{dead}-b", scratch.DAY - 60),
        left(place, f"glyph-demo-{os.getpid()}-c", yesterday),
        left(place, f"glyph-demo-{os.getppid()}-d", yesterday),
        left(place, "glyph-demo-notes-e", yesterday),
        left(place, "other-1-f", yesterday),
    ]
    scratch.scratch_folder()
    assert not gone.exists()
    assert all(folder.exists() for folder in kept)
