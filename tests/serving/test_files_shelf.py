"""Uploaded files go a day after their last use."""

import pytest

from glyph_demo.errors import DocumentError
from glyph_demo.scratch import DAY
from glyph_demo.serving.files import FileShelf


class Clock:
    now = 1e9

    def __call__(self):
        return self.now


def shelf(folder, clock, max_mb=1):
    return FileShelf(folder, max_file_mb=1, max_mb=max_mb, clock=clock)


def test_a_file_goes_a_day_after_it_was_last_named(tmp_path):
    clock = Clock()
    files = shelf(tmp_path, clock)
    left, named = (files.add(b"words", name, "user_data", "") for name in ("left.txt", "named.txt"))
    assert left.created == 1e9
    clock.now += DAY - 1
    files.get(named.id, "")
    clock.now += 2
    assert files.list("") == [named]
    assert [path.name for path in tmp_path.iterdir()] == [named.id]
    with pytest.raises(DocumentError, match="no_such_file"):
        files.get(left.id, "")
    clock.now += DAY
    files.sweep()
    assert not list(tmp_path.iterdir())


def test_what_has_gone_makes_room_for_another(tmp_path):
    clock = Clock()
    files = shelf(tmp_path, clock)
    content = b"x" * (600 << 10)
    files.add(content, "a.txt", "user_data", "")
    with pytest.raises(DocumentError, match="files_full"):
        files.add(content, "b.txt", "user_data", "")
    clock.now += DAY + 1
    kept = files.add(content, "b.txt", "user_data", "")
    assert [path.name for path in tmp_path.iterdir()] == [kept.id]


def test_a_removed_file_leaves_nothing(tmp_path):
    files = shelf(tmp_path, Clock())
    files.remove(files.add(b"words", "a.txt", "user_data", "").id, "")
    assert not list(tmp_path.iterdir())
    files.sweep()
    assert files.list("") == []
