"""Processes that keep keys and values in one folder, on a disk that is full, and killed while they write."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glyph_demo.kv_files import KVFiles
from tests.kv_links import on_disk, read, write

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks and limits of POSIX")


def run(code: str, folder: Path, **how) -> subprocess.Popen:
    """A process that knows `folder` and what `tests.kv_links` has."""
    begin = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
from pathlib import Path
from glyph_demo.kv_files import KVFiles
from tests.kv_links import *
folder = Path({str(folder)!r})
"""
    return subprocess.Popen([sys.executable, "-c", begin + code], cwd=ROOT, stdout=subprocess.PIPE, **how)


def test_a_disk_that_takes_no_more_leaves_what_was_there_and_no_halves(tmp_path):
    """The system refuses to let a file grow beyond 8 KiB, as a full disk or a quota does."""
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
files = KVFiles(folder, MEGABYTE)
assert write(files, 1)
before = on_disk(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
assert not write(files, 2, size=20_000)
assert on_disk(folder) == before, "no half of it is left"
assert read(files, 1) and not read(files, 2, size=20_000)
assert write(files, 3), "a small one is taken"
"""
    process = run(code, tmp_path)
    process.communicate()
    assert process.returncode == 0


def test_two_processes_keep_one_budget_and_never_read_what_the_other_has_not_finished(tmp_path):
    code = """
import os
files = KVFiles(folder, 400_000)
chance = random.Random(os.getpid())
found = 0
for _ in range(300):
    number = chance.randrange(40)
    write(files, number, size=20_000)
    found += read(files, chance.randrange(40), size=20_000)
    assert files.nbytes <= 400_000
assert found
"""
    both = [run(code, tmp_path) for _ in range(2)]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert on_disk(tmp_path) <= 400_000
    assert sum(read(KVFiles(tmp_path, 400_000), number, size=20_000) for number in range(40)) == 19


@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_a_process_killed_at_any_moment_of_writing_leaves_what_was_whole(kills, tmp_path):
    code = """
files = KVFiles(folder, 400_000)
print("ready", flush=True)
while True:
    for number in range(40):
        write(files, number, size=20_000)
"""
    chance, halves, found = random.Random(kills), 0, 0
    for _ in range(kills):
        writer = run(code, tmp_path)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.0, 0.05))
        writer.kill()
        writer.communicate()
        halves += len(list(tmp_path.glob("*.partial")))
        assert on_disk(tmp_path) <= 400_000, "what it left is in the budget"
        files = KVFiles(tmp_path, 400_000)
        found += sum(read(files, number, size=20_000) for number in range(40))
        assert write(files, 99, size=20_000)
        assert not list(tmp_path.glob("*.partial")), "what it left is cleared away"
        assert files.nbytes == sum(path.stat().st_size for path in tmp_path.glob("*.kv")) <= 400_000
    assert found
    assert halves or kills < 100, "some were killed in the midst of a file"
