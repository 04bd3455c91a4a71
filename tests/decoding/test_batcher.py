"""Dynamic batching: who waits for whom."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from glyph_demo.decoding.batcher import Batcher


class Work:
    """Squares numbers, and remembers how many came together."""

    def __init__(self):
        self.batches = []
        self.together = 0

    def __call__(self, items):
        self.together += 1
        assert self.together == 1, "one batch at a time"
        time.sleep(0.002)
        self.batches.append(len(items))
        if "bad" in items:
            raise ValueError("bad item")
        self.together -= 1
        return [item * item for item in items]


def test_who_works_alone_never_waits():
    work = Work()
    batcher = Batcher(work, most=8, wait=30.0)
    assert [batcher("one", n) for n in range(20)] == [n * n for n in range(20)]
    assert work.batches == [1] * 20


def test_streams_that_run_beside_each_other_soon_share_every_batch():
    work = Work()
    batcher = Batcher(work, most=8, wait=30.0)
    all_there = threading.Barrier(4)

    def stream(name):
        all_there.wait()
        results = [batcher(name, n) for n in range(50)]
        batcher.leave(name)
        return results

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(stream, range(4))) == [[n * n for n in range(50)]] * 4
    assert sum(work.batches) == 200
    assert len(work.batches) < 150
    assert max(work.batches) == 4


def test_no_batch_is_larger_than_allowed_and_nobody_starves():
    work = Work()
    batcher = Batcher(work, most=2, wait=0.05)
    with ThreadPoolExecutor(5) as threads:
        results = list(threads.map(lambda name: [batcher(name, n) for n in range(20)], range(5)))
    assert results == [[n * n for n in range(20)]] * 5
    assert max(work.batches) == 2


def test_who_stays_away_is_waited_for_once():
    work = Work()
    batcher = Batcher(work, most=8, wait=0.2)
    both = threading.Barrier(2)

    def once():
        both.wait()
        batcher("away", 1)

    thread = threading.Thread(target=once)
    thread.start()
    both.wait()
    for _ in range(10):
        batcher("here", 1)
    thread.join()
    # Two came together at most once; after that `here` has waited for `away` once, and goes on alone.
    began = len(work.batches)
    before = time.monotonic()
    for _ in range(20):
        batcher("here", 1)
    assert time.monotonic() - before < 20 * 0.2
    assert work.batches[began:] == [1] * 20


def test_who_leaves_is_not_waited_for():
    work = Work()
    batcher = Batcher(work, most=8, wait=60.0)
    release = threading.Event()

    def other():
        batcher("other", 2)
        release.wait()
        batcher.leave("other")

    batcher._expected = {"one", "other"}  # as after a batch of both
    thread = threading.Thread(target=other)
    thread.start()
    assert batcher("one", 3) == 9
    threading.Timer(0.1, release.set).start()
    assert batcher("one", 4) == 16
    thread.join()


def test_an_error_reaches_everyone_in_the_batch_and_the_next_batch_works():
    def run(items):
        if "bad" in items:
            raise ValueError("bad item")
        return items

    batcher = Batcher(run, most=2, wait=60.0)
    batcher._expected = {"a", "b"}
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(batcher, "a", "bad"), threads.submit(batcher, "b", "good")]
        for call in calls:
            with pytest.raises(ValueError, match="bad item"):
                call.result()
    batcher.leave("b")
    assert batcher("a", "good") == "good"
