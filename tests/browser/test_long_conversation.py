"""A conversation of more turns than are shown at first."""

import pytest
from playwright.sync_api import expect

from glyph_demo.windows.conversations import SHOWN
from tests.browser import files
from tests.browser.person import answers, ask, expect_accessible, read_document


@pytest.mark.long
def test_earlier_turns_come_by_a_button_and_each_turn_keeps_its_tools(open_page, artifacts):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    asked, earlier = page.locator("#chat .user-row"), page.locator("#earlier button")
    for number in range(SHOWN + 2):
        ask(page, f"How deep is the water at pier {number}?")
        expect(asked.last).to_contain_text(f"pier {number}?")
        expect(page.locator("#live .glyph-live")).to_have_count(0)
        if number < SHOWN:
            expect(earlier).to_have_count(0)
    expect(asked).to_have_count(SHOWN)
    expect(asked.first).to_contain_text("pier 2?")
    expect(earlier).to_have_text("Show more of the 2 earlier questions")
    page.locator("#language label").last.click()
    expect(earlier).to_have_text("显示更多之前的提问（还有 2 个）")
    earlier.scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "earlier-zh.png")
    page.locator("#language label").first.click()
    expect(earlier).to_have_text("Show more of the 2 earlier questions")
    earlier.scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "earlier.png")
    expect_accessible(page)
    earlier.focus()
    page.keyboard.press("Enter")
    expect(asked).to_have_count(SHOWN + 2)
    expect(earlier).to_have_count(0)
    page.reload()
    expect(asked).to_have_count(SHOWN)
    page.get_by_label("Edit").first.click()
    page.locator("#chat textarea").fill("How deep is it?")
    page.get_by_label("Submit").first.click()
    expect(page.locator("dialog")).to_contain_text(f"The {SHOWN - 1} questions after it")
    page.get_by_role("button", name="Ask again").click()
    expect(asked.last).to_contain_text("How deep is it?")
    expect(page.locator("#live .glyph-live")).to_have_count(0)
    expect(answers(page)).to_have_count(3)
