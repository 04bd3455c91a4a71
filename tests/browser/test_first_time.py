"""A first visit from beginning to end, in one page that is never loaded anew by hand."""

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    answers,
    arrive,
    ask,
    expect_answers,
    open_settings,
    upload,
    use_folder,
    wait_until_read,
)

ASKED = ("text", "scan", "form")
DOWN = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")


def test_a_first_visit_with_a_mixed_pdf_another_engine_and_a_restart_of_the_app(new_page, tmp_path, checkpoint_of):
    complaints = []
    page = new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with serving(tmp_path) as address:
        arrive(page, address)
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        upload(page, "report.pdf", files.report())
        for number, kind in enumerate(ASKED, 1):  # while it is read
            ask(page, files.QUESTIONS[kind][0])
            expect_answers(page, number)
        wait_until_read(page)
        for number, kind in enumerate(ASKED):
            expect(answers(page).nth(number)).to_contain_text(files.QUESTIONS[kind][1])
        page.get_by_role("button", name="Original").click()
        expect(page.locator("#page .glyph-box.chosen").first).to_be_visible()
        open_settings(page)
        use_folder(page, checkpoint_of(context=32768))
        expect(page.locator("#outcome")).to_contain_text("The engine is loaded")
        wait_until_read(page)
        page.locator(".sidebar .toggle-button").first.click()
        ask(page, "And who keeps the key?")
        expect_answers(page, 4)
        assert complaints == []
        page.evaluate("window.before = true")
    with serving(tmp_path, port=int(address.rpartition(":")[2])):
        page.wait_for_function("!window.before")
        wait_until_read(page)
        expect(page.locator("#title")).to_contain_text("Engine: local")
        ask(page, "And the lighthouse?")
        expect_answers(page, 5)
    ended = [told for told in complaints if not any(word in told for word in DOWN)]
    assert [told for told in ended if "network error" not in told and "errored out" not in told] == []


def test_from_the_first_page_over_what_the_document_is_to_the_place_and_the_figures_of_an_answer(open_page):
    page = open_page()
    drop, about = page.locator("#upload .glyph-drop"), page.locator("#about")
    expect(page.locator(".glyph-drop:visible")).to_have_count(1)
    expect(page.locator("#examples button")).to_have_count(2)
    for unusable in ("#question", "#talk-tools", "#gallery"):
        expect(page.locator(unusable)).to_be_hidden()
    upload(page, "survey.txt", files.text())
    wait_until_read(page)
    expect(drop).to_contain_text("+ Add")
    expect(about).to_contain_text(files.FACTS[0][:40])
    questions = about.locator("[data-question]")
    expect(questions).to_have_count(2)  # a longer document has three
    question = questions.first.inner_text()
    questions.first.click()
    expect_answers(page, 1)
    expect(page.locator("#chat .user-row")).to_have_text([question])
    card = answers(page).first
    expect(card.locator(".glyph-answer").first).to_have_css("font-size", "16px")
    card.locator(".glyph-cite").first.click()
    expect(page.locator("#page .glyph-box.chosen").first).to_be_in_viewport()
    expect(card.locator(".glyph-figures")).to_be_hidden()
    card.locator(".glyph-details summary").click()
    expect(card.locator(".glyph-figures")).to_contain_text("Pages reused")
