"""A cache folder that cannot be written."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo import surroundings
from glyph_demo.settings import Settings


def unusable(kind, folder):
    place = folder / "cache"
    if kind == "a file":
        place.write_text("x")
    elif kind == "below a file":
        (folder / "file").write_text("x")
        place = folder / "file" / "cache"
    elif kind == "a link to nowhere":
        place.symlink_to(folder / "nowhere" / "at all")
    else:
        place = Path("/proc/cache")
    return place


@pytest.mark.parametrize("kind", ["a file", "below a file", "a link to nowhere", "read-only"])
def test_a_cache_folder_that_cannot_be_written_gives_way_to_one_that_can(kind, tmp_path):
    place = unusable(kind, tmp_path)
    settings, notice = surroundings.with_cache(replace(Settings(), cache_dir=str(place)))
    (settings.cache_path / "kept").write_text("x")
    assert str(place) in notice.en
    assert str(place) in notice.zh


def test_what_a_read_only_cache_holds_is_still_read(tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    (kept / "hub" / "model").mkdir(parents=True)
    (kept / "hub" / "model" / "weights").write_text("heavy")
    monkeypatch.setattr(surroundings, "_why_unwritable", lambda folder: surroundings.Message("read-only", "只读"))
    settings, notice = surroundings.with_cache(replace(Settings(), cache_dir=str(kept)))
    place = settings.cache_path
    assert notice
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert (place / "hub" / "model" / "weights").read_text() == "heavy"
    (place / "hub" / "model" / "more").write_text("new")
    assert [path.name for path in (kept / "hub" / "model").iterdir()] == ["weights"]
