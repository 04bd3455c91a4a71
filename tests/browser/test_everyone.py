"""One question to all documents that are open."""

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import answers, ask, expect_accessible, expect_answers, read_document

QUESTION = "How deep is the water at the north pier?"


def test_all_opened_documents_answer_in_one_card_and_each_place_is_shown(open_page, artifacts):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    read_document(page, "one.txt", files.text())
    everyone = page.get_by_label("Ask several documents at once")
    expect(everyone).to_be_hidden()
    read_document(page, "two.pdf", files.pdf())
    expect(page.locator("#documents li")).to_have_count(2)
    everyone.check()
    ask(page, QUESTION)
    expect_answers(page, 1)
    parts = answers(page).first.locator("h3")
    expect(parts).to_have_text(["two.pdf", "one.txt"])
    other = answers(page).first.locator(".glyph-other")
    expect(other).to_contain_text("14.2")
    expect_accessible(page)
    page.screenshot(path=artifacts / "everyone.png")
    page.get_by_role("button", name="Copy answer").click()
    front, behind = page.evaluate("navigator.clipboard.readText()").split("\n\none.txt\n")
    assert front.startswith("two.pdf\n")
    assert "14.2" in front
    assert "14.2" in behind
    beside = page.locator("#page .glyph-beside")
    other.locator(".glyph-claim", has_text="14.2").first.click()
    expect(beside).to_contain_text("one.txt")
    expect(page.locator("#page .glyph-box.chosen")).to_be_visible()
    expect(page.locator("#documents [aria-current=true]")).to_contain_text("two.pdf")
    expect(parts).to_have_text(["two.pdf", "one.txt"])
    page.screenshot(path=artifacts / "beside.png")
    expect_accessible(page)
    page.get_by_role("button", name="Back to two.pdf").click()
    expect(beside).to_have_count(0)
    expect(other.locator("li")).to_have_count(0)  # no place is said twice
    other.locator(".glyph-claim").last.click()
    expect(beside).to_contain_text("one.txt")
    expect(page.locator("#page .glyph-box.chosen")).to_be_visible()
    page.get_by_label("Ask one.txt too").uncheck()
    ask(page, QUESTION)
    expect_answers(page, 2)
    expect(answers(page).last.locator("h3")).to_have_count(0)
    page.get_by_role("tab", name="Many documents").click()
    rows = page.locator("#many tbody tr")
    expect(rows.filter(has_text="14.2")).to_have_count(2)
    expect(page.locator("#many-question textarea")).to_have_value(QUESTION)
    page.get_by_role("tab", name="Read and ask").click()
    page.get_by_label("Ask one.txt too").check()
    ask(page, "How long is the north pier?")
    expect_answers(page, 3)
    page.get_by_role("tab", name="Many documents").click()
    expect(rows).to_have_count(4)
    expect(page.locator("#many-question textarea")).to_have_value(f"{QUESTION}\nHow long is the north pier?")
    page.get_by_role("tab", name="Read and ask").click()
    page.get_by_label("Ask one.txt too").uncheck()
    page.locator("#documents .glyph-open").first.click()
    expect(page.get_by_label("Ask one.txt too")).to_be_disabled()
    expect(page.get_by_label("Ask one.txt too")).to_be_checked()  # the one in front is asked
    for name in ("Harbour", "Pier"):  # a row is made of another; what was done to that is not done to it
        page.locator("#documents [data-act=rename]").first.click()
        page.locator("#documents .glyph-rename").fill(name)
        page.keyboard.press("Enter")
        expect(page.locator("#documents .glyph-name").first).to_have_text(name)
    everyone.uncheck()
    expect(page.locator("#documents input")).to_have_count(0)
    page.locator("#documents .glyph-open").last.click()
    page.reload()
    expect(answers(page).first.locator("h3")).to_have_text(["two.pdf", "one.txt"])


def test_all_opened_documents_are_asked_in_chinese(open_page, artifacts):
    page = open_page(locale="zh-CN")
    for name in ("甲.txt", "乙.txt"):
        read_document(page, name, files.text())
    page.get_by_label("同时向多份文档提问").check()
    ask(page, QUESTION)
    expect_answers(page, 1)
    expect(answers(page).last.locator("h3")).to_have_text(["乙.txt", "甲.txt"])
    page.screenshot(path=artifacts / "everyone-zh.png")
