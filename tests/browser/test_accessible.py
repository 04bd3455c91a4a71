"""axe finds nothing serious in any state of the window, on a laptop in the light and on a phone in the dark."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import QUESTION, answers, ask, expect_accessible, expect_answers, read_document, upload

LAPTOP = {}
PHONE = {"locale": "zh-CN", "color_scheme": "dark", "viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.mark.long
@pytest.mark.parametrize("options", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_every_state_of_the_window_is_accessible(open_page, artifacts, options):
    page = open_page(**options)
    device = "phone" if options else "laptop"
    complaints = []

    def look(state):
        page.wait_for_timeout(400)  # what slides or fades in has come
        page.screenshot(path=artifacts / f"state-{device}-{state}.png")
        try:
            expect_accessible(page)
        except AssertionError as fault:
            complaints.append(f"{state}: {fault}")

    look("empty")
    upload(page, "broken.docx", files.bad()["broken.docx"])
    expect(page.locator("#status .glyph-notice.error")).to_be_visible()
    look("error")
    upload(page, "long.pdf", files.scan(12, seed=900))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    look("reading")
    ask(page, "Who painted the lighthouse?")
    expect(page.locator("#live .glyph-wait")).to_be_visible()
    look("answer-running")
    page.locator("#question .stop-button").click()
    expect(page.locator("#live .glyph-live")).to_have_count(0)
    page.locator("#documents [data-act=remove]").click()
    read_document(page, "report.pdf", files.report())
    look("read")
    page.fill(QUESTION, "")
    ask(page, "What is the depth of the coal berth, 11.3 or 47 metres?")
    expect_answers(page, 1)
    for folded in page.locator("#chat summary").all():
        folded.click()
    look("answered")
    page.locator("#documents [data-act=remove]").click()
    expect(page.locator("dialog")).to_be_visible()
    look("dialog")
    page.keyboard.press("Escape")
    page.locator("#find input").fill("harbour")
    page.locator("#find input").press("Enter")
    expect(page.locator("#found button").first).to_be_visible()
    look("found")
    page.locator("#page [data-act=show][data-what=original]").click()
    expect(page.locator("#page img")).to_have_count(1)
    look("original")
    page.locator("#page [data-size]").click()
    expect(page.locator("#page.large")).to_be_visible()
    look("large")
    page.keyboard.press("Escape")
    read_document(page, "short.txt", files.text())
    page.locator("#everyone input").check()
    ask(page, "How deep is the water at the north pier, 14.2 or 47 metres?")
    expect_answers(page, 1)
    expect(answers(page).last.locator(".glyph-other")).to_have_count(1)
    look("everyone")
    page.locator("#documents [data-act=rename]").first.click()
    expect(page.locator("#documents .glyph-rename")).to_be_visible()
    look("rename")
    page.keyboard.press("Escape")
    page.fill("#search input", "nowhere")
    expect(page.locator("#documents .glyph-open")).to_have_count(0)
    look("search")
    page.fill("#search input", "")

    page.get_by_role("tab").nth(1).click()
    look("many-empty")
    page.get_by_role("button", name=re.compile("Add the opened documents|添加已打开的文档")).click()
    page.fill("#many-question textarea", "How deep is the water at the north pier?")
    page.click("#many-run")
    expect(page.locator("#many .glyph-place").first).to_be_visible()
    look("many-results")
    for number, tab in enumerate(("compare", "machine", "benchmark"), 2):
        page.get_by_role("tab").nth(number).click()
        look(tab)
    page.locator(".sidebar .toggle-button").first.click()
    for choice in ("pocket", "folder", "server"):
        page.locator(f"#choice label:has(input[value={choice}])").click()
        look(f"settings-{choice}")
    assert complaints == []
