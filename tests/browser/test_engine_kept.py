"""Restarts of the app: an engine chosen in the window, and pages that stay open."""

import json
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    arrive,
    ask,
    ask_about_survey,
    ask_and_expect,
    expect_answers,
    open_settings,
    read_document,
)
from tests.checkpoints import make_checkpoint


def wait_until_kept(page, folder):
    """Until the app knows that the engine chosen can be loaded: one that ends before that does not try it again."""
    file = folder / "cache" / "engine.json"
    while not file.exists() or json.loads(file.read_text())["loading"]:
        page.wait_for_timeout(50)


@pytest.mark.long
def test_an_engine_chosen_in_the_window_is_there_after_a_restart_and_one_that_is_gone_locks_nobody_out(
    new_page, tmp_path, artifacts
):
    model = make_checkpoint(tmp_path / "model")
    with serving(tmp_path) as address:
        page = arrive(new_page(), address)
        open_settings(page)
        page.locator("#choice label").filter(has_text="Another model").click()
        page.locator("#folder :is(textarea, input)").fill(str(model))
        page.locator("#picked").get_by_role("button", name="Use it").click()
        expect(page.locator("#status")).to_contain_text("The engine is loaded")
        wait_until_kept(page, tmp_path)
    with serving(tmp_path) as address:
        page = arrive(new_page(), address)
        expect(page.locator("#title")).to_contain_text("Engine: local")
        wait_until_kept(page, tmp_path)
        expect(page.locator("#status")).to_have_text("")
    shutil.rmtree(model)
    with serving(tmp_path) as address:
        page = arrive(new_page(), address)
        expect(page.locator("#status")).to_contain_text("chosen in the window could not be loaded")
        expect(page.locator("#title")).to_contain_text("Engine: pocket")
        page.screenshot(path=artifacts / "engine-gone.png")


def test_a_page_that_was_used_while_the_app_was_down_comes_back_by_itself(new_page, tmp_path):
    with serving(tmp_path, "--engine", "pocket") as address:
        page = arrive(new_page(), address)
        read_document(page, "survey.txt", files.text())
        ask_about_survey(page)
    page.evaluate("window.before = true")
    ask(page, "And when?")
    with serving(tmp_path, "--engine", "pocket", port=int(address.rpartition(":")[2])):
        page.wait_for_function("!window.before")
        expect(page.locator("#documents")).to_contain_text("survey.txt")
        expect_answers(page, 1)
        ask_and_expect(page, "Where was the survey kept?", number=2)
