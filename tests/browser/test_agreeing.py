"""What goes only once a person has agreed, in a dialog that the keyboard reaches."""

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import QUESTION, answers, ask_about_survey, ask_and_expect, expect_accessible, read_document


def test_an_early_question_and_a_document_with_a_conversation_go_only_when_agreed_to(open_page, artifacts):
    page = open_page()
    read_document(page, "harbour.txt", files.text())
    ask_about_survey(page)
    ask_and_expect(page, "How deep is the water at the north pier?", "14.2", number=2)

    def edit_first(text):
        page.get_by_label("Edit").first.click()
        page.locator("#chat textarea").fill(text)
        page.get_by_label("Submit").last.click()

    edit_first("Who paid for the survey?")
    asks = page.get_by_role("dialog")
    expect(asks).to_contain_text("The question after it will be removed.")
    expect(asks.get_by_role("button", name="Keep")).to_be_focused()
    expect_accessible(page)
    page.screenshot(path=artifacts / "agreeing.png")
    page.keyboard.press("Escape")
    expect(page.locator(QUESTION)).to_have_value("Who paid for the survey?")
    expect(answers(page)).to_have_count(2)
    expect(page.locator("#chat .user-row").first).to_contain_text("Who led the survey")

    remove = page.get_by_role("button", name="Remove harbour.txt")
    for _ in range(2):
        remove.click()
        expect(asks).to_contain_text("2 questions")
        asks.get_by_role("button", name="Keep").click()
        expect(asks).to_have_count(0)
    expect(answers(page)).to_have_count(2)

    page.fill(QUESTION, "")
    edit_first("How deep is the water at the north pier?")
    asks.get_by_role("button", name="Ask again").click()
    expect(answers(page)).to_have_count(1)
    expect(answers(page).last).to_contain_text("14.2")
    expect(page.locator(QUESTION)).to_have_value("")
    remove.click()
    asks.get_by_role("button", name="Remove").click()
    expect(page.locator("#documents li")).to_have_count(0)
