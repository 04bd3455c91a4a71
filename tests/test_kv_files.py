"""Keys and values on disk: what was written comes back or nothing does, within the budget."""

import os
import shutil
import stat
import time

import pytest

from glyph_demo.kv_files import KVFiles
from tests.kv_links import MEGABYTE, link, on_disk, read, write


def test_what_was_written_is_read_after_a_restart(tmp_path):
    assert not read(KVFiles(tmp_path / "kv", MEGABYTE), 1), "there is no folder yet"
    assert write(KVFiles(tmp_path / "kv", MEGABYTE), 1)
    assert read(KVFiles(tmp_path / "kv", MEGABYTE), 1)
    assert not read(KVFiles(tmp_path / "kv", MEGABYTE), 2)


def test_the_budget_is_kept_to_the_byte_and_what_was_used_least_recently_goes(tmp_path):
    write(KVFiles(tmp_path, MEGABYTE), 0)
    size = on_disk(tmp_path)
    files = KVFiles(tmp_path, 3 * size)
    for number in range(3):
        assert write(files, number)
        time.sleep(0.01)  # for a time of its own
    assert files.nbytes == on_disk(tmp_path) == 3 * size, "three fit exactly"
    assert read(files, 0), "this is a use"
    assert write(files, 3)
    assert [read(files, number) for number in range(4)] == [True, False, True, True]
    assert files.nbytes == on_disk(tmp_path) == 3 * size
    assert not write(KVFiles(tmp_path, size - 1), 4), "one byte too large for everything"
    assert files.nbytes == 3 * size, "and nothing went for it"


def test_a_smaller_budget_holds_from_the_next_file_on(tmp_path):
    for number in range(6):
        write(KVFiles(tmp_path, MEGABYTE), number)
    size = on_disk(tmp_path) // 6
    write(KVFiles(tmp_path, 2 * size), 6)
    assert on_disk(tmp_path) == 2 * size


def test_a_file_with_any_byte_changed_or_cut_off_anywhere_is_a_miss_and_goes(tmp_path):
    files = KVFiles(tmp_path, MEGABYTE)
    write(files, 1, size=40)
    (path,) = tmp_path.glob("*.kv")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert not read(files, 1, size=40), place
        assert not path.exists()
        path.write_bytes(whole[:place])
        assert not read(files, 1, size=40), place
    path.write_bytes(whole + b"x")
    assert not read(files, 1, size=40)
    path.write_bytes(whole)
    assert read(files, 1, size=40)


def test_a_file_that_follows_from_other_facts_is_a_miss_even_under_its_name(tmp_path):
    """As if two chains had one hash."""
    files = KVFiles(tmp_path, MEGABYTE)
    write(files, 1)
    (path,) = tmp_path.glob("*.kv")
    path.rename(tmp_path / f"{link(2)[0]}.kv")
    assert not read(files, 2)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_nobody_else_can_read_what_is_kept(tmp_path):
    before = os.umask(0)
    try:
        write(KVFiles(tmp_path / "kv", MEGABYTE), 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kv").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kv").iterdir()} == {0o600}


def test_all_of_it_can_be_removed(tmp_path):
    files = KVFiles(tmp_path, MEGABYTE)
    write(files, 1)
    write(files, 2)
    files.clear()
    assert files.nbytes == 0
    assert not read(files, 1)
    assert write(files, 1), "and it goes on"


def test_the_last_of_the_disk_is_left_to_others(tmp_path, monkeypatch):
    files = KVFiles(tmp_path, MEGABYTE)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1 << 29))
    assert not write(files, 1)
    assert on_disk(tmp_path) == 0
