"""Restarts of the app: an engine chosen in the window."""

import json
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.browser.person import arrive, open_settings, use_folder
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
        use_folder(page, model)
        expect(page.locator("#outcome")).to_contain_text("The engine is loaded")
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
