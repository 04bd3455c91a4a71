"""The real app in a process of its own, and Debian's Chromium driven by Playwright."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.browser.person import arrive
from tests.command import started

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 180_000  # for anything to appear, on a machine however busy


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The address of an app with the pocket engine."""
    with serving(tmp_path_factory.mktemp("app"), "--engine", "pocket") as address:
        yield address


@contextlib.contextmanager
def serving(folder, *flags, port=0):
    """The address of an app with these flags, a cache in this folder and no hub to ask."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLYPH_DEMO_")}
    environment |= {"GLYPH_DEMO_CACHE_DIR": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "TMPDIR": str(folder)}
    command = [sys.executable, "app.py", "--port", str(port), *flags]
    with started(command, folder / "log", env=environment) as (_, address):
        yield address
    assert not list(folder.glob("glyph-demo-*")), "sessions remove their folders when the app ends"


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import expect, sync_playwright

    path = shutil.which("chromium")
    assert path, "The browser tests need Debian's chromium: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """Make pages, each in a context of its own; options are those of a browser context."""
    contexts = []

    def made(**options):
        usual = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"}
        contexts.append(chromium.new_context(**usual | options))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        return contexts[-1].new_page()

    yield made
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(new_page, address):
    """Open the app in a page that `new_page` makes. At the end no page may have asked another host for anything or
    have thrown an error."""
    complaints = []

    def foreign(request):
        if not request.url.startswith((address, "data:", "blob:")):
            complaints.append(f"asked for {request.url}")

    def opened(**options):
        page = new_page(**options)
        page.on("request", foreign)
        page.on("pageerror", lambda error: complaints.append(f"threw {error}"))
        return arrive(page, address)

    yield opened
    assert complaints == []
