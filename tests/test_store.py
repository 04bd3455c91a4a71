import os

import numpy as np
import pytest

from glyph_demo.store import FeatureStore, PageFeatures, feature_key

BUDGET = 1 << 20


def features(seed, size=100):
    rng = np.random.default_rng(seed)
    arrays = {"boxes": rng.integers(0, 800, (size, 4), dtype=np.int32), "scores": rng.random(size, dtype=np.float32)}
    return PageFeatures(arrays, tuple(f"line {seed} 第{i}行" for i in range(3)))


def same(a, b):
    return (
        a is not None
        and a.texts == b.texts
        and a.arrays.keys() == b.arrays.keys()
        and all(np.array_equal(a.arrays[k], b.arrays[k]) and a.arrays[k].dtype == b.arrays[k].dtype for k in b.arrays)
    )


def stored_files(folder):
    return sorted(folder.glob("*/*.features"))


def test_what_comes_back_equals_what_was_put_from_memory_and_from_disk(tmp_path):
    store = FeatureStore(tmp_path, BUDGET, BUDGET)
    store.put("a1", features(1))
    assert same(store.get("a1"), features(1))
    assert same(FeatureStore(tmp_path, BUDGET, BUDGET).get("a1"), features(1)), "after a restart"


def test_a_page_without_lines_is_remembered_too(tmp_path):
    empty = PageFeatures({"boxes": np.zeros((0, 4), np.int32)})
    store = FeatureStore(tmp_path, BUDGET, BUDGET)
    store.put("e0", empty)
    assert same(store.get("e0"), empty)
    assert same(FeatureStore(tmp_path, BUDGET, BUDGET).get("e0"), empty)


def test_the_key_depends_on_pixels_model_and_nothing_else():
    assert feature_key("p", "m") == feature_key("p", "m")
    assert len({feature_key("p", "m"), feature_key("q", "m"), feature_key("p", "n"), feature_key("p\nm", "")}) == 4


