import pytest

from glyph_demo.bench import measure


@pytest.fixture(scope="module", autouse=True)
def _small_measurements(one_thread):
    """Here benchmarks show that they run, and what the machine can do at best does not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setitem(measure._SIDE, "cpu", 256)
        patch.setitem(measure._COPIED, "cpu", 1 << 24)
        yield
