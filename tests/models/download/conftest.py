import pytest

from glyph_demo.models import sources
from tests.models.hubs import serving


@pytest.fixture(scope="module")
def folder(checkpoint_of):
    return checkpoint_of(shard="400KB")


@pytest.fixture(autouse=True)
def online(monkeypatch, tmp_path):
    """No cache of the developer's, no proxy, no token, short pauses, and the hub's client not offline."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "MODELSCOPE_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sources, "PAUSE", 0.01)


@pytest.fixture
def hub(folder, monkeypatch):
    with serving(folder) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served


@pytest.fixture
def modelscope(folder, monkeypatch):
    with serving(folder) as served:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", served.address)
        yield served