def test_memory_evicts_the_least_recently_used_and_stays_inside_its_budget():
    one = features(0).nbytes
    store = FeatureStore(None, 3 * one + one // 2, 0)
    for seed in range(3):
        store.put(str(seed), features(seed))
    store.get("0")
    store.put("3", features(3))
    assert store.get("1") is None
    assert all(store.get(key) is not None for key in "023")
    assert store.memory_bytes <= store.memory_bytes_limit


class Held:
    """Features on a device that is not there."""

    def __init__(self, seed, nbytes=100):
        self.nbytes = nbytes
        self.copies = 0
        self._features = features(seed)

    def arrays(self):
        self.copies += 1
        return self._features.arrays


def held(seed, nbytes=100):
    return PageFeatures(features(seed).arrays, device=Held(seed, nbytes))


def test_what_is_on_the_device_comes_back_as_it_is_and_is_read_from_nowhere_else(tmp_path):
    store = FeatureStore(tmp_path, 0, BUDGET, device_bytes=1000)
    put = held(1)
    store.put("a1", put)
    stored_files(tmp_path)[0].write_bytes(b"damaged")
    found = store.get("a1")
    assert found.device is put.device
    assert all(np.array_equal(found.arrays[name], array) for name, array in features(1).arrays.items())
    assert store.memory_bytes == 0


def test_with_a_copy_in_memory_nothing_is_copied_from_the_device():
    store = FeatureStore(None, BUDGET, 0, device_bytes=1000)
    put = held(1)
    store.put("a1", put)
    assert store.get("a1").arrays is put.arrays
    assert put.device.copies == 0


def test_the_device_evicts_the_least_recently_used_and_stays_inside_its_budget(tmp_path):
    store = FeatureStore(tmp_path, BUDGET, BUDGET, device_bytes=350)
    for seed in range(3):
        store.put(f"0{seed}", held(seed))
    store.get("00")
    store.put("03", held(3))
    assert [store.where(f"0{seed}") for seed in range(4)] == ["device", "memory", "device", "device"]
    assert same(store.get("01"), PageFeatures(features(1).arrays)), "the copy in memory stays"
    assert store.get("01").device is None
    store.keep_on_device("00", Held(0, 150))
    assert store.device_bytes == 350, "in place of the one before"
    store.put("04", held(4, 351))
    assert store.where("04") == "memory"
    assert store.device_bytes <= store.device_bytes_limit


def test_each_tier_is_named_until_it_is_given_back(tmp_path):
    store = FeatureStore(tmp_path, BUDGET, BUDGET, device_bytes=1000)
    store.put("a1", held(1))
    tiers = [store.where("a1")]
    store.clear_device()
    tiers.append(store.where("a1"))
    later = FeatureStore(tmp_path, BUDGET, BUDGET, device_bytes=1000)
    assert [*tiers, later.where("a1"), later.where("b2")] == ["device", "memory", "disk", None]
    assert store.device_bytes == later.memory_bytes == 0


def test_memory_holds_nothing_of_the_device():
    store = FeatureStore(None, BUDGET, 0, device_bytes=1000)
    store.put("a1", held(1))
    store.clear_device()
    assert store.get("a1").device is None


def test_features_larger_than_the_budget_are_not_kept_in_memory():
    store = FeatureStore(None, 10, 0)
    store.put("a", features(1))
    assert store.get("a") is None
    assert store.memory_bytes == 0


def test_features_larger_than_the_budget_drive_out_no_others():
    store = FeatureStore(None, features(0).nbytes, 0)
    store.put("a", features(0))
    store.put("b", features(1, 200))
    assert store.get("a") is not None


def test_disk_evicts_the_least_recently_used_also_across_restarts(tmp_path):
    FeatureStore(tmp_path, 0, BUDGET).put("00", features(0))
    size = stored_files(tmp_path)[0].stat().st_size
    store = FeatureStore(tmp_path, 0, 3 * size)
    for seed in (1, 2):
        store.put(f"0{seed}", features(seed))
    for age, key in enumerate(("02", "01", "00")):
        os.utime(tmp_path / key[:2] / f"{key}.features", (1_000 - age, 1_000 - age))
    store = FeatureStore(tmp_path, 0, 3 * size)
    store.put("03", features(3))
    assert store.get("00") is None, "oldest by use, though first by name"
    assert store.get("01") is not None
    assert store.disk_bytes == sum(f.stat().st_size for f in stored_files(tmp_path)) <= 3 * size


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "other"])
def test_a_damaged_file_is_ignored_removed_and_rebuilt(tmp_path, damage):
    FeatureStore(tmp_path, 0, BUDGET).put("a1", features(1))
    (path,) = stored_files(tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    damaged = {"truncated": content[:40], "flipped": content, "emptied": b"", "other": b"not ours at all" * 9}
    path.write_bytes(damaged[damage])
    store = FeatureStore(tmp_path, 0, BUDGET)
    assert store.get("a1") is None
    assert not path.exists()
    assert store.disk_bytes == 0
    store.put("a1", features(1))
    assert same(store.get("a1"), features(1))


def test_files_left_by_a_killed_write_are_cleared_away(tmp_path):
    (tmp_path / "ab").mkdir()
    leftover = tmp_path / "ab" / "tmp123.partial"
    leftover.write_bytes(b"half")
    FeatureStore(tmp_path, BUDGET, BUDGET)
    assert not leftover.exists()


def test_a_disk_that_cannot_be_written_leaves_the_memory_tier_working(save):
    blocked = save("file", "a file where the folder should be")
    store = FeatureStore(blocked, BUDGET, BUDGET)
    store.put("a1", features(1))
    assert same(store.get("a1"), features(1))
    assert store.disk_bytes == 0


def test_what_cannot_be_marked_as_used_is_read_all_the_same(tmp_path, monkeypatch):
    """A disk that is mounted read-only, or the file of another user."""
    FeatureStore(tmp_path, 0, 10_000).put("ab", features(1))

    def refuse(path):
        raise PermissionError

    monkeypatch.setattr("os.utime", refuse)
    assert same(FeatureStore(tmp_path, 0, 10_000).get("ab"), features(1))
