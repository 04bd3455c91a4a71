"""The same window over the full-size engine's code, on a small checkpoint with random weights."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import answers, ask_and_expect, read_document, wait_until_read
from tests.checkpoints import make_checkpoint


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    model = make_checkpoint(folder / "model")
    with serving(folder, "--engine", "local", "--model", str(model)) as address:
        yield address


def test_pages_become_features_and_two_questions_share_their_prefix(open_page, artifacts):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    ask_and_expect(page, "Who led the survey?")
    ask_and_expect(page, "And when?", number=2)
    expect(page.locator("#progress")).to_contain_text(re.compile(r"text tokens per visual token \d"))
    expect(page.locator("#documents")).to_contain_text(re.compile(r"\d+ tokens · kept in memory"))
    expect(answers(page).last.locator(".glyph-figures")).to_contain_text(re.compile(r"Pages reused\s*1 / 1"))
    page.screenshot(path=artifacts / "window-local.png")


def test_where_an_answer_looked_is_still_known_after_a_reload(open_page):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    ask_and_expect(page, "Who led the survey?")
    expect(page.locator("#page .glyph-heat")).to_have_count(1)
    page.reload()
    wait_until_read(page)
    expect(page.locator("#page .glyph-heat")).to_have_count(1)
    page.locator("#chat .glyph-passage").first.click()
    expect(page.locator("#page .glyph-box.chosen").first).to_be_visible()
