"""Restarts of the app: an engine chosen in the window, and pages that stay open."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import ask, expect_answers, open_settings, upload, wait_until_read
from tests.checkpoints import make_checkpoint

LOAD_MS = 60_000


@pytest.fixture
def visit(chromium):
    contexts = []

    def visited(address):
        contexts.append(chromium.new_context(locale="en-US"))
        page = contexts[-1].new_page()
        page.goto(address)
        page.locator("#title h1").wait_for()
        return page

    yield visited
    for context in contexts:
        context.close()


def test_an_engine_chosen_in_the_window_is_there_after_a_restart_and_one_that_is_gone_locks_nobody_out(
    visit, tmp_path, artifacts
):
    model = make_checkpoint(tmp_path / "model")
    with serving(tmp_path) as address:
        page = visit(address)
        open_settings(page)
        page.get_by_label(re.compile("^Engine")).click()
        page.get_by_role("option", name="local", exact=True).click()
        page.locator("#model :is(textarea, input)").fill(str(model))
        page.locator("#load").click()
        expect(page.locator("#status")).to_contain_text("The engine is loaded", timeout=LOAD_MS)
    with serving(tmp_path) as address:
        page = visit(address)
        expect(page.locator("#title")).to_contain_text("Engine: local")
        expect(page.locator("#status")).to_have_text("", timeout=LOAD_MS)
    shutil.rmtree(model)
    with serving(tmp_path) as address:
        page = visit(address)
        expect(page.locator("#status")).to_contain_text("chosen in the window could not be loaded", timeout=LOAD_MS)
        expect(page.locator("#title")).to_contain_text("Engine: pocket", timeout=LOAD_MS)
        page.screenshot(path=artifacts / "engine-gone.png")


def test_a_page_that_was_used_while_the_app_was_down_comes_back_by_itself(visit, tmp_path):
    with serving(tmp_path, "--engine", "pocket") as address:
        page = visit(address)
        upload(page, "survey.txt", files.text())
        wait_until_read(page)
        ask(page, "Who led the survey of the harbour?")
        expect_answers(page, 1)
    ask(page, "And when?")
    with serving(tmp_path, "--engine", "pocket", port=int(address.rpartition(":")[2])):
        page.wait_for_event("framenavigated", timeout=LOAD_MS)
        expect(page.locator("#documents")).to_contain_text("survey.txt", timeout=LOAD_MS)
        expect_answers(page, 1)
        ask(page, "Where was the survey kept?")
        expect_answers(page, 2)
