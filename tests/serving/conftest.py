"""The API behind a real server, for clients of other people's making."""

import contextlib
import time
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from glyph_demo.conversation.session import open_store
from glyph_demo.serving.app import create_api
from glyph_demo.serving.service import Service
from glyph_demo.settings import load_settings
from tests.fakes import FakeEngine
from tests.servers import served


@dataclass
class Running:
    service: Service
    address: str

    @property
    def client(self):
        limits = httpx.Limits(max_connections=None)
        return httpx.Client(base_url=self.address, timeout=60, limits=limits)


@contextlib.contextmanager
def serving(settings, engine, ready=lambda: True):
    """The API over an engine, which is closed with it."""
    service = Service(engine, settings, open_store(settings), ready)
    with served(uvicorn.Config(create_api(service), port=0, log_level="error")) as port:
        yield Running(service, f"http://127.0.0.1:{port}")
        service.close()
    engine.close()


@pytest.fixture
def serve(tmp_path):
    """Serve an engine; flags are those of the settings. All end with the test."""
    with contextlib.ExitStack() as stack:

        def started(engine=None, ready=lambda: True, **flags):
            settings = load_settings(flags={"cache_dir": str(tmp_path / "cache"), **flags})
            return stack.enter_context(serving(settings, engine or FakeEngine(), ready))

        yield started


@pytest.fixture
def client(serve):
    """A client of a server over a FakeEngine, with the settings as they come."""
    with serve().client as made:
        yield made


@pytest.fixture
def until():
    """Wait for a condition; a test that waits in vain fails here."""

    def waited(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return waited
