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
    gone = [
        left(place, f"glyph-demo-{dead}-a", yesterday),
        left(place, f"glyph-demo-{os.getpid()}-c", yesterday),  # of a container's last run, which had our number
    ]
    kept = [
        left(place, f"glyph-demo-{dead}-b", scratch.DAY - 60),
        left(place, f"glyph-demo-{os.getppid()}-d", yesterday),
        left(place, "glyph-demo-notes-e", yesterday),
        left(place, "other-1-f", yesterday),
    ]
    scratch.scratch_folder()
    assert not any(folder.exists() for folder in gone)
    assert all(folder.exists() for folder in kept)


def test_old_files_go_from_a_folder_with_the_folders_they_leave_empty(tmp_path):
    outside, kept = tmp_path / "outside", tmp_path / "kept"
    for name in ("outside/a", "kept/new/a", "kept/mixed/a", "kept/mixed/b", "kept/old/a"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        if name in ("outside/a", "kept/mixed/a", "kept/old/a"):
            os.utime(path, (time.time() - scratch.DAY - 1,) * 2)
    (kept / "empty").mkdir()  # somebody is about to write into it
    (kept / "link").symlink_to(outside)
    scratch.remove_old(kept)
    assert (outside / "a").exists()
    found = {str(path.relative_to(kept)) for path in kept.rglob("*")}
    assert {"new/a", "mixed/b", "empty"} <= found
    assert not {"mixed/a", "old", "old/a"} & found


def test_a_folder_that_is_gone_is_no_error(tmp_path):
    scratch.remove_old(tmp_path / "never")
