"""The measure of memory that the tests of hostile files rest on, in processes that were large before."""

import contextlib
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.reliability.peak import Peak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is measured")

MEGABYTE = 1 << 20
LARGE, SMALL = 400, 100  # MB, far over what an interpreter takes
SLACK = 60  # MB; an interpreter takes 10 or so
HOLDS = "import sys; held = bytearray({size} << 20); held[::4096] = held[::4096]; print(1, flush=True); "


def child(size, then):
    """A process that holds `size` MB; returns once it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(size=size) + then], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline()
    return process


@contextlib.contextmanager
def running(size):
    with child(size, "sys.stdin.read()"):
        yield


def wait_for(seen):
    """Until as much was seen, in kB: a busy machine looks late."""
    until = time.monotonic() + 30
    while seen() < SMALL * 1024 and time.monotonic() < until:
        time.sleep(0.01)


def was_large():
    """This process's highest mark stands far above what it holds afterwards."""
    np.ones(LARGE * MEGABYTE, np.uint8)


def test_a_child_counts_whatever_this_process_and_its_other_children_were():
    was_large()
    with running(LARGE):
        pass
    with running(LARGE), Peak() as peak, running(SMALL):
        wait_for(lambda: max(peak._children.values(), default=0))
    assert SMALL <= peak.bytes / MEGABYTE < SMALL + SLACK


def test_own_growth_counts_although_the_process_was_larger_before_and_it_was_given_back():
    was_large()
    with running(LARGE), Peak() as peak:
        held = np.ones((SMALL + 1) * MEGABYTE, np.uint8)  # what else is given back meanwhile is less
        wait_for(lambda: peak._own - peak._before)
        del held
    assert SMALL <= peak.bytes / MEGABYTE < SMALL + SLACK


def test_own_growth_counts_although_the_allocator_had_kept_as_much_of_what_was_freed():
    np.ones(30 * MEGABYTE, np.uint8)  # glibc keeps blocks of the size of one that was freed, up to 32 MB
    blocks = [np.ones(20 * MEGABYTE, np.uint8) for _ in range(LARGE // 20)]
    above = [bytes(1000) for _ in range(1000)]  # small ones behind them: what is below is not returned when freed
    del blocks
    with Peak() as peak:
        held = np.ones((SMALL + 1) * MEGABYTE, np.uint8)
        wait_for(lambda: peak._own - peak._before)
        del held
    assert above
    assert SMALL <= peak.bytes / MEGABYTE < SMALL + SLACK


def test_a_child_that_was_there_before_may_grow_or_end_meanwhile():
    grows = child(SMALL, f"held = bytearray({LARGE} << 20) if sys.stdin.read() is not None else 0; print(2)")
    ends = child(LARGE, "sys.stdin.read()")
    with Peak() as peak:
        assert grows.stdin is not None
        assert ends.stdin is not None
        grows.stdin.close()
        ends.stdin.close()
        for process in (grows, ends):
            process.wait()
    for process in (grows, ends):
        process.stdout.close()
    assert peak.bytes / MEGABYTE < SLACK
