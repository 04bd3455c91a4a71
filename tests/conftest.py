import functools
import os
import sys
from pathlib import Path

import pytest

from glyph_demo.settings import Settings
from tests.fakes import FakeEngine
from tests.fast import is_slow

LOADERS = ("glyph_demo.engines.pocket.reader", "glyph_demo.engines.local.engine")
ARTIFACTS = Path(__file__).parent / "artifacts"


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")
    parser.addoption("--fast", action="store_true", help="run only tests that need no browser, model or process")


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--fast") and collection_path.name.startswith("test_") and is_slow(collection_path):
        return True
    return None  # the other rules of pytest decide


def pytest_collection_modifyitems(config, items):
    if config.getoption("--fast"):
        slow = [item for item in items if item.get_closest_marker("slow") or item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
    elif not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; runs with --long"))


@pytest.fixture(autouse=True)
def is_fast(request):
    """With `--fast`, a test that loads a model fails: it is to be marked `slow`."""
    before = set(sys.modules)
    yield
    if request.config.getoption("--fast"):
        loaded = [name for name in set(sys.modules) - before if name in LOADERS or ".modeling_" in name]
        assert not loaded, "it loads a model: mark it slow"


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch, tmp_path):
    """No test sees the developer's settings, cache or network hubs."""
    for name in list(os.environ):
        if name.startswith("GLYPH_DEMO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GLYPH_DEMO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def artifacts() -> Path:
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory):
    """`make_checkpoint` into a folder of its own. Equal ones are made once, so that no test may change them."""
    from tests.checkpoints import make_checkpoint  # here: fast tests load no model

    return functools.cache(lambda *shape, **more: make_checkpoint(tmp_path_factory.mktemp("model"), *shape, **more))


@pytest.fixture(scope="session")
def checkpoint(checkpoint_of):
    return checkpoint_of()


@pytest.fixture
def local_settings(checkpoint, tmp_path):
    """Settings of a local engine with a small checkpoint."""
    return Settings(engine="local", model=str(checkpoint), cache_dir=str(tmp_path))


@pytest.fixture(scope="module")
def one_thread():
    """For small models: threads only wait for each other there, up to ten times longer on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def save(tmp_path):
    """Write a file of this name and content into the folder of the test."""

    def saved(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return saved
